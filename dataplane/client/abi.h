// SPDX-License-Identifier: BSD-3-Clause
// The memory that a program and its endpoint daemon share: one session, two rings, one slot of data
// for each outstanding request.
//
//     0                  ControlBlock, 256 bytes
//     kSubmissionsAt     depth x SubmissionEntry,  64 bytes   program -> daemon
//     completions_at()   depth x CompletionEntry,  32 bytes   daemon -> program
//     slots_at()         depth x kSlotBytes                   data of one request and its response
//
// Neither ring has a published index. An entry carries its own sequence number (position + 1,
// modulo 2^32) in the word that is written last: the consumer looks at the entry it expects and at
// no other line, and there is no index that could be forged. Nothing is overwritten too early
// because at most `depth` requests are outstanding, counted from submission until the program has
// taken the completion.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ethlink::client {

/// Goes up with every change of this file or of control_messages.h.
inline constexpr std::uint32_t kAbiVersion = 1;
inline constexpr std::uint64_t kSessionMagic = 0x314B'4E49'4C48'5445;  // "ETHLINK1"

inline constexpr std::uint32_t kDepthMin = 1024;
inline constexpr std::uint32_t kDepthDefault = 2048;
inline constexpr std::uint32_t kDepthMax = 32768;
inline constexpr std::uint32_t kSlotBytes = 256;  // longest Load or Store
inline constexpr std::uint32_t kValueBytes = 8;   // up to here data travels in the entries
inline constexpr std::uint32_t kMessageBytesMax = 1u << 30;
inline constexpr std::uint16_t kWindowsMax = 256;  // of one session
inline constexpr std::uint16_t kPeersMax = 256;    // of one session

constexpr bool is_depth(std::uint32_t depth) {
    return depth >= kDepthMin && depth <= kDepthMax && std::has_single_bit(depth);
}

/// How a request ended. The values are the wire's.
enum class Status : std::uint8_t {
    kOk = 0,
    kRemoteAccess = 1,   // wrong key, address or right: one and the same
    kTimeout = 2,        // outcome unknown
    kPeerRestarted = 3,  // outcome unknown
    kUnreachable = 4,    // never sent
    kCancelled = 5,
    kInvalid = 6,    // the request itself is malformed
    kNoReceive = 7,  // the receiver was not ready in time
    kTooLong = 8,    // the message is longer than the receive buffer
    kClosed = 9,     // session or daemon ended
};
inline constexpr std::uint8_t kStatusCount = 10;

enum class Opcode : std::uint8_t {
    kLoad = 1,
    kStore = 2,
    kFetchAdd = 3,
    kSwap = 4,
    kCompareSwap = 5,
    kFetchAnd = 6,
    kFetchOr = 7,
    kFetchXor = 8,
    kWrite = 9,
    kWriteImm = 10,
    kRead = 11,
    kSend = 12,
    kRecv = 13,
    kFence = 14,
};
inline constexpr std::uint8_t kOpcodeFirst = 1;
inline constexpr std::uint8_t kOpcodeLast = 14;

constexpr bool is_opcode(std::uint8_t value) {
    return value >= kOpcodeFirst && value <= kOpcodeLast;
}

struct SubmissionFlag {
    static constexpr std::uint8_t kInline = 1;  // Send: the message is in the slot, not in a window
    static constexpr std::uint8_t kAll = kInline;
};

struct CompletionFlag {
    static constexpr std::uint8_t kImmediate = 1;  // Recv: ended by a Write with immediate
};

/// Rights that a window gives to remote peers.
struct WindowRight {
    static constexpr std::uint8_t kRead = 1;
    static constexpr std::uint8_t kWrite = 2;
    static constexpr std::uint8_t kAtomic = 4;
    static constexpr std::uint8_t kAll = kRead | kWrite | kAtomic;
};

enum class PeerClass : std::uint8_t { kLoadStore = 0, kRdma = 1 };

// Words that both processes touch. Each stands alone on its cache line.

using SharedWord = std::atomic<std::uint32_t>;
using SharedWord64 = std::atomic<std::uint64_t>;
static_assert(SharedWord::is_always_lock_free && sizeof(SharedWord) == 4);
static_assert(SharedWord64::is_always_lock_free && sizeof(SharedWord64) == 8);

