// SPDX-License-Identifier: BSD-3-Clause
// Registered memory: which bytes a remote key opens, for what, and for whom.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/ids.h"

namespace ethlink::txn {

/// Rights of a window, as bits.
struct Rights {
    static constexpr std::uint8_t kRead = 1;
    static constexpr std::uint8_t kWrite = 2;
    static constexpr std::uint8_t kAtomic = 4;
    static constexpr std::uint8_t kAll = kRead | kWrite | kAtomic;
};

/// Remote addresses are offsets into the window. The bytes are somebody else's and outlive it.
struct Window {
    std::uint64_t key = 0;  // 0: a free slot
    std::byte* bytes = nullptr;
    std::uint64_t size = 0;
    std::uint8_t rights = 0;
    Tenant tenant{};
};

/// A table over lent slots, a power of two of them, indexed by the key's low bits. Keys are random
/// (64 bits from the system), so a slot says nothing about the key that is in it; the caller draws
/// again while a key's slot is taken. One thread.
class WindowTable {
public:
    explicit WindowTable(std::span<Window> slots) : slots_(slots) {}

    bool has_room_for(std::uint64_t key) const { return key != 0 && slot(key).key == 0; }
    /// Only if has_room_for(window.key).
    void add(const Window& window) { slots_[index(window.key)] = window; }
    /// From the return on nothing of this window is touched any more.
    bool remove(std::uint64_t key) {
        Window& window = slots_[index(key)];
        if (key == 0 || window.key != key) return false;
        window = {};
        return true;
    }

    /// The bytes at `address`, if all `length` of them may be accessed so; else nullptr. The same
    /// work and the same answer whatever is wrong (T3, T12); nothing is added that could overflow.
    std::byte* find(std::uint64_t key, std::uint64_t address, std::uint64_t length,
                    std::uint8_t right, Tenant tenant) const {
        const Window& window = slot(key);
        const bool same_key = (window.key ^ key) == 0;
        const bool known = key != 0;
        const bool may = (window.rights & right) == right;
        const bool ours = window.tenant == tenant;
        const bool starts = address <= window.size;
        const bool fits = length <= window.size - (starts ? address : window.size);
        const bool good = same_key & known & may & ours & starts & fits;
        return good ? window.bytes + address : nullptr;
    }

private:
    std::size_t index(std::uint64_t key) const { return key & (slots_.size() - 1); }
    const Window& slot(std::uint64_t key) const { return slots_[index(key)]; }

    std::span<Window> slots_;
};

}  // namespace ethlink::txn
