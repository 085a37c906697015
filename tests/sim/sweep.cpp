// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/sweep.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace ethlink::sim {
namespace {

using Clock = std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

struct SeedRange {
    std::uint64_t first = 1, last = 0;
    Clock::time_point until = Clock::time_point::max();
};

/// What one test did.
struct Done {
    std::string test;
    SeedRange seeds;
    std::uint64_t run = 0;
    std::uint64_t failed_seed = 0;  // none
    double seconds = 0;
    Ledger ledger;
};

const char* text_of(const char* key) {
    const char* text = std::getenv(key);
    return text == nullptr || *text == '\0' ? nullptr : text;
}

[[noreturn]] void refuse(const char* key, const char* text, const std::string& wanted) {
    std::fprintf(stderr, "%s=%s: %s\n", key, text, wanted.c_str());
    std::exit(2);
}

std::uint64_t number_of(const char* key, const char* text, const char** end) {
    char* after = nullptr;
    errno = 0;
    const std::uint64_t value = std::strtoull(text, &after, 10);
    if (after == text || errno != 0 || value == 0)
        refuse(key, text, "a number from 1 on is needed");
    *end = after;
    return value;
}

std::uint64_t whole_number(const char* key, const char* text) {
    const char* end = nullptr;
    const std::uint64_t value = number_of(key, text, &end);
    if (*end != '\0') refuse(key, text, "a number from 1 on is needed");
    return value;
}

SeedRange wanted_seeds(std::uint64_t ordinary) {
    if (const char* one = text_of("ETHLINK_SEED")) {
        const std::uint64_t seed = whole_number("ETHLINK_SEED", one);
        return {.first = seed, .last = seed};
    }
    // Under a sanitizer each takes many times as long.
    SeedRange range{.first = 1, .last = kSanitized ? (ordinary + 3) / 4 : ordinary};
    if (const char* many = text_of("ETHLINK_SEEDS")) {
        const char* end = nullptr;
        range.last = number_of("ETHLINK_SEEDS", many, &end);
        if (*end == '-') {
            range.first = range.last;
            range.last = whole_number("ETHLINK_SEEDS", end + 1);
        } else if (*end != '\0') {
            refuse("ETHLINK_SEEDS", many, "a number, or first-last, is needed");
        }
    }
    if (const char* seconds = text_of("ETHLINK_SECONDS")) {
        const std::chrono::seconds time(whole_number("ETHLINK_SECONDS", seconds));
        range.until = Clock::now() + time;
        range.last = UINT64_MAX - 1000;
    }
    return range;
}

FaultSet faults_named(const char* key) {
    const char* const text = text_of(key);
    if (text == nullptr) return FaultSet::all();
    FaultSet set;
    std::string_view rest(text);
    if (rest == "none") return set;
    while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        bool known = false;
        std::string all;
        for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::kCount); ++i) {
            const auto fault = static_cast<Fault>(i);
            all += (i == 0 ? "" : ", ") + std::string(name(fault));
            if (name(fault) != word) continue;
            set.add(fault);
            known = true;
        }
        if (!known) refuse(key, text, "there are: none, or " + all);
    }
    return set;
}

std::string words(FaultSet set) {
    std::string text;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::kCount); ++i) {
        const auto fault = static_cast<Fault>(i);
        if (set.has(fault)) text += (text.empty() ? "" : ",") + std::string(name(fault));
    }
    return text.empty() ? "none" : text;
}

std::string test_name() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    return info == nullptr ? "?" : std::string(info->test_suite_name()) + "." + info->name();
}

std::string command(const Trial& trial, const std::string& test) {
    std::string text = "ETHLINK_SEED=" + std::to_string(trial.seed);
    if (trial.allowed != FaultSet::all()) text += " ETHLINK_ONLY=" + words(trial.allowed);
    if (trial.work_max != UINT64_MAX) text += " ETHLINK_WORK=" + std::to_string(trial.work_max);
    return text + " " + program_invocation_name + " --gtest_filter=" + test;
}

// What a seed that ends the program can still say: which one it was. Sanitizers have their own.

thread_local volatile std::uint64_t seed_here = 0;
char dying_words[256];