struct ControlBlock {
    // Written once, before the program gets the memory.
    std::uint64_t magic;
    std::uint64_t bytes;  // of the whole memory
    std::uint32_t abi_version;
    std::uint32_t depth;
    // The program's: how many completions it has taken, modulo 2^32.
    alignas(64) SharedWord completions_taken;
    // A futex. The program sets 1 and sleeps while it is 1; the daemon sets 0 and wakes.
    alignas(64) SharedWord sleeping;
    // The daemon's: 1 = no completion will come any more.
    alignas(64) SharedWord closed;
};
static_assert(sizeof(ControlBlock) == 256);
static_assert(offsetof(ControlBlock, abi_version) == 16 && offsetof(ControlBlock, depth) == 20);
static_assert(offsetof(ControlBlock, completions_taken) == 64);
static_assert(offsetof(ControlBlock, sleeping) == 128 && offsetof(ControlBlock, closed) == 192);

/// One request, as it stands in memory (see read and write below for the fields).
struct alignas(64) SubmissionEntry {
    std::array<SharedWord64, 8> word;
};
static_assert(sizeof(SubmissionEntry) == 64);

struct alignas(32) CompletionEntry {
    std::array<SharedWord64, 4> word;
};
static_assert(sizeof(CompletionEntry) == 32);

inline constexpr std::size_t kSubmissionsAt = sizeof(ControlBlock);

constexpr std::size_t completions_at(std::uint32_t depth) {
    return kSubmissionsAt + std::size_t{depth} * sizeof(SubmissionEntry);
}
constexpr std::size_t slots_at(std::uint32_t depth) {
    return completions_at(depth) + std::size_t{depth} * sizeof(CompletionEntry);
}
constexpr std::size_t session_bytes(std::uint32_t depth) {
    return slots_at(depth) + std::size_t{depth} * kSlotBytes;
}
static_assert(slots_at(kDepthMin) % 64 == 0);

/// Where the parts are in this process. Depth is the holder's own knowledge, not the memory's.
struct SessionView {
    ControlBlock* control = nullptr;
    SubmissionEntry* submissions = nullptr;
    CompletionEntry* completions = nullptr;
    std::byte* slots = nullptr;
    std::uint32_t depth = 0;

    /// `memory` is page-aligned and holds session_bytes(depth).
    static SessionView at(std::byte* memory, std::uint32_t depth) {
        const auto place = [memory](std::size_t offset) {
            return static_cast<void*>(memory + offset);
        };
        return {static_cast<ControlBlock*>(place(0)),
                static_cast<SubmissionEntry*>(place(kSubmissionsAt)),
                static_cast<CompletionEntry*>(place(completions_at(depth))),
                memory + slots_at(depth), depth};
    }

    SubmissionEntry& submission(std::uint32_t position) const {
        return submissions[position & (depth - 1)];
    }
    CompletionEntry& completion(std::uint32_t position) const {
        return completions[position & (depth - 1)];
    }
    std::byte* slot(std::uint32_t index) const { return slots + std::size_t{index} * kSlotBytes; }
};

/// The daemon's part of making a session; all other bytes are zero in fresh memory.
inline void format_session(const SessionView& view) {
    view.control->magic = kSessionMagic;
    view.control->bytes = session_bytes(view.depth);
    view.control->abi_version = kAbiVersion;
    view.control->depth = view.depth;
}

/// word 0: sequence 32 | opcode 8 | flags 8 | peer 16       least significant first
///      1: length 32 | zero 32
///      2: slot 16 | window 16 | zero 32
///      3: cookie
///      4: key           5: remote address
///      6: operand, store data up to 8 bytes, or offset in the window
///      7: compare, or immediate
struct RawSubmission {
    std::uint8_t opcode = 0;
    std::uint8_t flags = 0;
    std::uint16_t peer = 0;
    std::uint32_t length = 0;  // bytes; atomics: 4 or 8
    std::uint16_t slot = 0;
    std::uint16_t window = 0;
    std::uint32_t reserved = 0;
    std::uint64_t cookie = 0;
    std::uint64_t key = 0;
    std::uint64_t address = 0;
    std::uint64_t operand = 0;
    std::uint64_t compare = 0;
};

