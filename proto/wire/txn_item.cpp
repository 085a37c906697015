// SPDX-License-Identifier: BSD-3-Clause
#include "proto/wire/txn_item.h"

namespace ethlink::wire {

namespace {

/// Cuts bytes off the front of a payload; after one cut too many it stays failed.
class Cutter {
public:
    explicit Cutter(std::span<const std::byte> bytes) : rest_(bytes) {}

    std::span<const std::byte> bytes(std::size_t n) {
        if (n > rest_.size()) {
            good_ = false;
            return {};
        }
        const auto cut = rest_.first(n);
        rest_ = rest_.subspan(n);
        return cut;
    }
    std::uint64_t be64() {
        const auto cut = bytes(8);
        return cut.empty() ? 0 : load_be64(cut.data());
    }
    std::uint32_t be32() {
        const auto cut = bytes(4);
        return cut.empty() ? 0 : load_be32(cut.data());
    }
    bool good() const { return good_; }
    std::span<const std::byte> rest() const { return rest_; }

private:
    std::span<const std::byte> rest_;
    bool good_ = true;
};

void cut_where(Cutter& cut, ItemView& item) {
    item.key = cut.be64();
    item.address = cut.be64();
}

bool is_message_flags(std::uint8_t flags) {
    const bool known = (flags & ~(kItemLast | kItemImmediate)) == 0;
    // An immediate comes with the end of its message.
    return known && ((flags & kItemImmediate) == 0 || (flags & kItemLast) != 0);
}

bool cut_load(Cutter& cut, ItemView& item) {
    cut_where(cut, item);
    return item.flags == 0 && item.length >= 1 && item.length <= kLoadStoreMax;
}

bool cut_store(Cutter& cut, ItemView& item) {
    cut_where(cut, item);
    item.data = cut.bytes(item.length);
    return item.flags == 0 && item.length >= 1 && item.length <= kLoadStoreMax;
}

bool cut_atomic(Cutter& cut, ItemView& item) {
    if (item.flags >= static_cast<std::uint8_t>(AtomicOp::kCount)) return false;
    cut_where(cut, item);
    item.operand = cut.be64();
    if (item.atomic() == AtomicOp::kCompareSwap) item.compare = cut.be64();
    return item.length == 4 || item.length == 8;
}

bool cut_message(Cutter& cut, ItemView& item) {
    if (item.opcode == ItemOpcode::kWrite) cut_where(cut, item);
    item.data = cut.bytes(item.length);
    if (item.has_immediate()) item.immediate = cut.be64();
    return is_message_flags(item.flags);
}

bool cut_read(Cutter& cut, ItemView& item) {
    cut_where(cut, item);
    item.operand = cut.be32();
    return item.flags == 0 && item.length == 0 && item.operand >= 1 && item.operand <= kMessageMax;
}

bool cut_done(const ItemView& item) {
    return item.length >= 1 && item.flags < static_cast<std::uint8_t>(TxnStatus::kCount);
}

bool cut_data(Cutter& cut, ItemView& item) {
    item.data = cut.bytes(item.length);
    return item.length >= 1 && item.length <= kLoadStoreMax && item.flags == 0;
}

bool cut_read_data(Cutter& cut, ItemView& item) {
    item.data = cut.bytes(item.length);
    return (item.flags & ~(kItemLast | kItemError)) == 0 && item.is_error() == (item.length == 0);
}

bool cut_body(Cutter& cut, ItemView& item) {
    switch (item.opcode) {
        case ItemOpcode::kLoad: return cut_load(cut, item);
        case ItemOpcode::kStore: return cut_store(cut, item);
        case ItemOpcode::kAtomic: return cut_atomic(cut, item);
        case ItemOpcode::kWrite:
        case ItemOpcode::kSend: return cut_message(cut, item);
        case ItemOpcode::kRead: return cut_read(cut, item);
        case ItemOpcode::kDone: return cut_done(item);
        case ItemOpcode::kData: return cut_data(cut, item);
        case ItemOpcode::kReadData: return cut_read_data(cut, item);
        case ItemOpcode::kInvalid: return false;
    }
    return false;
}

}  // namespace

std::optional<ItemView> ItemReader::next() {
    if (rest_.size() < kItemHeadSize) return std::nullopt;
    ItemView item;
    item.opcode = static_cast<ItemOpcode>(rest_[0]);
    item.flags = std::to_integer<std::uint8_t>(rest_[1]);
    item.length = load_be16(&rest_[2]);
    Cutter cut(rest_.subspan(kItemHeadSize));
    if (!cut_body(cut, item) || !cut.good()) return std::nullopt;
    rest_ = cut.rest();
    return item;
}

std::optional<std::uint32_t> count_items(std::span<const std::byte> payload) {
    std::uint32_t count = 0;
    for (ItemReader reader(payload); !reader.done(); ++count) {
        if (!reader.next()) return std::nullopt;
    }
    return count;
}

}  // namespace ethlink::wire
