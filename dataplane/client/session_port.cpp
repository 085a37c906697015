// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/client/session_port.h"

#include "dataplane/client/futex.h"

namespace ethlink::client {

SessionPort::SessionPort(std::span<std::byte> memory, std::uint32_t depth)
    : view_(SessionView::at(memory.data(), depth)),
      requests_(std::make_unique<Outstanding[]>(depth)) {}

/// Whether one more completion has its place in the ring for sure. The program's count is looked at
/// again only when what was last seen is not enough.
bool SessionPort::look_again() {
    const std::uint32_t taken = view_.control->completions_taken.load(std::memory_order_acquire);
    if (put_ - taken > put_ - taken_seen_) {
        broken_.store("the count of taken completions is wrong", std::memory_order_relaxed);
        return false;
    }
    taken_seen_ = taken;
    return outstanding_ + (put_ - taken_seen_) < view_.depth;
}

bool SessionPort::check_bulk(const RawSubmission& raw, Submission& out) const {
    out.immediate = raw.compare;
    if ((raw.flags & SubmissionFlag::kInline) != 0) {
        if (raw.length > kSlotBytes) return false;
        out.local = slot(raw.slot).first(raw.length);
        return true;
    }
    if (raw.length > kMessageBytesMax) return false;
    // Without bytes no window need be named.
    if (raw.length == 0) return true;
    if (raw.window >= kWindowsMax) return false;
    const std::span<std::byte> window = windows_[raw.window];
    const std::uint64_t offset = raw.operand;
    if (offset > window.size() || raw.length > window.size() - offset) return false;
    out.local = window.subspan(offset, raw.length);
    out.window = raw.window;
    return true;
}

void SessionPort::reject(const RawSubmission& raw) {
    counters_.malformed.add();
    RawCompletion completion;
    completion.slot = raw.slot;
    completion.status = static_cast<std::uint8_t>(Status::kInvalid);
    completion.opcode = raw.opcode;
    completion.cookie = raw.cookie;
    put(completion);
}

void SessionPort::complete(const Completion& completion) {
    if (completion.slot >= view_.depth || !requests_[completion.slot].busy) return;
    Outstanding& request = requests_[completion.slot];
    request.busy = false;
    --outstanding_;
    if (request.window != Submission::kNoWindow) --window_uses_[request.window];
    RawCompletion raw;
    raw.slot = completion.slot;
    raw.status = static_cast<std::uint8_t>(completion.status);
    raw.opcode = static_cast<std::uint8_t>(request.opcode);
    raw.cookie = request.cookie;
    raw.value = completion.value;
    const bool received = request.opcode == Opcode::kRecv;
    if (completion.status == Status::kOk)
        raw.length = received ? completion.length : request.length;
    if (received && completion.immediate) raw.flags = CompletionFlag::kImmediate;
    counters_.completed.add();
    put(raw);
}

void SessionPort::put(const RawCompletion& raw) {
    // The program had the line a lap ago: asked for early enough, it is here when it is written.
    __builtin_prefetch(&view_.completion(put_ + kCompletionsAhead), 1);
    write_entry(view_.completion(put_), put_, raw);
    ++put_;
    put_since_flush_ = true;
}

/// Program: sets `sleeping`, looks at the ring again, sleeps. Daemon: writes the ring, looks at
/// `sleeping`. Both looks are exchanges of the same word, so one of the two sees the other.
void SessionPort::wake() {
    if (view_.control->sleeping.exchange(0, std::memory_order_acq_rel) == 0) return;
    counters_.wakes.add();
    futex_wake(view_.control->sleeping);
}

void SessionPort::shut() {
    view_.control->closed.store(1, std::memory_order_release);
    wake();
}

}  // namespace ethlink::client
