// SPDX-License-Identifier: BSD-3-Clause
// Where messages go: the receive buffers that a program has posted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "proto/ids.h"
#include "proto/wire/txn_item.h"

namespace ethlink::txn {

/// A posted buffer that one incoming message has claimed.
struct ReceiveBuffer {
    std::span<std::byte> bytes;
    std::uint64_t cookie = 0;
};

/// What the program learns of a message, or of a write with immediate.
struct Received {
    GpuId from{};
    wire::TxnStatus status{};
    bool is_write = false;  // the data is in a window, not in the buffer
    bool has_immediate = false;
    std::uint32_t length = 0;
    std::uint64_t immediate = 0;
};

class ReceiveQueue {
public:
    /// A buffer posted for messages of this GPU, now the caller's: of one program's the oldest;
    /// nothing if there is none.
    virtual std::optional<ReceiveBuffer> claim(GpuId from) = 0;
    /// The message is complete, or its channel has ended: every claim comes back here once.
    virtual void deliver(const ReceiveBuffer& buffer, const Received& received) = 0;

protected:
    ~ReceiveQueue() = default;
};

}  // namespace ethlink::txn
