// SPDX-License-Identifier: BSD-3-Clause
// The daemon's end of a session: takes a program's requests out of shared memory and puts its
// completions there. The program is not trusted.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/client/abi.h"
#include "proto/counter.h"

namespace ethlink::client {

/// A request in the daemon's own memory, each field checked: the opcode exists, the peer is open
/// and allows it, the slot is free, `local` lies inside the program's own memory. Key and remote
/// address are for the remote end to judge.
struct Submission {
    Opcode opcode = Opcode::kFence;
    std::uint16_t peer = 0;
    std::uint16_t slot = 0;    // names the request until complete(); below depth()
    std::uint32_t length = 0;  // bytes; atomics: 4 or 8
    std::uint64_t cookie = 0;
    std::uint64_t key = 0;
    std::uint64_t address = 0;  // atomics: a multiple of length
    // Atomics; 32-bit ones: the upper half is zero. The data of a Store of up to kValueBytes.
    std::uint64_t operand = 0;
    std::uint64_t compare = 0;  // compare_swap
    std::uint64_t immediate = 0;
    // The bytes to send or to fill, `length` of them: in a window, or in the slot. The program may
    // change them at any time: what is checked must be a copy.
    std::span<std::byte> local;
    std::uint16_t window = kNoWindow;  // that `local` lies in

    static constexpr std::uint16_t kNoWindow = 0xFFFF;
};

struct Completion {
    std::uint16_t slot = 0;
    Status status = Status::kOk;
    std::uint32_t length = 0;  // Recv: bytes received; for the others the request's is told
    std::uint64_t value = 0;   // what an atomic found, a Load up to 8 bytes, or the immediate
    bool immediate = false;    // Recv: ended by a Write with immediate
};

/// Which operations a peer handle is for: bits by opcode.
using OpcodeSet = std::uint32_t;
constexpr OpcodeSet opcode_bit(Opcode opcode) {
    return OpcodeSet{1} << static_cast<unsigned>(opcode);
}
inline constexpr OpcodeSet kLoadStoreOpcodes =
    opcode_bit(Opcode::kLoad) | opcode_bit(Opcode::kStore) | opcode_bit(Opcode::kFetchAdd) |
    opcode_bit(Opcode::kSwap) | opcode_bit(Opcode::kCompareSwap) | opcode_bit(Opcode::kFetchAnd) |
    opcode_bit(Opcode::kFetchOr) | opcode_bit(Opcode::kFetchXor) | opcode_bit(Opcode::kFence);
inline constexpr OpcodeSet kRdmaOpcodes =
    opcode_bit(Opcode::kWrite) | opcode_bit(Opcode::kWriteImm) | opcode_bit(Opcode::kRead) |
    opcode_bit(Opcode::kSend) | opcode_bit(Opcode::kRecv) | opcode_bit(Opcode::kFence);

constexpr OpcodeSet opcodes_of(PeerClass peer_class) {
    return peer_class == PeerClass::kLoadStore ? kLoadStoreOpcodes : kRdmaOpcodes;
}

struct SessionCounters {
    Counter taken;      // by pop()
    Counter malformed;  // completed with kInvalid in front()
    Counter completed;  // of those taken
    Counter wakes;      // system calls
};

/// Belongs to one poll thread, but for the constructor and the counters. The memory outlives it.
///
/// A turn: front() and pop() as long as there is room for requests, complete() as they end, and
/// flush() once.
///
/// The completion ring cannot overflow: no request is taken while as many as the ring holds are
/// outstanding or not yet taken by the program.
class SessionPort {
public:
    /// `memory`: session_bytes(depth), formatted, is_depth(depth).
    SessionPort(std::span<std::byte> memory, std::uint32_t depth);
    SessionPort(const SessionPort&) = delete;
    SessionPort& operator=(const SessionPort&) = delete;

    // What requests may name. Handles are dense numbers below kPeersMax and kWindowsMax.

    void open_peer(std::uint16_t peer, OpcodeSet allowed) { peers_[peer] = allowed; }
    /// Requests that are outstanding are the caller's to end.
    void close_peer(std::uint16_t peer) { peers_[peer] = 0; }
    void add_window(std::uint16_t window, std::span<std::byte> bytes) { windows_[window] = bytes; }
    /// New requests that name it are invalid; outstanding ones still use it, see window_uses().
    void remove_window(std::uint16_t window) { windows_[window] = {}; }
    /// Outstanding requests whose `local` lies in this window.
    std::uint32_t window_uses(std::uint16_t window) const { return window_uses_[window]; }

    // Requests.

    /// Whether the program has written something: one look at one cache line.
    bool has_submissions() const { return is_written(view_.submission(next_), next_); }
    /// Looks at the oldest request without taking it; nothing if there is none, or no room for its
    /// completion, or the session is broken. A malformed one ends with kInvalid here and is
    /// skipped, at most kSkipMax of them in one call. Each look reads and judges anew.
    std::optional<Submission> front();
    /// Takes what front() has just given: now it is outstanding.
    void pop(const Submission& front);

    std::uint32_t depth() const { return view_.depth; }
    std::uint32_t outstanding() const { return outstanding_; }
    /// kSlotBytes of an outstanding request.
    std::span<std::byte> slot(std::uint16_t slot) const { return {view_.slot(slot), kSlotBytes}; }

    // Completions.

    /// Ends an outstanding request; the program can see it at once. Data of Loads over kValueBytes
    /// and of Reads must be in `local` before. For a request that is not outstanding: nothing.
    void complete(const Completion& completion);
    /// Once a turn: wakes the program if it sleeps and there is something new.
    void flush() {
        if (!put_since_flush_) return;
        put_since_flush_ = false;
        wake();
    }