void say_seed(int signal) {
    char text[320];
    const int n =
        std::snprintf(text, sizeof text, "\nsignal %d in a seed; again: ETHLINK_SEED=%llu %s\n",
                      signal, static_cast<unsigned long long>(seed_here), dying_words);
    if (n > 0 && seed_here != 0) {
        [[maybe_unused]] const auto written = write(2, text, static_cast<std::size_t>(n));
    }
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void expect_death(const std::string& test) {
    if (kSanitized) return;
    std::snprintf(dying_words, sizeof dying_words, "%s --gtest_filter=%s", program_invocation_name,
                  test.c_str());
    for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE}) std::signal(signal, say_seed);
}

/// All seeds of a range, by as many threads as there are cores.
class Crew {
public:
    Crew(const SeedRange& seeds, const Trial& like, const Run& run)
        : like_(like), run_(run), range_(seeds), next_(seeds.first), failed_(UINT64_MAX) {}

    void work() {
        const int threads = tbb::info::default_concurrency();
        tbb::parallel_for(
            0, threads,
            [this](int) {
                // A seed may wait for tasks of its own; it must not be given another seed
                // meanwhile.
                tbb::this_task_arena::isolate([this] { take_seeds(); });
            },
            tbb::simple_partitioner());
    }
    std::uint64_t run() const { return count_; }
    std::uint64_t failed() const { return failed_ == UINT64_MAX ? 0 : failed_.load(); }
    const Ledger& ledger() const { return ledger_; }

private:
    void take_seeds() {
        Ledger ledger;
        std::uint64_t count = 0;
        for (;;) {
            // In ascending order, so that below the lowest that fails none is left out.
            const std::uint64_t seed = next_.fetch_add(1);
            if (seed > range_.last || seed > failed_ || Clock::now() > range_.until) break;
            Trial trial = like_;
            trial.seed = seed;
            Oracle oracle;
            seed_here = seed;
            run_(trial, oracle);
            seed_here = 0;
            ledger.add(oracle.ledger);
            ++count;
            if (oracle.is_sound()) continue;
            std::uint64_t lowest = failed_;
            while (seed < lowest && !failed_.compare_exchange_weak(lowest, seed)) {
            }
        }
        const std::scoped_lock lock(mutex_);
        ledger_.add(ledger);
        count_ += count;
    }

    const Trial& like_;
    const Run& run_;
    SeedRange range_;
    std::atomic<std::uint64_t> next_, failed_;
    std::mutex mutex_;
    Ledger ledger_;
    std::uint64_t count_ = 0;
};

/// Looks for less that still fails.
class Shrinker {
public:
    explicit Shrinker(const Run& run) : run_(run) {}

    /// `trial` fails.
    Trial shrink(Trial trial) {
        if (fails(trial)) trial.allowed = last_.on;
        for (bool smaller = true; smaller;) smaller = fewer_faults(trial) | less_work(trial);
        fails(trial);
        return trial;
    }
    const Oracle& last() const { return last_; }

private:
    bool fails(const Trial& trial) {
        last_ = Oracle();
        run_(trial, last_);
        return !last_.is_sound();
    }
    bool may_go_on() const { return Clock::now() < until_; }

    bool fewer_faults(Trial& trial) {
        bool any = false;
        for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::kCount); ++i) {
            const auto fault = static_cast<Fault>(i);
            if (!trial.allowed.has(fault) || !may_go_on()) continue;
            Trial less = trial;
            less.allowed.remove(fault);
            if (!fails(less)) continue;
            trial = less;
            any = true;
        }
        return any;
    }
    bool less_work(Trial& trial) {
        bool any = false;
        for (std::uint64_t now = work_of(trial), cut = now / 2; cut > 0 && may_go_on();) {
            Trial less = trial;
            less.work_max = now - cut;
            if (fails(less)) {
                trial = less;
                now -= cut;
                any = true;
            } else {
                cut /= 2;
            }
            cut = std::min(cut, now / 2);
        }
        return any;
    }
    std::uint64_t work_of(const Trial& trial) {
        fails(trial);
        return last_.work;
    }

    const Run& run_;
    Oracle last_;
    Clock::time_point until_ = Clock::now() + std::chrono::seconds(20);
};

