// SPDX-License-Identifier: BSD-3-Clause
#include "proto/wire/txn_writer.h"

#include "proto/byte_order.h"
#include "proto/wire/icrc.h"
#include "proto/wire/net_header.h"
#include "proto/wire/oefh.h"
#include "proto/wire/vlan.h"

namespace ethlink::wire {

namespace {

constexpr std::uint8_t kTtl = 15;  // the most: our fabrics have fewer hops

}  // namespace

std::size_t TxnWriter::finish(const Envelope& envelope, const TxnHeader& header) {
    const auto total = static_cast<std::uint16_t>(end_ - tag_size_ + kIcrcSize);
    std::span<std::byte> rest = buffer_;
    Oefh{.dst = envelope.dst,
         .src = envelope.src,
         .total_length = total,
         .entropy = envelope.entropy}
        .emit(rest.first<Oefh::kSize>());
    rest = rest.subspan(kEtherTypeOffset);
    if (tag_size_ != 0) {
        VlanTag{.vid = envelope.tenant.value}.emit(rest.first<VlanTag::kSize>());
        rest = rest.subspan(VlanTag::kSize);
        store_be16(rest.data(), kEtherTypeData);
    }
    rest = rest.subspan(kOefhSize - kEtherTypeOffset);
    store_be16(rest.data(), NetHeader{.ttl = kTtl, .dscp = envelope.dscp}.encode());
    header.emit(rest.subspan(NetHeader::kSize).first<TxnHeader::kSize>());

    std::byte* const icrc = buffer_.data() + end_;
    const std::size_t size = std::max(end_ + kIcrcSize, kEthernetMin);
    std::fill(icrc, buffer_.data() + size, std::byte{0});
    // Cannot fail: the lengths are those just written.
    const auto view = parse(buffer_.first(size));
    if (!view) return 0;
    store_be32(icrc, compute_icrc(*view));
    return size;
}

}  // namespace ethlink::wire