    /// Says that nothing will come any more. Outstanding requests end as kClosed at the program.
    void shut();

    /// Why this session cannot go on: the program damaged what only it writes. nullptr if it can.
    /// Any thread may ask.
    const char* broken() const { return broken_.load(std::memory_order_relaxed); }

    const SessionCounters& counters() const { return counters_; }

    static constexpr std::uint32_t kSkipMax = 16;
    // How many entries early their cache line is asked for: four lines of either ring.
    static constexpr std::uint32_t kSubmissionsAhead = 4;
    static constexpr std::uint32_t kCompletionsAhead = 8;

private:
    /// What complete() must know, out of the program's reach.
    struct Outstanding {
        std::uint64_t cookie = 0;
        std::uint32_t length = 0;
        std::uint16_t window = Submission::kNoWindow;
        Opcode opcode = Opcode::kFence;
        bool busy = false;
    };

    bool room() {
        if (broken() != nullptr) return false;
        return outstanding_ + (put_ - taken_seen_) < view_.depth || look_again();
    }
    bool look_again();
    bool check(const RawSubmission& raw, Submission& out) const;
    bool check_small(const RawSubmission& raw, Submission& out) const;
    static bool check_atomic(const RawSubmission& raw, Submission& out);
    bool check_bulk(const RawSubmission& raw, Submission& out) const;
    void reject(const RawSubmission& raw);
    void put(const RawCompletion& raw);
    void wake();

    SessionView view_;
    std::uint32_t next_ = 0;        // position of the next submission
    std::uint32_t put_ = 0;         // completions written
    std::uint32_t taken_seen_ = 0;  // completions taken by the program, as last seen
    std::uint32_t outstanding_ = 0;
    bool put_since_flush_ = false;
    std::atomic<const char*> broken_ = nullptr;
    std::unique_ptr<Outstanding[]> requests_;  // by slot
    std::array<OpcodeSet, kPeersMax> peers_{};
    std::array<std::span<std::byte>, kWindowsMax> windows_{};
    std::array<std::uint32_t, kWindowsMax> window_uses_{};
    SessionCounters counters_;
};

// On the path of each request, and compiled into the loop that takes them: there a Submission is a
// handful of registers.

inline std::optional<Submission> SessionPort::front() {
    for (std::uint32_t skipped = 0; skipped < kSkipMax; ++skipped) {
        RawSubmission raw;
        if (!read_entry(view_.submission(next_), next_, raw)) return std::nullopt;
        // Who posts one request mostly posts more.
        __builtin_prefetch(&view_.submission(next_ + kSubmissionsAhead));
        if (!room()) return std::nullopt;
        if (Submission submission; check(raw, submission)) [[likely]]
            return submission;
        ++next_;
        reject(raw);
    }
    return std::nullopt;
}

inline bool SessionPort::check(const RawSubmission& raw, Submission& out) const {
    const bool formed = is_opcode(raw.opcode) && (raw.flags & ~SubmissionFlag::kAll) == 0 &&
                        raw.reserved == 0 && raw.slot < view_.depth && raw.peer < kPeersMax;
    if (!formed || requests_[raw.slot].busy) return false;
    const auto opcode = static_cast<Opcode>(raw.opcode);
    if ((peers_[raw.peer] & opcode_bit(opcode)) == 0) return false;
    if (raw.flags != 0 && opcode != Opcode::kSend) return false;
    out.opcode = opcode;
    out.peer = raw.peer;
    out.slot = raw.slot;
    out.length = raw.length;
    out.cookie = raw.cookie;
    out.key = raw.key;
    out.address = raw.address;
    switch (opcode) {
        case Opcode::kLoad:
        case Opcode::kStore: return check_small(raw, out);
        case Opcode::kFetchAdd:
        case Opcode::kSwap:
        case Opcode::kCompareSwap:
        case Opcode::kFetchAnd:
        case Opcode::kFetchOr:
        case Opcode::kFetchXor: return check_atomic(raw, out);
        case Opcode::kWrite:
        case Opcode::kWriteImm:
        case Opcode::kRead:
        case Opcode::kSend:
        case Opcode::kRecv: return check_bulk(raw, out);
        case Opcode::kFence: return raw.length == 0;
    }
    return false;
}

inline bool SessionPort::check_small(const RawSubmission& raw, Submission& out) const {
    if (raw.length == 0 || raw.length > kSlotBytes) return false;
    out.operand = raw.operand;
    out.local = slot(raw.slot).first(raw.length);
    return true;
}

inline bool SessionPort::check_atomic(const RawSubmission& raw, Submission& out) {
    if (raw.length != 4 && raw.length != 8) return false;
    if ((raw.address & (raw.length - 1)) != 0) return false;
    const std::uint64_t mask = raw.length == 4 ? 0xFFFF'FFFF : ~std::uint64_t{0};
    out.operand = raw.operand & mask;
    out.compare = raw.compare & mask;
    return true;
}

inline void SessionPort::pop(const Submission& front) {
    ++next_;
    ++outstanding_;
    Outstanding& request = requests_[front.slot];
    request.cookie = front.cookie;
    request.length = front.length;
    request.window = front.window;
    request.opcode = front.opcode;
    request.busy = true;
    if (front.window != Submission::kNoWindow) ++window_uses_[front.window];
    counters_.taken.add();
}

}  // namespace ethlink::client
