// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a link control frame: what is accepted is what our own writer would have written
// (K4, K6, D1).
#include <algorithm>
#include <array>

#include "proto/wire/control_frame.h"
#include "proto/wire/crc32.h"
#include "proto/wire/frame.h"
#include "proto/wire/link_word.h"
#include "proto/wire/print.h"
#include "tests/fuzz/input.h"

namespace ethlink::fuzz {
namespace {

/// Where the CRC stands by what kind and count say, if that is inside.
std::size_t crc_offset(const Bytes& bytes) {
    if (bytes.size() < wire::kControlBodyOffset) return bytes.size();
    const auto kind = std::to_integer<unsigned>(bytes[wire::kControlVersionOffset]) & 0xF;
    const auto count = std::to_integer<std::size_t>(bytes[wire::kControlCountOffset]);
    if (kind == 3) {
        return wire::kControlBodyOffset + wire::Hello::kHeadSize + count * wire::LinkAdvert::kSize;
    }
    return wire::kControlBodyOffset + count * (kind == 1 ? wire::CtlOs::kSize : wire::kCcSize);
}

/// The CRC that the rest asks for, without the code under test: link word as zero.
void seal(Bytes& bytes) {
    const std::size_t at = crc_offset(bytes);
    if (at + wire::kControlCrcSize > bytes.size()) return;
    Bytes covered(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    wire::store_link_word(covered.data(), 0);
    store_be32(&bytes[at], wire::crc32(covered));
}

std::size_t write_sets(const wire::ControlFrameView& view, std::span<std::byte> out) {
    wire::ControlFrameWriter writer(out);
    writer.begin(view.tx_epoch(), view.rx_epoch());
    for (std::size_t i = 0; i < view.count(); ++i) {
        const wire::CtlOs set = view.ctl_os(i);
        must(!wire::name(set.type).empty(), "each set is a legal one");
        must(set.type != wire::CtlOsType::kCfUpdate || set.vc().value < kMaxVcs, "its VC exists");
        must(writer.add(set), "our writer has room for what our parser takes");
    }
    return writer.finish();
}

std::size_t write_cc(const wire::ControlFrameView& view, std::span<std::byte> out) {
    std::array<std::uint32_t, kMaxVcs> consumed{};
    must(view.count() <= consumed.size(), "no more VCs than there are");
    for (std::size_t i = 0; i < view.count(); ++i) consumed[i] = view.cc(i);
    return wire::emit_cc_update(out, view.tx_epoch(), view.rx_epoch(),
                                std::span(consumed).first(view.count()));
}

std::size_t write_hello(const wire::ControlFrameView& view, std::span<std::byte> out) {
    const wire::Hello hello = view.hello();
    must(hello.list().size() == view.count(), "all adverts are there");
    return wire::emit_hello(out, view.tx_epoch(), view.rx_epoch(), hello);
}

std::size_t write_any(const wire::ControlFrameView& view, std::span<std::byte> out) {
    switch (view.kind()) {
        case wire::ControlKind::kOrderedSets: return write_sets(view, out);
        case wire::ControlKind::kCcUpdate: return write_cc(view, out);
        case wire::ControlKind::kHello: return write_hello(view, out);
    }
    return 0;
}

void write_again(const Bytes& bytes, const wire::ControlFrameView& view) {
    Bytes out(wire::kMaxControlFrame, std::byte{0xA5});
    const std::size_t size = write_any(view, out);
    must(size != 0, "what was read can be written");
    must(size >= bytes.size(), "no byte too many was let through");
    Bytes expected = bytes;
    wire::store_link_word(expected.data(), 0);
    const std::size_t end = crc_offset(bytes) + wire::kControlCrcSize;
    must(std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(end),
                    out.begin()),
         "written as it was read");
}

}  // namespace

void run(Input& input) {
    const bool sealed = input.flag();
    Bytes bytes = input.rest();
    if (sealed) seal(bytes);
    const auto view = wire::parse_control(bytes);
    if (!view) {
        must(view.error() == Drop::kControlMalformed || view.error() == Drop::kControlBadCrc,
             "the control door's own reasons");
        must(!sealed || view.error() == Drop::kControlMalformed ||
                 crc_offset(bytes) + wire::kControlCrcSize > bytes.size(),
             "a good CRC is seen as good");
    } else {
        must(view->count() >= 1 || view->kind() == wire::ControlKind::kHello,
             "an empty frame says nothing");
        write_again(bytes, *view);
        const auto outer = wire::parse(bytes);
        must(bytes.size() < wire::kMinTotalLength || (outer && outer->is_control()),
             "it passes the first door, too, unless it was not padded");
    }
    std::array<char, wire::kPrintMax> line;
    const std::size_t length = wire::print(bytes, line);
    must(length + 1 < line.size(), "40 ordered sets, or 8 adverts, fit a line");
}

}  // namespace ethlink::fuzz
