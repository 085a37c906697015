// SPDX-License-Identifier: BSD-3-Clause
// What one seed found out: how often each invariant was looked at, which broke first, what was
// done to bring that about. A value; seeds run in threads, and each has its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/sim/faults.h"

namespace ethlink::sim {

/// As docs/testing.md numbers them.
enum class Invariant : std::uint8_t {
    kL1,
    kL2,
    kL10,
    kL13,
    kC1,
    kC2,
    kC3,
    kS1,
    kS4,
    kS6,
    kS10,
    kS11,
    kE1,
    kE2,
    kE8,
    kE9,
    kE10,
    kR1,
    kR2,
    kCount
};

constexpr std::string_view name(Invariant which) {
    switch (which) {
        case Invariant::kL1: return "L1";
        case Invariant::kL2: return "L2";
        case Invariant::kL10: return "L10";
        case Invariant::kL13: return "L13";
        case Invariant::kC1: return "C1";
        case Invariant::kC2: return "C2";
        case Invariant::kC3: return "C3";
        case Invariant::kS1: return "S1";
        case Invariant::kS4: return "S4";
        case Invariant::kS6: return "S6";
        case Invariant::kS10: return "S10";
        case Invariant::kS11: return "S11";
        case Invariant::kE1: return "E1";
        case Invariant::kE2: return "E2";
        case Invariant::kE8: return "E8";
        case Invariant::kE9: return "E9";
        case Invariant::kE10: return "E10";
        case Invariant::kR1: return "R1";
        case Invariant::kR2: return "R2";
        case Invariant::kCount: break;
    }
    return "none";
}

/// What went through a simulation. The last four are zero wherever an invariant forbids them.
enum class Tally : std::uint8_t {
    kSent,                // frames that senders wanted to be delivered
    kDelivered,           // once, whole, in order
    kGivenUp,             // by a session that ended, with a counter that says so
    kTransactions,        // ended well
    kTransactionsFailed,  // ended with an error that says why
    kLost,
    kDoubled,
    kReordered,
    kCorrupted,
    kCount
};

constexpr std::string_view name(Tally what) {
    switch (what) {
        case Tally::kSent: return "sent";
        case Tally::kDelivered: return "delivered";
        case Tally::kGivenUp: return "given_up";
        case Tally::kTransactions: return "transactions";
        case Tally::kTransactionsFailed: return "transactions_failed";
        case Tally::kLost: return "lost";
        case Tally::kDoubled: return "doubled";
        case Tally::kReordered: return "reordered";
        case Tally::kCorrupted: return "corrupted";
        case Tally::kCount: break;
    }
    return "none";
}

/// A number for each name of an enum.
template <class E>
class Counts {
public:
    void add(E which, std::uint64_t n = 1) { counts_[static_cast<std::size_t>(which)] += n; }
    std::uint64_t read(E which) const { return counts_[static_cast<std::size_t>(which)]; }
    std::uint64_t sum() const {
        std::uint64_t all = 0;
        for (const std::uint64_t n : counts_) all += n;
        return all;
    }
    void add(const Counts& other) {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    }

private:
    std::array<std::uint64_t, static_cast<std::size_t>(E::kCount)> counts_{};
};

struct Ledger {
    Counts<Fault> faults;
    Counts<Tally> tally;
    Counts<Invariant> checks;

    void add(const Ledger& other) {
        faults.add(other.faults);
        tally.add(other.tally);
        checks.add(other.checks);
    }
};

class Oracle {
public:
    /// Looks at an invariant once more; whether it holds. Only what breaks first is kept.
    bool holds(Invariant which, bool good, std::string_view what) {
        ledger.checks.add(which);
        if (!good && broken_.empty()) [[unlikely]]
            broken_ = std::string(name(which)) + ": " + std::string(what);
        return good;
    }
    bool equal(Invariant which, std::uint64_t is, std::uint64_t wanted, std::string_view what) {
        return compare(which, is == wanted, is, " instead of ", wanted, what);
    }
    bool at_most(Invariant which, std::uint64_t is, std::uint64_t limit, std::string_view what) {
        return compare(which, is <= limit, is, " of at most ", limit, what);
    }

    /// The first thing that was not as it must be; empty: all is well.
    const std::string& broken() const { return broken_; }
    bool is_sound() const { return broken_.empty(); }

    Ledger ledger;
    FaultSet on;             // faults that this seed has, for those who look for a smaller one
    std::uint64_t work = 0;  // frames or turns that it took

private:
    bool compare(Invariant which, bool good, std::uint64_t is, const char* relation,
                 std::uint64_t other, std::string_view what) {
        ledger.checks.add(which);
        if (!good && broken_.empty()) [[unlikely]] {
            broken_ = std::string(name(which)) + ": " + std::string(what) + ": " +
                      std::to_string(is) + relation + std::to_string(other);
        }
        return good;
    }

    std::string broken_;
};

}  // namespace ethlink::sim
