// SPDX-License-Identifier: BSD-3-Clause
// Items: the transactions that one frame carries, one behind the other under one ICRC.
//
// Ours throughout (docs/protocol.md). An item is 4 bytes of head, then what its opcode needs:
//
//   0 1 opcode | 1 1 flags or status | 2 2 length
//   load        key 8, address 8
//   store       key 8, address 8, data[length]
//   atomic      key 8, address 8, operand 8 [compare 8: compare-swap only]
//   write       key 8, address 8, data[length] [immediate 8: with kLast and kImmediate]
//   read        key 8, address 8, total 4             (length 0)
//   send        data[length] [immediate 8: with kLast and kImmediate]
//   done        -                                     (length = how many transactions)
//   data        data[length]
//   read_data   data[length]
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "proto/byte_order.h"

namespace ethlink::wire {

enum class ItemOpcode : std::uint8_t {
    kInvalid = 0x00,
    kLoad = 0x01,
    kStore = 0x02,
    kAtomic = 0x03,
    kWrite = 0x10,  // a part of an RDMA Write; kLast ends the message
    kRead = 0x11,
    kSend = 0x12,  // a part of a message into the peer's next receive buffer
    // Responses.
    kDone = 0x81,      // the oldest `length` transactions ended with this status
    kData = 0x82,      // the oldest transaction (load, atomic) ended well, with its data
    kReadData = 0x83,  // a part of the oldest transaction's (read) data; kLast ends it
};

constexpr std::string_view name(ItemOpcode opcode) {
    switch (opcode) {
        case ItemOpcode::kInvalid: return "invalid";
        case ItemOpcode::kLoad: return "load";
        case ItemOpcode::kStore: return "store";
        case ItemOpcode::kAtomic: return "atomic";
        case ItemOpcode::kWrite: return "write";
        case ItemOpcode::kRead: return "read";
        case ItemOpcode::kSend: return "send";
        case ItemOpcode::kDone: return "done";
        case ItemOpcode::kData: return "data";
        case ItemOpcode::kReadData: return "read_data";
    }
    return {};
}

/// What an atomic does; in the flags of its item.
enum class AtomicOp : std::uint8_t {
    kFetchAdd,
    kSwap,
    kCompareSwap,
    kFetchAnd,
    kFetchOr,
    kFetchXor,
    kCount
};

/// How a transaction ended, on the wire and in the client's completion.
enum class TxnStatus : std::uint8_t {
    kOk = 0,
    kRemoteAccess = 1,   // wrong key, address or right: one and the same (no oracle)
    kTimeout = 2,        // nobody answered in time; whether it was done is unknown
    kPeerRestarted = 3,  // the peer lost the channel; whether it was done is unknown
    kUnreachable = 4,    // never sent
    kCancelled = 5,      // the caller closed the channel; whether it was done is unknown
    kInvalid = 6,        // the request contradicts itself
    kNoReceive = 7,      // the peer posted no receive buffer in time
    kTooLong = 8,        // longer than the peer's receive buffer
    kClosed = 9,         // the channel is closed
    kCount
};

constexpr std::string_view name(TxnStatus status) {
    switch (status) {
        case TxnStatus::kOk: return "ok";
        case TxnStatus::kRemoteAccess: return "remote_access";
        case TxnStatus::kTimeout: return "timeout";
        case TxnStatus::kPeerRestarted: return "peer_restarted";
        case TxnStatus::kUnreachable: return "unreachable";
        case TxnStatus::kCancelled: return "cancelled";
        case TxnStatus::kInvalid: return "invalid";
        case TxnStatus::kNoReceive: return "no_receive";
        case TxnStatus::kTooLong: return "too_long";
        case TxnStatus::kClosed: return "closed";
        case TxnStatus::kCount: break;
    }
    return {};
}

inline constexpr std::size_t kItemHeadSize = 4;
inline constexpr std::size_t kItemWhereSize = 16;       // key and address
inline constexpr std::uint32_t kLoadStoreMax = 256;     // bytes, the largest cache line
inline constexpr std::uint32_t kMessageMax = 1u << 30;  // bytes of an RDMA message

inline constexpr std::uint8_t kItemLast = 0x01;       // write, send, read_data
inline constexpr std::uint8_t kItemImmediate = 0x02;  // write, send: with kItemLast
inline constexpr std::uint8_t kItemError = 0x04;      // read_data: the window is gone; no data

/// One item in somebody else's bytes. Its lengths agree with its opcode and its frame.
struct ItemView {
    ItemOpcode opcode{};
    std::uint8_t flags = 0;    // of a response: its status
    std::uint16_t length = 0;  // as it stands in the item
    std::uint64_t key = 0;
    std::uint64_t address = 0;
    std::uint64_t operand = 0;  // atomic; total of a read
    std::uint64_t compare = 0;  // compare-swap
    std::uint64_t immediate = 0;
    std::span<const std::byte> data{};

