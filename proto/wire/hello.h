// SPDX-License-Identifier: BSD-3-Clause
// The body of a hello: who is at this end of the cable, whom he hears, and which links carry
// nothing.
//
// Ours (docs/protocol.md). Offsets from the begin of the body, in network order:
//  0 8 digest of the fabric | 8 4 node | 12 2 port | 14 2 hold, ms | 16 4 incarnation
// 20 4 sequence | 24 4 heard node | 28 2 heard port | 30 4 heard incarnation
// 34 . adverts of 32 bytes: node 4 | part 2 | flags 2 | version 8 | dead 8 | drained 8
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ethlink::wire {

/// What a node says of 64 of its ports. Of two adverts for the same part of the same node the newer
/// one counts.
struct LinkAdvert {
    static constexpr std::size_t kSize = 32;
    static constexpr std::size_t kPorts = 64;              // of a part
    static constexpr std::uint16_t kNodeDrained = 0x0001;  // in flags; the others mean nothing yet

    std::uint32_t node = 0;  // index in the fabric
    std::uint16_t part = 0;  // ports 64 * part .. 64 * part + 63 of this node
    std::uint16_t flags = 0;
    std::uint64_t version = 0;  // ms since 1970 or a little more: LinkStates
    std::uint64_t dead = 0;     // bit i: port 64 * part + i; nothing passes its link
    std::uint64_t drained = 0;  // the same; its link is to be left

    void emit(std::span<std::byte, kSize> out) const;
    static LinkAdvert decode(std::span<const std::byte, kSize> bytes);
    friend bool operator==(const LinkAdvert&, const LinkAdvert&) = default;
};

/// Whether sequence number `a` comes after `b` on the circle of 2^32. Never both ways round.
constexpr bool is_newer(std::uint32_t a, std::uint32_t b) {
    constexpr std::uint32_t kHalf = 0x8000'0000;
    const std::uint32_t ahead = a - b;
    return ahead != 0 && (ahead < kHalf || (ahead == kHalf && a > b));
}

/// One end of a link, as hellos name it.
struct HelloEnd {
    std::uint32_t node = 0;         // index in the fabric
    std::uint16_t port = 0;         // of this node
    std::uint32_t incarnation = 0;  // random per start of the process; 0 = nobody
    friend bool operator==(const HelloEnd&, const HelloEnd&) = default;
};

struct Hello {
    static constexpr std::size_t kHeadSize = 34;
    static constexpr std::size_t kMaxAdverts = 8;

    std::uint64_t digest = 0;    // of the fabric file's meaning: others number nodes otherwise
    HelloEnd self;               // who sends
    HelloEnd heard;              // whom he hears on this port
    std::uint16_t hold_ms = 0;   // who hears nothing for so long may take the link for dead
    std::uint32_t sequence = 0;  // of hellos in this incarnation, on this port
    std::uint8_t advert_count = 0;
    std::array<LinkAdvert, kMaxAdverts> adverts{};  // the first advert_count

    std::span<const LinkAdvert> list() const { return std::span(adverts).first(advert_count); }
    bool is_full() const { return advert_count == kMaxAdverts; }
    /// Only if it is not full.
    void add(const LinkAdvert& advert) { adverts[advert_count++] = advert; }

    std::size_t body_size() const { return kHeadSize + advert_count * LinkAdvert::kSize; }
    /// `out` holds body_size() bytes.
    void emit(std::span<std::byte> out) const;
    /// `body` holds the head and `count` adverts, at most kMaxAdverts.
    static Hello decode(std::span<const std::byte> body, std::uint8_t count);
    friend bool operator==(const Hello&, const Hello&) = default;
};

}  // namespace ethlink::wire