void report(const std::string& test, const Trial& failed, const Run& run) {
    Oracle whole;
    run(failed, whole);
    std::string text = "seed " + std::to_string(failed.seed) + " breaks " + whole.broken() +
                       "\n  its faults: " + words(whole.on) + ", work " +
                       std::to_string(whole.work) + "\n  again: " + command(failed, test);
    const char* const shrink = text_of("ETHLINK_SHRINK");
    if (shrink != nullptr && std::string_view(shrink) == "0") {
        ADD_FAILURE() << text;
        return;
    }
    Shrinker shrinker(run);
    const Trial small = shrinker.shrink(failed);
    const Oracle& oracle = shrinker.last();
    text += "\nthe smallest found that still fails breaks " + oracle.broken() +
            "\n  its faults: " + words(oracle.on) + ", work " + std::to_string(oracle.work) +
            "\n  again: " + command(small, test);
    ADD_FAILURE() << text;
}

template <class E>
nlohmann::json to_json(const Counts<E>& counts) {
    nlohmann::json object = nlohmann::json::object();
    for (std::size_t i = 0; i < static_cast<std::size_t>(E::kCount); ++i) {
        const auto which = static_cast<E>(i);
        object[std::string(name(which))] = counts.read(which);
    }
    return object;
}

/// When the program ends: what all its seeds did, to be read by people and by programs.
class Summary final : public testing::Environment {
public:
    void add(const Done& done) { done_.push_back(done); }

    void TearDown() override {
        if (done_.empty()) return;
        Done all;
        nlohmann::json tests = nlohmann::json::array();
        for (const Done& done : done_) {
            all.ledger.add(done.ledger);
            all.run += done.run;
            all.seconds += done.seconds;
            nlohmann::json test{{"test", done.test},
                                {"first_seed", done.seeds.first},
                                {"seeds", done.run},
                                {"seconds", done.seconds},
                                {"failed_seed", nullptr}};
            if (done.failed_seed != 0) test["failed_seed"] = done.failed_seed;
            tests.push_back(std::move(test));
        }
        say(all);
        const char* const file = text_of("ETHLINK_SIM_JSON");
        if (file == nullptr) return;
        std::ofstream out(file, std::ios::app);
        out << nlohmann::json{{"program", program_invocation_short_name},
                              {"seeds", all.run},
                              {"seconds", all.seconds},
                              {"tests", std::move(tests)},
                              {"tally", to_json(all.ledger.tally)},
                              {"faults", to_json(all.ledger.faults)},
                              {"checks", to_json(all.ledger.checks)}}
                   .dump()
            << '\n';
        out.close();
        if (!out) ADD_FAILURE() << "ETHLINK_SIM_JSON=" << file << ": " << std::strerror(errno);
    }

private:
    static void say(const Done& all) {
        std::cout << "[ sim      ] " << all.run << " seeds, " << all.ledger.tally.read(Tally::kSent)
                  << " frames, " << all.ledger.tally.read(Tally::kTransactions) << " transactions, "
                  << all.ledger.faults.sum() << " faults, " << all.ledger.checks.sum()
                  << " invariants checked\n[ sim      ] faults:";
        for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::kCount); ++i) {
            const auto fault = static_cast<Fault>(i);
            const std::uint64_t n = all.ledger.faults.read(fault);
            if (n > 0) std::cout << ' ' << name(fault) << ' ' << n;
        }
        std::cout << std::endl;
    }

    std::vector<Done> done_;
};

// GoogleTest owns it.
Summary* const summary = [] {
    auto* const made = new Summary;
    testing::AddGlobalTestEnvironment(made);
    return made;
}();

}  // namespace

bool seeds_are_chosen() {
    return kSanitized || text_of("ETHLINK_SEED") != nullptr ||
           text_of("ETHLINK_SEEDS") != nullptr || text_of("ETHLINK_SECONDS") != nullptr;
}

Ledger sweep(std::uint64_t ordinary, const Run& run) {
    Trial like;
    if (text_of("ETHLINK_SEED") != nullptr) {
        like.allowed = faults_named("ETHLINK_ONLY");
        if (const char* work = text_of("ETHLINK_WORK")) {
            like.work_max = whole_number("ETHLINK_WORK", work);
        }
    }
    Done done{.test = test_name(), .seeds = wanted_seeds(ordinary), .ledger = {}};
    expect_death(done.test);
    const auto begin = Clock::now();
    Crew crew(done.seeds, like, run);
    crew.work();
    done.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    done.run = crew.run();
    done.failed_seed = crew.failed();
    done.ledger = crew.ledger();
    summary->add(done);
    if (done.failed_seed != 0) {
        like.seed = done.failed_seed;
        report(done.test, like, run);
    }
    return done.ledger;
}

}  // namespace ethlink::sim
