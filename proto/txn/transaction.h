// SPDX-License-Identifier: BSD-3-Clause
// One remote operation, from its submission to its completion.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/txn/psn.h"
#include "proto/wire/txn_item.h"

namespace ethlink::txn {

enum class Operation : std::uint8_t {
    kLoad,
    kStore,
    kAtomic,
    kWrite,
    kRead,
    kSend,
    kFence,  // completes when all before it have; nothing behind it goes out earlier
    kCount
};

/// Loads and stores up to so many bytes need no memory of the caller's.
inline constexpr std::uint32_t kValueBytes = 8;

/// What the caller wants. `local` is lent until the completion: data to send (store, write, send)
/// or room for what comes back (load, read). Without one, up to kValueBytes, a store's data are in
/// `operand` and a load's in Completion::value, as they stand in memory.
struct Request {
    Operation operation{};
    wire::AtomicOp atomic{};
    bool has_immediate = false;  // write, send
    std::uint32_t length = 0;    // bytes; atomics: 4 or 8
    std::uint64_t key = 0;
    std::uint64_t address = 0;
    std::uint64_t operand = 0;  // atomics; stores without `local`
    std::uint64_t compare = 0;  // compare-swap
    std::uint64_t immediate = 0;
    std::byte* local = nullptr;
    std::uint64_t cookie = 0;  // the caller's; comes back
};

/// A request under way. A ring of these is lent to each Initiator.
struct Transaction {
    Request request;
    Psn first;                   // of its first item
    std::uint32_t items = 0;     // that it is sent as; 0: a fence
    std::uint32_t received = 0;  // bytes of a read
    wire::TxnStatus status = wire::TxnStatus::kOk;

    bool is_at_or_before(Psn psn) const { return psn.distance_from(first) < (1u << 31); }
};

/// How a request ended. `value`: what an atomic found, or what a load of up to 8 bytes read (in
/// memory order, from the lowest byte on).
struct Completion {
    std::uint64_t cookie = 0;
    Operation operation{};
    wire::TxnStatus status{};
    std::uint32_t length = 0;
    std::uint64_t value = 0;
};

/// Takes completions, in the order of submission per channel.
class CompletionSink {
public:
    virtual void on_completion(const Completion& completion) = 0;

protected:
    ~CompletionSink() = default;
};

}  // namespace ethlink::txn
