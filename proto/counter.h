// SPDX-License-Identifier: BSD-3-Clause
// A number that one thread counts and any thread may read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ethlink {

/// Monotone 64-bit counter with a single writer: no lock prefix, no torn read.
class Counter {
public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

    /// add() that also publishes what was written before it, to a reader that uses read_acquire().
    void add_release(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_release);
    }
    std::uint64_t read_acquire() const { return value_.load(std::memory_order_acquire); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// A value that goes up and down, with a single writer.
class Gauge {
public:
    void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    void raise_to(std::uint64_t value) {
        if (value > read()) set(value);
    }
    std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// One counter for each value of an enum whose last enumerator is kCount.
template <class Enum>
class CounterSet {
public:
    static constexpr std::size_t kSize = static_cast<std::size_t>(Enum::kCount);

    void add(Enum which, std::uint64_t n = 1) { counters_[static_cast<std::size_t>(which)].add(n); }
    std::uint64_t read(Enum which) const {
        return counters_[static_cast<std::size_t>(which)].read();
    }

private:
    std::array<Counter, kSize> counters_;
};

}  // namespace ethlink
