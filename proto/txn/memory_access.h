// SPDX-License-Identifier: BSD-3-Clause
// Reads and writes of memory that a program looks at meanwhile: words are never torn.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "proto/byte_order.h"
#include "proto/wire/txn_item.h"

namespace ethlink::txn {

namespace detail {

/// The word at `at`, which is aligned for it; windows hold no objects of other types.
template <class Word>
std::atomic_ref<Word> word(std::byte* at) {
    return std::atomic_ref<Word>(*static_cast<Word*>(static_cast<void*>(at)));
}

template <class Word>
bool is_aligned(const std::byte* at) {
    return std::bit_cast<std::uintptr_t>(at) % sizeof(Word) == 0;
}

template <class Word>
Word apply(std::byte* at, const wire::ItemView& item) {
    const auto operand = static_cast<Word>(item.operand);
    const auto place = word<Word>(at);
    switch (item.atomic()) {
        case wire::AtomicOp::kFetchAdd: return place.fetch_add(operand);
        case wire::AtomicOp::kSwap: return place.exchange(operand);
        case wire::AtomicOp::kCompareSwap: {
            auto expected = static_cast<Word>(item.compare);
            place.compare_exchange_strong(expected, operand);
            return expected;
        }
        case wire::AtomicOp::kFetchAnd: return place.fetch_and(operand);
        case wire::AtomicOp::kFetchOr: return place.fetch_or(operand);
        case wire::AtomicOp::kFetchXor: return place.fetch_xor(operand);
        case wire::AtomicOp::kCount: break;
    }
    return 0;
}

}  // namespace detail

/// Up to 8 bytes, as they stand in memory: the first byte at `from` is the first of the result.
inline std::uint64_t read_bytes(const std::byte* from, std::uint32_t n) {
    std::uint64_t value = 0;
    std::byte* const at = const_cast<std::byte*>(from);  // atomic_ref wants it so, and only reads
    if (n == 8 && detail::is_aligned<std::uint64_t>(from)) {
        value = detail::word<std::uint64_t>(at).load(std::memory_order_acquire);
    } else if (n == 4 && detail::is_aligned<std::uint32_t>(from)) {
        const std::uint32_t half = detail::word<std::uint32_t>(at).load(std::memory_order_acquire);
        std::memcpy(&value, &half, sizeof half);
    } else {
        std::memcpy(&value, from, n);
    }
    return value;
}

inline void write_bytes(std::byte* to, std::span<const std::byte> data) {
    if (data.size() == 8 && detail::is_aligned<std::uint64_t>(to)) {
        std::uint64_t value;
        std::memcpy(&value, data.data(), sizeof value);
        detail::word<std::uint64_t>(to).store(value, std::memory_order_release);
    } else if (data.size() == 4 && detail::is_aligned<std::uint32_t>(to)) {
        std::uint32_t value;
        std::memcpy(&value, data.data(), sizeof value);
        detail::word<std::uint32_t>(to).store(value, std::memory_order_release);
    } else {
        std::memcpy(to, data.data(), data.size());
    }
}

/// Does the item's atomic on the aligned word at `at`; what was there before, as bytes in network
/// order from the lowest of the result on.
inline std::uint64_t apply_atomic(std::byte* at, const wire::ItemView& item) {
    std::uint64_t wire_order = 0;
    std::byte bytes[8] = {};
    if (item.length == 8) {
        store_be64(bytes, detail::apply<std::uint64_t>(at, item));
    } else {
        store_be32(bytes, detail::apply<std::uint32_t>(at, item));
    }
    std::memcpy(&wire_order, bytes, sizeof wire_order);
    return wire_order;
}

}  // namespace ethlink::txn
