// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/seed_options.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace ethlink::sim {
namespace {

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

}  // namespace

const char* text_of(const char* key) {
    const char* text = std::getenv(key);
    return text == nullptr || *text == '\0' ? nullptr : text;
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
        range.until = std::chrono::steady_clock::now() + time;
        range.last = UINT64_MAX - 1000;
    }
    return range;
}

Trial wanted_trial() {
    Trial trial;
    if (text_of("ETHLINK_SEED") == nullptr) return trial;
    trial.allowed = faults_named("ETHLINK_ONLY");
    if (const char* work = text_of("ETHLINK_WORK")) {
        trial.work_max = whole_number("ETHLINK_WORK", work);
    }
    return trial;
}

std::string words(FaultSet set) {
    std::string text;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::kCount); ++i) {
        const auto fault = static_cast<Fault>(i);
        if (set.has(fault)) text += (text.empty() ? "" : ",") + std::string(name(fault));
    }
    return text.empty() ? "none" : text;
}

std::string command(const Trial& trial, const std::string& test) {
    std::string text = "ETHLINK_SEED=" + std::to_string(trial.seed);
    if (trial.allowed != FaultSet::all()) text += " ETHLINK_ONLY=" + words(trial.allowed);
    if (trial.work_max != UINT64_MAX) text += " ETHLINK_WORK=" + std::to_string(trial.work_max);
    return text + " " + program_invocation_name + " --gtest_filter=" + test;
}

bool seeds_are_chosen() {
    return kSanitized || text_of("ETHLINK_SEED") != nullptr ||
           text_of("ETHLINK_SEEDS") != nullptr || text_of("ETHLINK_SECONDS") != nullptr;
}

}  // namespace ethlink::sim
