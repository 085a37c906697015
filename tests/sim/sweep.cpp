// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/sweep.h"

#include <atomic>
#include <cerrno>  // program_invocation_name
#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <unistd.h>

#include <gtest/gtest.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include "tests/sim/seed_options.h"
#include "tests/sim/shrink.h"
#include "tests/sim/summary.h"

namespace ethlink::sim {
namespace {

using Clock = std::chrono::steady_clock;

std::string test_name() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    return info == nullptr ? "?" : std::string(info->test_suite_name()) + "." + info->name();
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
    for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL})
        std::signal(signal, say_seed);
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

void report(const std::string& test, const Trial& failed, const Run& run) {
    Oracle whole;
    run(failed, whole);
    std::string text = "seed " + std::to_string(failed.seed) + " breaks " + whole.broken() +
                       "\n  its faults: " + words(whole.on) + ", work " +
                       std::to_string(whole.work) + "\n  again: " + command(failed, test);
    const char* const wanted = text_of("ETHLINK_SHRINK");
    if (wanted != nullptr && std::string_view(wanted) == "0") {
        ADD_FAILURE() << text;
        return;
    }
    const auto [small, oracle] = shrink(failed, run);
    text += "\nthe smallest found that still fails breaks " + oracle.broken() +
            "\n  its faults: " + words(oracle.on) + ", work " + std::to_string(oracle.work) +
            "\n  again: " + command(small, test);
    ADD_FAILURE() << text;
}

}  // namespace

Ledger sweep(std::uint64_t ordinary, const Run& run) {
    Trial like = wanted_trial();
    Done done{.test = test_name(), .seeds = wanted_seeds(ordinary), .ledger = {}};
    expect_death(done.test);
    const auto begin = Clock::now();
    Crew crew(done.seeds, like, run);
    crew.work();
    done.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    done.run = crew.run();
    done.failed_seed = crew.failed();
    done.ledger = crew.ledger();
    add_to_summary(done);
    if (done.failed_seed != 0) {
        like.seed = done.failed_seed;
        report(done.test, like, run);
    }
    return done.ledger;
}

}  // namespace ethlink::sim
