// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a data frame: what passes the door has its parts inside, can be written again, and
// its ICRC sees every bit that no hop may change (D1, D4, D12, L11, S12).
#include <array>
#include <cstring>

#include "proto/wire/build.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "proto/wire/link_word.h"
#include "proto/wire/print.h"
#include "tests/fuzz/input.h"

namespace ethlink::fuzz {
namespace {

/// A line never outgrows its room, ends with a zero, and a shorter one is the beginning of it.
void print_it(std::span<const std::byte> bytes) {
    std::array<char, wire::kPrintMax> line;
    const std::size_t size = wire::print(bytes, line);
    must(size < line.size() && line[size] == '\0', "a printed line fits its room");
    must(std::strlen(line.data()) == size, "a printed line has no zero inside");
    std::array<char, 40> cut;
    const std::size_t begin = wire::print(bytes, cut);
    must(begin == std::min(size, cut.size() - 1), "a short line is cut, not lost");
    must(std::memcmp(line.data(), cut.data(), begin) == 0, "a cut line begins like the whole one");
    must(wire::print(bytes, {}) == 0, "no room, no line");
}

void check_places(const wire::FrameView& view, std::size_t size) {
    must(view.size() == size, "the view has all bytes");
    must(view.end_offset() <= size, "the end is inside");
    must(view.total_length() >= wire::kMinTotalLength, "the least length");
    must(view.end_offset() == view.icrc_offset() + wire::kIcrcSize, "the ICRC ends the frame");
    must(view.txn_bytes().size() >= wire::TxnHeader::kSize, "a transaction header is there");
    must(view.txn_bytes().data() + view.txn_bytes().size() == view.data() + view.icrc_offset(),
         "the transaction ends where the ICRC begins");
    must(view.pcp_dei() < 16 && view.tenant().value < 4096 && view.ttl() < 16, "fields in range");
}

/// Every bit changes the ICRC but those that a hop may change; a TTL that goes down does not.
void check_icrc_of(Bytes bytes, const wire::FrameView& view, std::uint32_t where) {
    const std::uint32_t before = wire::compute_icrc(view);
    const std::size_t net = view.net_offset();
    if (wire::decrement_ttl(&bytes[net])) {
        must(wire::compute_icrc(*wire::parse(bytes)) == before, "a hop keeps the ICRC");
    }
    const std::size_t bit = where % (view.icrc_offset() * 8);
    const std::size_t at = bit / 8;
    const bool is_length = at == wire::kTotalLengthOffset || at == wire::kTotalLengthOffset + 1;
    const bool is_type = at >= wire::kEtherTypeOffset && at < net;  // and the tag
    if (is_length || is_type) return;
    bytes[at] ^= static_cast<std::byte>(0x80 >> bit % 8);
    const bool may_change = at == net + 1 || (at == net && bit % 8 != 0);
    const auto flipped = wire::parse(bytes);
    must(flipped.has_value(), "the door looks at lengths and types only");
    must((wire::compute_icrc(*flipped) == before) == may_change, "the ICRC sees each bit");
}

/// The same frame again from its values: equal but for what is not of the frame (link word, pad).
void write_again(std::span<const std::byte> bytes, const wire::FrameView& view) {
    const auto repr = wire::read_data_frame(bytes);
    if (!repr) {
        const Drop why = repr.error();
        must(why == Drop::kUnknownVersion || why == Drop::kUnknownOpcode ||
                 why == Drop::kTxnMalformed,
             "only its transaction can be refused now");
        return;
    }
    Bytes out(repr->size(), std::byte{0xA5});
    must(repr->emit(out) == out.size(), "what was read can be written");
    Bytes expected(bytes.begin(), bytes.end());
    wire::store_link_word(expected.data(), 0);
    if (view.is_tagged()) store_be16(&expected[wire::kEtherTypeOffset], wire::kEtherTypeVlan);
    const std::size_t end = view.icrc_offset();
    must(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(end), expected.begin()),
         "written as it was read");
    for (std::size_t i = view.end_offset(); i < out.size(); ++i) {
        must(out[i] == std::byte{0}, "the pad is zeros");
    }
    const auto again = wire::parse(out);
    must(again && wire::check_icrc(*again), "what was written is good");
    must(again->icrc() == wire::compute_icrc_without_link_word(view), "the ICRC of both");
}

}  // namespace

void run(Input& input) {
    const std::uint32_t where = input.u32();
    const Bytes bytes = input.rest();
    print_it(bytes);
    const auto view = wire::parse(bytes);
    if (!view) {
        const Drop why = view.error();
        must(why == Drop::kRunt || why == Drop::kUnknownEtherType || why == Drop::kLengthMismatch,
             "the door's own reasons");
    } else if (!view->is_control()) {
        check_places(*view, bytes.size());
        check_icrc_of(bytes, *view, where);
        write_again(bytes, *view);
    }
}

}  // namespace ethlink::fuzz
