// SPDX-License-Identifier: BSD-3-Clause
// The transaction base header, 12 bytes: what is done, in which order, and who waits for it.
//
// Ours throughout: no public source states EthLink's transaction header (docs/protocol.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proto/byte_order.h"
#include "proto/drop.h"
#include "proto/expected.h"

namespace ethlink::wire {

enum class Opcode : std::uint8_t {
    kInvalid = 0x00,  // so that a zeroed buffer is no transaction
    kLoad = 0x01,
    kLoadResponse = 0x02,
    kStore = 0x03,
    kStoreResponse = 0x04,
    kAtomic = 0x05,
    kAtomicResponse = 0x06,
    kRdmaWrite = 0x10,
    kRdmaWriteImm = 0x11,
    kRdmaRead = 0x12,
    kRdmaReadResponse = 0x13,
    kSend = 0x14,
    kAck = 0x15,
    kNack = 0x16,
    kFence = 0x20,
    kFenceResponse = 0x21,
    kTest = 0x3F,  // the packet generator's
};

/// The name in text output, or an empty one for a byte that is no opcode.
constexpr std::string_view name(Opcode opcode) {
    switch (opcode) {
        case Opcode::kInvalid: return "invalid";
        case Opcode::kLoad: return "load";
        case Opcode::kLoadResponse: return "load_response";
        case Opcode::kStore: return "store";
        case Opcode::kStoreResponse: return "store_response";
        case Opcode::kAtomic: return "atomic";
        case Opcode::kAtomicResponse: return "atomic_response";
        case Opcode::kRdmaWrite: return "rdma_write";
        case Opcode::kRdmaWriteImm: return "rdma_write_imm";
        case Opcode::kRdmaRead: return "rdma_read";
        case Opcode::kRdmaReadResponse: return "rdma_read_response";
        case Opcode::kSend: return "send";
        case Opcode::kAck: return "ack";
        case Opcode::kNack: return "nack";
        case Opcode::kFence: return "fence";
        case Opcode::kFenceResponse: return "fence_response";
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

/// opcode 8 | version 2 | flags 6 | channel 16 | PSN 32 | tag 32. The version is always 0.
struct TxnHeader {
    static constexpr std::size_t kOpcodeOffset = 0;
    static constexpr std::size_t kFlagsOffset = kOpcodeOffset + 1;
    static constexpr std::size_t kChannelOffset = kFlagsOffset + 1;
    static constexpr std::size_t kPsnOffset = kChannelOffset + 2;
    static constexpr std::size_t kTagOffset = kPsnOffset + 4;
    static constexpr std::size_t kSize = kTagOffset + 4;

    static constexpr std::uint8_t kVersion = 0;
    static constexpr int kVersionShift = 6;
    static constexpr std::uint8_t kFlagsMask = 0x3F;

    Opcode opcode{};
    std::uint8_t flags{};     // 0..63, by opcode
    std::uint16_t channel{};  // transactions of one channel stay in order
    std::uint32_t psn{};      // counts the frames of one channel
    std::uint32_t tag{};      // the requester's name for the transaction; a response repeats it

    void emit(std::span<std::byte, kSize> out) const {
        out[kOpcodeOffset] = static_cast<std::byte>(opcode);
        out[kFlagsOffset] =
            static_cast<std::byte>((kVersion << kVersionShift) | (flags & kFlagsMask));
        store_be16(&out[kChannelOffset], channel);
        store_be32(&out[kPsnOffset], psn);
        store_be32(&out[kTagOffset], tag);
    }

    friend bool operator==(const TxnHeader&, const TxnHeader&) = default;
};

/// A transaction in somebody else's bytes: known version and opcode, accessors that cannot fail.
class TxnView {
public:
    /// `bytes` is what FrameView::txn_bytes() gives: the header and all behind it up to the ICRC.
    static Expected<TxnView, Drop> parse(std::span<const std::byte> bytes) {
        if (bytes.size() < TxnHeader::kSize) return Unexpected<Drop>(Drop::kTxnMalformed);
        const TxnView view(bytes);
        // The version first: another one may number its opcodes as it likes.
        if (view.version() != TxnHeader::kVersion) return Unexpected<Drop>(Drop::kUnknownVersion);
        if (!is_known(view.opcode())) return Unexpected<Drop>(Drop::kUnknownOpcode);
        return view;
    }

    Opcode opcode() const { return static_cast<Opcode>(bytes_[TxnHeader::kOpcodeOffset]); }
    std::uint8_t flags() const {
        return std::to_integer<std::uint8_t>(bytes_[TxnHeader::kFlagsOffset]) &
               TxnHeader::kFlagsMask;
    }
    std::uint16_t channel() const { return load_be16(&bytes_[TxnHeader::kChannelOffset]); }
    std::uint32_t psn() const { return load_be32(&bytes_[TxnHeader::kPsnOffset]); }
    std::uint32_t tag() const { return load_be32(&bytes_[TxnHeader::kTagOffset]); }

    /// All behind the base header: the opcode's extension and the data.
    std::span<const std::byte> payload() const { return bytes_.subspan(TxnHeader::kSize); }

    TxnHeader repr() const { return {opcode(), flags(), channel(), psn(), tag()}; }

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
