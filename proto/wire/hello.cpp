// SPDX-License-Identifier: BSD-3-Clause
#include "proto/wire/hello.h"

#include "proto/byte_order.h"

namespace ethlink::wire {

void LinkAdvert::emit(std::span<std::byte, kSize> out) const {
    store_be32(&out[0], node);
    store_be16(&out[4], part);
    store_be16(&out[6], flags);
    store_be64(&out[8], version);
    store_be64(&out[16], dead);
    store_be64(&out[24], drained);
}

LinkAdvert LinkAdvert::decode(std::span<const std::byte, kSize> bytes) {
    return {.node = load_be32(&bytes[0]),
            .part = load_be16(&bytes[4]),
            .flags = load_be16(&bytes[6]),
            .version = load_be64(&bytes[8]),
            .dead = load_be64(&bytes[16]),
            .drained = load_be64(&bytes[24])};
}

void Hello::emit(std::span<std::byte> out) const {
    store_be64(&out[0], digest);
    store_be32(&out[8], self.node);
    store_be16(&out[12], self.port);
    store_be16(&out[14], hold_ms);
    store_be32(&out[16], self.incarnation);
    store_be32(&out[20], sequence);
    store_be32(&out[24], heard.node);
    store_be16(&out[28], heard.port);
    store_be32(&out[30], heard.incarnation);
    std::size_t at = kHeadSize;
    for (const LinkAdvert& advert : list()) {
        advert.emit(out.subspan(at).first<LinkAdvert::kSize>());
        at += LinkAdvert::kSize;
    }
}

Hello Hello::decode(std::span<const std::byte> body, std::uint8_t count) {
    Hello hello;
    hello.digest = load_be64(&body[0]);
    hello.self = {load_be32(&body[8]), load_be16(&body[12]), load_be32(&body[16])};
    hello.hold_ms = load_be16(&body[14]);
    hello.sequence = load_be32(&body[20]);
    hello.heard = {load_be32(&body[24]), load_be16(&body[28]), load_be32(&body[30])};
    hello.advert_count = count;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = kHeadSize + i * LinkAdvert::kSize;
        hello.adverts[i] = LinkAdvert::decode(body.subspan(at).first<LinkAdvert::kSize>());
    }
    return hello;
}

}  // namespace ethlink::wire
