// SPDX-License-Identifier: BSD-3-Clause
// What stands behind the header of kOpen and kOpened: who lives, and how much the target holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proto/byte_order.h"
#include "proto/txn/profile.h"
#include "proto/wire/txn_header.h"

namespace ethlink::txn {

/// nonce 8 | class 1 | flags 1 | transactions 2 | response bytes 4 [| epoch 8: kOpened only].
/// [ours]
struct OpenBody {
    static constexpr std::size_t kOpenSize = wire::kOpenSize;
    static constexpr std::size_t kOpenedSize = wire::kOpenedSize;

    std::uint64_t nonce = 0;  // of this attempt: life 32, count 32; kOpened repeats it
    ChannelClass kind{};
    std::uint16_t transactions = 0;    // at most outstanding; kOpen: as many as are wanted
    std::uint32_t response_bytes = 0;  // of load data at most
    std::uint64_t epoch = 0;           // of the target: another one is another life

    /// Of the `count`th attempt in this life, whose random epoch tells it from other lives.
    static constexpr std::uint64_t make_nonce(std::uint64_t epoch, std::uint32_t count) {
        return (epoch & ~std::uint64_t{0xFFFF'FFFF}) | count;
    }
    /// Whether `nonce` is of an earlier attempt in the same life as `than`: a late copy.
    static constexpr bool is_older(std::uint64_t nonce, std::uint64_t than) {
        const bool same_life = nonce >> 32 == than >> 32;
        return same_life && static_cast<std::uint32_t>(nonce - than) >= (1u << 31);
    }

    void emit(std::span<std::byte, kOpenedSize> out) const {
        store_be64(&out[0], nonce);
        out[8] = static_cast<std::byte>(kind);
        out[9] = std::byte{0};
        store_be16(&out[10], transactions);
        store_be32(&out[12], response_bytes);
        store_be64(&out[16], epoch);
    }

    /// Nothing if it is too short or says what is no class; `size`: kOpenSize or kOpenedSize.
    static std::optional<OpenBody> parse(std::span<const std::byte> in, std::size_t size) {
        if (in.size() != size) return std::nullopt;
        OpenBody body;
        body.nonce = load_be64(&in[0]);
        if (std::to_integer<unsigned>(in[8]) >= static_cast<unsigned>(ChannelClass::kCount)) {
            return std::nullopt;
        }
        body.kind = static_cast<ChannelClass>(in[8]);
        body.transactions = load_be16(&in[10]);
        body.response_bytes = load_be32(&in[12]);
        if (size == kOpenedSize) body.epoch = load_be64(&in[16]);
        return body;
    }
};

}  // namespace ethlink::txn