    bool is_last() const { return (flags & kItemLast) != 0; }
    bool has_immediate() const { return (flags & kItemImmediate) != 0; }
    bool is_error() const { return (flags & kItemError) != 0; }
    AtomicOp atomic() const { return static_cast<AtomicOp>(flags); }
    TxnStatus status() const { return static_cast<TxnStatus>(flags); }
};

/// Bytes of an item, by its head alone; 0 if no item begins so (unknown, absurd).
constexpr std::size_t item_size(ItemOpcode opcode, std::uint8_t flags, std::uint32_t length) {
    constexpr std::size_t kPlace = kItemHeadSize + kItemWhereSize;
    const bool is_line = flags == 0 && length >= 1 && length <= kLoadStoreMax;
    // An immediate comes with the end of its message.
    const bool is_part = (flags & ~(kItemLast | kItemImmediate)) == 0 && flags != kItemImmediate;
    const std::size_t immediate = (flags & kItemImmediate) != 0 ? 8 : 0;
    switch (opcode) {
        case ItemOpcode::kLoad: return is_line ? kPlace : 0;
        case ItemOpcode::kStore: return is_line ? kPlace + length : 0;
        case ItemOpcode::kAtomic: {
            const bool swap = flags == static_cast<std::uint8_t>(AtomicOp::kCompareSwap);
            const bool known = flags < static_cast<std::uint8_t>(AtomicOp::kCount);
            return known && (length == 4 || length == 8) ? kPlace + (swap ? 16 : 8) : 0;
        }
        case ItemOpcode::kWrite: return is_part ? kPlace + length + immediate : 0;
        case ItemOpcode::kSend: return is_part ? kItemHeadSize + length + immediate : 0;
        case ItemOpcode::kRead: return flags == 0 && length == 0 ? kPlace + 4 : 0;
        case ItemOpcode::kDone:
            return length >= 1 && flags < static_cast<std::uint8_t>(TxnStatus::kCount)
                       ? kItemHeadSize
                       : 0;
        case ItemOpcode::kData: return is_line ? kItemHeadSize + length : 0;
        case ItemOpcode::kReadData: {
            const bool known = (flags & ~(kItemLast | kItemError)) == 0;
            const bool error = (flags & kItemError) != 0;
            return known && error == (length == 0) ? kItemHeadSize + length : 0;
        }
        case ItemOpcode::kInvalid: break;
    }
    return 0;
}

/// Takes the items of a payload one by one; nothing behind the end is ever read.
class ItemReader {
public:
    explicit ItemReader(std::span<const std::byte> payload) : rest_(payload) {}

    bool done() const { return rest_.empty(); }
    /// The next item; nothing if the rest is no item (truncated, unknown, absurd).
    std::optional<ItemView> next() {
        ItemView item;
        if (!read(item)) return std::nullopt;
        return item;
    }
    /// The same into `item`; only the fields that its opcode has are written.
    bool read(ItemView& item);
    /// Past the next item without a look at its fields; false if the rest is none.
    bool skip() {
        const std::size_t size = next_size();
        rest_ = rest_.subspan(size);
        return size != 0;
    }

private:
    /// 0 if the rest does not begin with a whole item.
    std::size_t next_size() {
        if (rest_.size() < kItemHeadSize) return 0;
        const std::uint32_t head = load_be32(rest_.data());
        if (head != head_) learn(head);
        if (size_ > rest_.size()) return 0;
        return is_read_ && !is_total(load_be32(&rest_[kItemHeadSize + kItemWhereSize])) ? 0 : size_;
    }
    static bool is_total(std::uint32_t total) { return total >= 1 && total <= kMessageMax; }

