// SPDX-License-Identifier: BSD-3-Clause
// The link control frame: ordered sets, credit counters or a hello, from one end of a link to the
// other.
//
// Ours (docs/protocol.md). It goes to the "nearest bridge" group address, so no switch forwards it
// and no NIC takes it for a PAUSE frame.
//
//  0 6 destination 01-80-C2-00-00-0E | 6 2 0x0200 | 8 4 link word | 12 2 EtherType 0x88B6
// 14 1 version 4, kind 4 | 15 1 count | 16 2 tx_epoch | 18 2 rx_epoch
// 20 . count ordered sets of 8 bytes (ctl_os.h), or count counters of 3 bytes: 20 bits, 4 zeros;
//      or the head of a hello and count adverts (hello.h)
//  . 4 CRC-32 of all before it, the link word as zero | . zeros up to 60 bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/byte_order.h"
#include "proto/drop.h"
#include "proto/expected.h"
#include "proto/ids.h"
#include "proto/wire/ctl_os.h"
#include "proto/wire/hello.h"
#include "proto/wire/oefh.h"

namespace ethlink::wire {

enum class ControlKind : std::uint8_t {
    kOrderedSets = 1,
    kCcUpdate = 2,  // UEC 1.0.3: travels inside the LLR sequence, with a link word like data
    kHello = 3,     // beside the sequence; for the control thread, not for the link
};

inline constexpr std::uint8_t kControlVersion = 1;
inline constexpr std::size_t kControlVersionOffset = kOefhSize;
inline constexpr std::size_t kControlCountOffset = kControlVersionOffset + 1;
inline constexpr std::size_t kTxEpochOffset = kControlCountOffset + 1;
inline constexpr std::size_t kRxEpochOffset = kTxEpochOffset + 2;
inline constexpr std::size_t kControlBodyOffset = kRxEpochOffset + 2;
inline constexpr std::size_t kControlCrcSize = 4;

/// An ACK or NACK, INIT and INIT_ECHO, a CF_Update for each of 32 VCs, and some room.
inline constexpr std::size_t kMaxControlSets = 40;
inline constexpr std::size_t kCcSize = 3;

inline constexpr std::size_t kMaxControlFrame =
    kControlBodyOffset + kMaxControlSets * CtlOs::kSize + kControlCrcSize;
static_assert(kMaxVcs * kCcSize < kMaxControlSets * CtlOs::kSize);
static_assert(Hello::kHeadSize + Hello::kMaxAdverts * LinkAdvert::kSize <=
              kMaxControlSets * CtlOs::kSize);

/// A link control frame that has passed every check: each ordered set is a legal one.
class ControlFrameView {
public:
    ControlKind kind() const { return kind_; }
    /// LLR epoch of the sender's own transmit direction; 0 = none.
    std::uint16_t tx_epoch() const { return load_be16(bytes_ + kTxEpochOffset); }
    /// LLR epoch that the sender receives in; 0 = none. ACK, NACK and CF_Update belong to it.
    std::uint16_t rx_epoch() const { return load_be16(bytes_ + kRxEpochOffset); }
    /// Ordered sets (1 .. kMaxControlSets), VCs (1 .. kMaxVcs), or adverts (0 .. kMaxAdverts).
    std::size_t count() const { return count_; }

    /// Kind kOrderedSets, i < count().
    CtlOs ctl_os(std::size_t i) const {
        const std::byte* set = bytes_ + kControlBodyOffset + i * CtlOs::kSize;
        return CtlOs::decode(std::span<const std::byte, CtlOs::kSize>(set, CtlOs::kSize));
    }

    /// Kind kHello.
    Hello hello() const {
        const std::size_t size = Hello::kHeadSize + count_ * LinkAdvert::kSize;
        return Hello::decode({bytes_ + kControlBodyOffset, size}, count_);
    }

    /// Kind kCcUpdate, i < count(): S_CC of VC i, credits consumed so far, 20 bits.
    std::uint32_t cc(std::size_t i) const {
        const std::byte* cc = bytes_ + kControlBodyOffset + i * kCcSize;
        return std::uint32_t{load_be16(cc)} << 4 | std::to_integer<std::uint32_t>(cc[2]) >> 4;
    }

private:
    friend Expected<ControlFrameView, Drop> parse_control(std::span<const std::byte> bytes);

    ControlFrameView(const std::byte* bytes, ControlKind kind, std::uint8_t count)
        : bytes_(bytes), kind_(kind), count_(count) {}

    const std::byte* bytes_;
    ControlKind kind_;
    std::uint8_t count_;
};

/// The door for link control: a frame that parse() says is_control(). kControlMalformed or
/// kControlBadCrc. Takes the link word as it finds it.
[[nodiscard]] Expected<ControlFrameView, Drop> parse_control(std::span<const std::byte> bytes);

/// Writes a frame of ordered sets into a caller's bytes: begin(), add() each set, finish().
class ControlFrameWriter {
public:
    /// `out` should hold kMaxControlFrame bytes; with less, add() says earlier that it is full.
    explicit ControlFrameWriter(std::span<std::byte> out) : out_(out) {}

    void begin(std::uint16_t tx_epoch, std::uint16_t rx_epoch);

    /// False and no change if there is no room for another set.
    [[nodiscard]] bool add(const CtlOs& set);

    std::size_t count() const { return count_; }
    bool empty() const { return count_ == 0; }

    /// Adds CRC and pad, and gives the size of the frame; 0 if there is no set in it.
    /// The link word is zero.
    [[nodiscard]] std::size_t finish();

private:
    std::size_t body_end() const { return kControlBodyOffset + count_ * CtlOs::kSize; }

    std::span<std::byte> out_;
    std::size_t count_ = 0;
};

/// Writes a CC_Update of VC 0 .. consumed.size() - 1 (1 .. kMaxVcs values; bits above 20 are cut
/// off) and gives its size, or 0 if `consumed` is empty or too long, or `out` too short. The link
/// word is zero; as the CRC takes it so, the link may write it afterwards.
[[nodiscard]] std::size_t emit_cc_update(std::span<std::byte> out, std::uint16_t tx_epoch,
                                         std::uint16_t rx_epoch,
                                         std::span<const std::uint32_t> consumed);

/// Writes a hello and gives its size, or 0 if `out` is too short. The link word is zero.
[[nodiscard]] std::size_t emit_hello(std::span<std::byte> out, std::uint16_t tx_epoch,
                                     std::uint16_t rx_epoch, const Hello& hello);

}  // namespace ethlink::wire
