// SPDX-License-Identifier: BSD-3-Clause
// The transaction base header, 12 bytes: which channel, which place in its order, what came back.
//
// Ours throughout: no public source states EthLink's transaction header (docs/protocol.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "proto/byte_order.h"
#include "proto/drop.h"
#include "proto/expected.h"

namespace ethlink::wire {

/// What a frame is for. Requests and responses carry items (txn_item.h).
enum class Opcode : std::uint8_t {
    kInvalid = 0x00,   // so that a zeroed buffer is no transaction
    kRequest = 0x01,   // items for the target
    kResponse = 0x02,  // items for the initiator
    kAck = 0x03,       // nothing but its ACK
    kNack = 0x04,      // the same, and: go back to there
    kOpen = 0x05,      // the initiator opens a channel
    kOpened = 0x06,    // the target has it
    kReset = 0x07,     // the sender knows no such channel, or does no longer
    kTest = 0x3F,      // the packet generator's
};

/// What is behind the headers of kOpen and kOpened (proto/txn/open_body.h).
inline constexpr std::size_t kOpenSize = 16;
inline constexpr std::size_t kOpenedSize = 24;

/// The name in text output, or an empty one for a byte that is no opcode.
constexpr std::string_view name(Opcode opcode) {
    switch (opcode) {
        case Opcode::kInvalid: return "invalid";
        case Opcode::kRequest: return "request";
        case Opcode::kResponse: return "response";
        case Opcode::kAck: return "ack";
        case Opcode::kNack: return "nack";
        case Opcode::kOpen: return "open";
        case Opcode::kOpened: return "opened";
        case Opcode::kReset: return "reset";
        case Opcode::kTest: return "test";
    }
    return {};
}

constexpr bool is_known(Opcode opcode) {
    constexpr std::uint64_t kKnown = [] {  // bit n: opcode n is one; none is beyond 63
        std::uint64_t bits = 0;
        for (unsigned n = 1; n < 64; ++n) {
            if (!name(static_cast<Opcode>(n)).empty()) bits |= std::uint64_t{1} << n;
        }
        return bits;
    }();
    const unsigned n = static_cast<unsigned>(opcode);
    return n < 64 && (kKnown >> n & 1) != 0;
}

/// Bytes behind the header; nothing where that varies: items, test frames.
constexpr std::optional<std::size_t> payload_size(Opcode opcode) {
    switch (opcode) {
        case Opcode::kAck: return 0;
        case Opcode::kNack:
        case Opcode::kReset: return 1;
        case Opcode::kOpen: return kOpenSize;
        case Opcode::kOpened: return kOpenedSize;
        case Opcode::kInvalid:
        case Opcode::kRequest:
        case Opcode::kResponse:
        case Opcode::kTest: break;
    }
    return std::nullopt;
}

/// The first byte behind a kNack's header: why.
enum class NackReason : std::uint8_t { kGap = 1, kNoReceive = 2, kNoRoom = 3 };

/// The first byte behind a kReset's header: why.
enum class ResetReason : std::uint8_t { kUnknownChannel = 1, kNoRoom = 2, kClosed = 3 };

/// opcode 8 | version 2 | flags 6 | channel 16 | PSN 32 | ACK 32. The version is always 0.
struct TxnHeader {
    static constexpr std::size_t kOpcodeOffset = 0;
    static constexpr std::size_t kFlagsOffset = kOpcodeOffset + 1;
    static constexpr std::size_t kChannelOffset = kFlagsOffset + 1;
    static constexpr std::size_t kPsnOffset = kChannelOffset + 2;
    static constexpr std::size_t kAckOffset = kPsnOffset + 4;
    static constexpr std::size_t kSize = kAckOffset + 4;

    static constexpr std::uint8_t kVersion = 0;
    static constexpr int kVersionShift = 6;
    static constexpr std::uint8_t kFlagsMask = 0x3F;

    /// Flag: the channel's target sends this; its number is the initiator's in both directions.
    static constexpr std::uint8_t kFromTarget = 0x01;

    Opcode opcode{};
    std::uint8_t flags{};     // 0..63
    std::uint16_t channel{};  // the initiator's number for it
    std::uint32_t psn{};      // of the first item; one number per item and direction
    std::uint32_t ack{};      // the number that is expected next from the other side

    void emit(std::span<std::byte, kSize> out) const {
        out[kOpcodeOffset] = static_cast<std::byte>(opcode);
        out[kFlagsOffset] =
            static_cast<std::byte>((kVersion << kVersionShift) | (flags & kFlagsMask));
        store_be16(&out[kChannelOffset], channel);
        store_be32(&out[kPsnOffset], psn);
        store_be32(&out[kAckOffset], ack);
    }

    friend bool operator==(const TxnHeader&, const TxnHeader&) = default;
};

/// A transaction frame in somebody else's bytes: known version and opcode, a payload of the size
/// that goes with it, accessors that cannot fail.
class TxnView {
public:
    /// `bytes` is what FrameView::txn_bytes() gives: the header and all behind it up to the ICRC.
    static Expected<TxnView, Drop> parse(std::span<const std::byte> bytes) {
        if (bytes.size() < TxnHeader::kSize) return Unexpected<Drop>(Drop::kTxnMalformed);
        const TxnView view(bytes);
        // The version first: another one may number its opcodes as it likes.
        if (view.version() != TxnHeader::kVersion) return Unexpected<Drop>(Drop::kUnknownVersion);
        if (!is_known(view.opcode())) return Unexpected<Drop>(Drop::kUnknownOpcode);
        if (const auto size = payload_size(view.opcode()); size && *size != view.payload().size()) {
            return Unexpected<Drop>(Drop::kTxnMalformed);
        }
        return view;
    }

    Opcode opcode() const { return static_cast<Opcode>(bytes_[TxnHeader::kOpcodeOffset]); }
    std::uint8_t flags() const {
        return std::to_integer<std::uint8_t>(bytes_[TxnHeader::kFlagsOffset]) &
               TxnHeader::kFlagsMask;
    }
    bool from_target() const { return (flags() & TxnHeader::kFromTarget) != 0; }
    std::uint16_t channel() const { return load_be16(&bytes_[TxnHeader::kChannelOffset]); }
    std::uint32_t psn() const { return load_be32(&bytes_[TxnHeader::kPsnOffset]); }
    std::uint32_t ack() const { return load_be32(&bytes_[TxnHeader::kAckOffset]); }

    /// All behind the base header: items, or what the opcode brings.
    std::span<const std::byte> payload() const { return bytes_.subspan(TxnHeader::kSize); }

    TxnHeader repr() const { return {opcode(), flags(), channel(), psn(), ack()}; }

private:
    explicit TxnView(std::span<const std::byte> bytes) : bytes_(bytes) {}

    std::uint8_t version() const {
        return static_cast<std::uint8_t>(
            std::to_integer<std::uint8_t>(bytes_[TxnHeader::kFlagsOffset]) >>
            TxnHeader::kVersionShift);
    }

    std::span<const std::byte> bytes_;
};

}  // namespace ethlink::wire