    void learn(std::uint32_t head) {
        const auto opcode = static_cast<ItemOpcode>(head >> 24);
        head_ = head;
        size_ = item_size(opcode, static_cast<std::uint8_t>(head >> 16), head & 0xFFFF);
        is_read_ = size_ != 0 && opcode == ItemOpcode::kRead;
    }

    std::span<const std::byte> rest_;
    // Of the item before: items mostly come in rows that begin alike. A head of 0 is none.
    std::uint32_t head_ = 0;
    std::size_t size_ = 0;
    bool is_read_ = false;
};

inline bool ItemReader::read(ItemView& item) {
    const std::size_t size = next_size();
    if (size == 0) return false;
    const std::byte* at = rest_.data();
    rest_ = rest_.subspan(size);
    item.opcode = static_cast<ItemOpcode>(at[0]);
    item.flags = std::to_integer<std::uint8_t>(at[1]);
    item.length = load_be16(at + 2);
    at += kItemHeadSize;
    const auto where = [&] {
        item.key = load_be64(at);
        item.address = load_be64(at + 8);
        at += kItemWhereSize;
    };
    const auto data = [&] {
        item.data = {at, item.length};
        at += item.length;
        const bool follows = item.opcode != ItemOpcode::kReadData && item.has_immediate();
        item.immediate = follows ? load_be64(at) : 0;
    };
    switch (item.opcode) {
        case ItemOpcode::kLoad: where(); break;
        case ItemOpcode::kAtomic:
            where();
            item.operand = load_be64(at);
            if (item.atomic() == AtomicOp::kCompareSwap) item.compare = load_be64(at + 8);
            break;
        case ItemOpcode::kRead:
            where();
            item.operand = load_be32(at);
            break;
        case ItemOpcode::kStore:
        case ItemOpcode::kWrite:
            where();
            data();
            break;
        case ItemOpcode::kSend:
        case ItemOpcode::kData:
        case ItemOpcode::kReadData: data(); break;
        case ItemOpcode::kDone:
        case ItemOpcode::kInvalid: break;
    }
    return true;
}

/// How many items the payload holds; nothing if any of them is none. An empty payload has none.
inline std::optional<std::uint32_t> count_items(std::span<const std::byte> payload) {
    std::uint32_t count = 0;
    for (ItemReader reader(payload); !reader.done(); ++count) {
        if (!reader.skip()) return std::nullopt;
    }
    return count;
}

/// What an item takes in a frame, data included.
constexpr std::size_t load_size() {
    return kItemHeadSize + kItemWhereSize;
}
constexpr std::size_t store_size(std::uint32_t n) {
    return kItemHeadSize + kItemWhereSize + n;
}
constexpr std::size_t atomic_size(AtomicOp op) {
    return kItemHeadSize + kItemWhereSize + (op == AtomicOp::kCompareSwap ? 16 : 8);
}
constexpr std::size_t write_size(std::uint32_t n, bool immediate) {
    return kItemHeadSize + kItemWhereSize + n + (immediate ? 8 : 0);
}
constexpr std::size_t read_size() {
    return kItemHeadSize + kItemWhereSize + 4;
}
constexpr std::size_t send_size(std::uint32_t n, bool immediate) {
    return kItemHeadSize + n + (immediate ? 8 : 0);
}
constexpr std::size_t data_size(std::uint32_t n) {
    return kItemHeadSize + n;
}

// Writers: each fills exactly what the *_size() of the same name says, and gives the place of the
// data, if there is any.

inline std::byte* put_head(std::byte* at, ItemOpcode opcode, std::uint8_t flags,
                           std::uint32_t length) {
    at[0] = static_cast<std::byte>(opcode);
    at[1] = static_cast<std::byte>(flags);
    store_be16(at + 2, static_cast<std::uint16_t>(length));
    return at + kItemHeadSize;
}

inline std::byte* put_where(std::byte* at, std::uint64_t key, std::uint64_t address) {
    store_be64(at, key);
    store_be64(at + 8, address);
    return at + kItemWhereSize;
}

}  // namespace ethlink::wire
