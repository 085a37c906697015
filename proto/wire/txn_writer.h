// SPDX-License-Identifier: BSD-3-Clause
// Writes a transaction frame in place: room for the headers, items behind it, the rest at the end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/ids.h"
#include "proto/wire/frame.h"
#include "proto/wire/txn_header.h"

namespace ethlink::wire {

/// What all frames of one channel's direction have in common.
struct Envelope {
    GpuId dst{};
    GpuId src{};
    Tenant tenant{};  // 0: no tag
    std::uint16_t entropy = 0;
    std::uint8_t dscp = 0;
};

/// Bytes of headers and ICRC around the items.
inline constexpr std::size_t kTxnOverhead = kMinTotalLength;

/// The caller lends a buffer of at least kEthernetMin + VlanTag::kSize bytes.
class TxnWriter {
public:
    TxnWriter(std::span<std::byte> buffer, Tenant tenant)
        : buffer_(buffer),
          tag_size_(tenant.value != 0 ? VlanTag::kSize : 0),
          end_(tag_size_ + kOefhSize + NetHeader::kSize + TxnHeader::kSize) {}

    /// Bytes that items can still take.
    std::size_t room() const { return buffer_.size() - kIcrcSize - end_; }
    bool empty() const { return end_ == tag_size_ + kTxnOverhead - kIcrcSize; }
    /// The place of the next `n` bytes, n <= room().
    std::byte* claim(std::size_t n) {
        std::byte* const at = buffer_.data() + end_;
        end_ += n;
        return at;
    }
    /// Writes headers, ICRC and pad; the frame's size.
    std::size_t finish(const Envelope& envelope, const TxnHeader& header);

private:
    std::span<std::byte> buffer_;
    std::size_t tag_size_;
    std::size_t end_;
};

}  // namespace ethlink::wire
