// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/summary.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ethlink::sim {
namespace {

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

// GoogleTest owns it, and must know it before the first test.
Summary* const summary = [] {
    auto* const made = new Summary;
    testing::AddGlobalTestEnvironment(made);
    return made;
}();

}  // namespace

void add_to_summary(const Done& done) {
    summary->add(done);
}

}  // namespace ethlink::sim