inline void write_entry(SubmissionEntry& entry, std::uint32_t position, const RawSubmission& raw) {
    constexpr auto relaxed = std::memory_order_relaxed;
    entry.word[1].store(raw.length, relaxed);
    entry.word[2].store(
        raw.slot | std::uint64_t{raw.window} << 16 | std::uint64_t{raw.reserved} << 32, relaxed);
    entry.word[3].store(raw.cookie, relaxed);
    entry.word[4].store(raw.key, relaxed);
    entry.word[5].store(raw.address, relaxed);
    entry.word[6].store(raw.operand, relaxed);
    entry.word[7].store(raw.compare, relaxed);
    entry.word[0].store(std::uint64_t{position + 1} | std::uint64_t{raw.opcode} << 32 |
                            std::uint64_t{raw.flags} << 40 | std::uint64_t{raw.peer} << 48,
                        std::memory_order_release);
}

inline bool is_written(const SubmissionEntry& entry, std::uint32_t position) {
    const std::uint64_t word = entry.word[0].load(std::memory_order_relaxed);
    return static_cast<std::uint32_t>(word) == position + 1;
}

/// False if the entry of this position is not there yet. Each word is read once.
inline bool read_entry(const SubmissionEntry& entry, std::uint32_t position, RawSubmission& raw) {
    constexpr auto relaxed = std::memory_order_relaxed;
    const std::uint64_t first = entry.word[0].load(std::memory_order_acquire);
    if (static_cast<std::uint32_t>(first) != position + 1) return false;
    raw.opcode = static_cast<std::uint8_t>(first >> 32);
    raw.flags = static_cast<std::uint8_t>(first >> 40);
    raw.peer = static_cast<std::uint16_t>(first >> 48);
    const std::uint64_t second = entry.word[1].load(relaxed);
    raw.length = static_cast<std::uint32_t>(second);
    const std::uint64_t third = entry.word[2].load(relaxed);
    raw.slot = static_cast<std::uint16_t>(third);
    raw.window = static_cast<std::uint16_t>(third >> 16);
    raw.reserved = static_cast<std::uint32_t>(third >> 32);
    raw.cookie = entry.word[3].load(relaxed);
    raw.key = entry.word[4].load(relaxed);
    raw.address = entry.word[5].load(relaxed);
    raw.operand = entry.word[6].load(relaxed);
    raw.compare = entry.word[7].load(relaxed);
    return true;
}

/// word 0: sequence 32 | slot 16 | status 8 | opcode 8
///      1: length 32 | flags 8 | zero 24
///      2: cookie
///      3: value: result of an atomic, data of a Load up to 8 bytes, or immediate
struct RawCompletion {
    std::uint16_t slot = 0;
    std::uint8_t status = 0;
    std::uint8_t opcode = 0;
    std::uint32_t length = 0;
    std::uint8_t flags = 0;
    std::uint64_t cookie = 0;
    std::uint64_t value = 0;
};

inline void write_entry(CompletionEntry& entry, std::uint32_t position, const RawCompletion& raw) {
    constexpr auto relaxed = std::memory_order_relaxed;
    entry.word[1].store(raw.length | std::uint64_t{raw.flags} << 32, relaxed);
    entry.word[2].store(raw.cookie, relaxed);
    entry.word[3].store(raw.value, relaxed);
    entry.word[0].store(std::uint64_t{position + 1} | std::uint64_t{raw.slot} << 32 |
                            std::uint64_t{raw.status} << 48 | std::uint64_t{raw.opcode} << 56,
                        std::memory_order_release);
}

inline bool is_written(const CompletionEntry& entry, std::uint32_t position) {
    const std::uint64_t word = entry.word[0].load(std::memory_order_acquire);
    return static_cast<std::uint32_t>(word) == position + 1;
}

/// False if the entry of this position is not there yet.
inline bool read_entry(const CompletionEntry& entry, std::uint32_t position, RawCompletion& raw) {
    constexpr auto relaxed = std::memory_order_relaxed;
    const std::uint64_t first = entry.word[0].load(std::memory_order_acquire);
    if (static_cast<std::uint32_t>(first) != position + 1) return false;
    raw.slot = static_cast<std::uint16_t>(first >> 32);
    raw.status = static_cast<std::uint8_t>(first >> 48);
    raw.opcode = static_cast<std::uint8_t>(first >> 56);
    const std::uint64_t second = entry.word[1].load(relaxed);
    raw.length = static_cast<std::uint32_t>(second);
    raw.flags = static_cast<std::uint8_t>(second >> 32);
    raw.cookie = entry.word[2].load(relaxed);
    raw.value = entry.word[3].load(relaxed);
    return true;
}

}  // namespace ethlink::client
