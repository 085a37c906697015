// SPDX-License-Identifier: BSD-3-Clause
#include "proto/wire/control_frame.h"

#include <algorithm>
#include <array>

#include "proto/wire/crc32.h"
#include "proto/wire/link_word.h"

namespace ethlink::wire {

namespace {

// Destination 01-80-C2-00-00-0E (IEEE 802.1Q, nearest bridge) and the first half of the source,
// which marks a locally administered address. The link word is the rest of it.
constexpr std::array<std::byte, kLinkWordOffset> kAddresses = {
    std::byte{0x01}, std::byte{0x80}, std::byte{0xC2}, std::byte{0x00},
    std::byte{0x00}, std::byte{0x0E}, std::byte{0x02}, std::byte{0x00}};

// `covered` ends where the CRC begins.
std::uint32_t control_crc(std::span<const std::byte> covered) {
    CrcHead head;
    std::copy_n(covered.begin(), head.size(), head.begin());
    store_link_word(head.data(), 0);
    return crc32_with_head(head, covered, head.size());
}

void emit_header(std::span<std::byte> out, ControlKind kind, std::size_t count,
                 std::uint16_t tx_epoch, std::uint16_t rx_epoch) {
    std::copy(kAddresses.begin(), kAddresses.end(), out.begin());
    store_link_word(out.data(), 0);
    store_be16(&out[kEtherTypeOffset], kEtherTypeControl);
    out[kControlVersionOffset] =
        static_cast<std::byte>((kControlVersion << 4) | static_cast<int>(kind));
    out[kControlCountOffset] = static_cast<std::byte>(count);
    store_be16(&out[kTxEpochOffset], tx_epoch);
    store_be16(&out[kRxEpochOffset], rx_epoch);
}

// Writes CRC and pad behind the body; the size of the frame.
std::size_t emit_trailer(std::span<std::byte> out, std::size_t body_end) {
    store_be32(&out[body_end], control_crc(out.first(body_end)));
    const std::size_t end = body_end + kControlCrcSize;
    const std::size_t size = std::max(end, kEthernetMin);
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(end),
              out.begin() + static_cast<std::ptrdiff_t>(size), std::byte{0});
    return size;
}

// Bytes of the body, 0 if there is no such body.
std::size_t body_size(ControlKind kind, std::size_t count) {
    constexpr std::size_t kAdverts = Hello::kMaxAdverts;
    switch (kind) {
        case ControlKind::kOrderedSets: return count <= kMaxControlSets ? count * CtlOs::kSize : 0;
        case ControlKind::kCcUpdate: return count <= kMaxVcs ? count * kCcSize : 0;
        case ControlKind::kHello:
            return count <= kAdverts ? Hello::kHeadSize + count * LinkAdvert::kSize : 0;
    }
    return 0;
}

bool is_body_legal(ControlKind kind, std::span<const std::byte> body) {
    if (kind == ControlKind::kHello) return true;  // What it says is for others to judge.
    if (kind == ControlKind::kCcUpdate) {
        for (; !body.empty(); body = body.subspan(kCcSize)) {
            if ((body[2] & std::byte{0x0F}) != std::byte{0}) return false;
        }
        return true;
    }
    for (; !body.empty(); body = body.subspan(CtlOs::kSize)) {
        if (!CtlOs::parse(body.first<CtlOs::kSize>())) return false;
    }
    return true;
}

}  // namespace

Expected<ControlFrameView, Drop> parse_control(std::span<const std::byte> bytes) {
    const auto malformed = Unexpected<Drop>(Drop::kControlMalformed);
    if (bytes.size() < kControlBodyOffset + kControlCrcSize) return malformed;
    if (!std::equal(kAddresses.begin(), kAddresses.end(), bytes.begin())) return malformed;
    if (load_be16(&bytes[kEtherTypeOffset]) != kEtherTypeControl) return malformed;

    const auto version_kind = std::to_integer<std::uint8_t>(bytes[kControlVersionOffset]);
    if (version_kind >> 4 != kControlVersion) return malformed;
    const auto kind = static_cast<ControlKind>(version_kind & 0xF);
    const auto count = std::to_integer<std::uint8_t>(bytes[kControlCountOffset]);
    const std::size_t body = body_size(kind, count);
    if (body == 0) return malformed;

    const std::size_t body_end = kControlBodyOffset + body;
    const std::size_t end = body_end + kControlCrcSize;
    if (bytes.size() < end || bytes.size() > std::max(end, kEthernetMin)) return malformed;
    // The CRC before the body: what a flipped bit did is a bad CRC, not a bad neighbour.
    if (control_crc(bytes.first(body_end)) != load_be32(&bytes[body_end])) {
        return Unexpected<Drop>(Drop::kControlBadCrc);
    }
    if (!is_body_legal(kind, bytes.subspan(kControlBodyOffset, body))) return malformed;
    return ControlFrameView(bytes.data(), kind, count);
}

void ControlFrameWriter::begin(std::uint16_t tx_epoch, std::uint16_t rx_epoch) {
    count_ = 0;
    if (out_.size() < kEthernetMin) return;
    emit_header(out_, ControlKind::kOrderedSets, count_, tx_epoch, rx_epoch);
}

bool ControlFrameWriter::add(const CtlOs& set) {
    if (count_ == kMaxControlSets || out_.size() < kEthernetMin) return false;
    if (body_end() + CtlOs::kSize + kControlCrcSize > out_.size()) return false;
    set.emit(out_.subspan(body_end()).first<CtlOs::kSize>());
    ++count_;
    return true;
}

std::size_t ControlFrameWriter::finish() {
    if (count_ == 0) return 0;
    out_[kControlCountOffset] = static_cast<std::byte>(count_);
    return emit_trailer(out_, body_end());
}

std::size_t emit_cc_update(std::span<std::byte> out, std::uint16_t tx_epoch, std::uint16_t rx_epoch,
                           std::span<const std::uint32_t> consumed) {
    const std::size_t body = body_size(ControlKind::kCcUpdate, consumed.size());
    const std::size_t body_end = kControlBodyOffset + body;
    if (body == 0 || out.size() < std::max(body_end + kControlCrcSize, kEthernetMin)) return 0;
    emit_header(out, ControlKind::kCcUpdate, consumed.size(), tx_epoch, rx_epoch);
    for (std::size_t i = 0; i < consumed.size(); ++i) {
        std::byte* cc = &out[kControlBodyOffset + i * kCcSize];
        store_be16(cc, static_cast<std::uint16_t>(consumed[i] >> 4 & 0xFFFF));
        cc[2] = static_cast<std::byte>((consumed[i] & 0xF) << 4);
    }
    return emit_trailer(out, body_end);
}

std::size_t emit_hello(std::span<std::byte> out, std::uint16_t tx_epoch, std::uint16_t rx_epoch,
                       const Hello& hello) {
    const std::size_t body_end = kControlBodyOffset + hello.body_size();
    if (out.size() < std::max(body_end + kControlCrcSize, kEthernetMin)) return 0;
    emit_header(out, ControlKind::kHello, hello.advert_count, tx_epoch, rx_epoch);
    hello.emit(out.subspan(kControlBodyOffset, hello.body_size()));
    return emit_trailer(out, body_end);
}

}  // namespace ethlink::wire
