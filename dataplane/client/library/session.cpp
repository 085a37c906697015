// SPDX-License-Identifier: BSD-3-Clause
// The fast path: submission, completion, waiting.
#include "dataplane/client/library/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "dataplane/client/futex.h"
#include "dataplane/client/library/clock.h"
#include "dataplane/client/library/last_error.h"

namespace ethlink::client {
namespace {

constexpr std::int64_t kLookEveryNs = 1'000'000;
// Looks at the ring between two looks at the clock.
constexpr int kSpinsPerLook = 64;
constexpr std::uint32_t kEmptyPollsPerLook = 256;
// Sleeping: a daemon that was killed wakes nobody, so sleep is cut into pieces. They grow, because
// a program that waits for long should not wake for nothing a thousand times a second.
constexpr std::int64_t kSleepFirstNs = 1'000'000;
constexpr std::int64_t kSleepLongestNs = 20'000'000;

void relax() {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

/// memcpy, without a call for the lengths that most have.
void copy_short(void* to, const void* from, std::size_t length) {
    if (length == 8) {
        std::memcpy(to, from, 8);
    } else if (length == 4) {
        std::memcpy(to, from, 4);
    } else {
        std::memcpy(to, from, length);
    }
}

}  // namespace

// Submission.

/// The slot's number, or a negative ethlink_status.
int Session::submit(RawSubmission& raw, const void* from, void* to, Owner owner) {
    if (ended_) return -closed();
    if (free_count_ == 0) collect();
    if (free_count_ == 0) return -fail(ETHLINK_FULL);
    const std::uint16_t slot = free_[--free_count_];
    pending_[slot] = {to, raw.cookie, raw.length, raw.opcode, owner};
    raw.slot = slot;
    if (from != nullptr) {
        const bool travels_along =
            raw.opcode == static_cast<std::uint8_t>(Opcode::kStore) && raw.length <= kValueBytes;
        void* place = travels_along ? static_cast<void*>(&raw.operand) : view_.slot(slot);
        copy_short(place, from, raw.length);
    }
    write_entry(view_.submission(next_), next_, raw);
    ++next_;
    return slot;
}

int Session::post(RawSubmission& raw, const void* from, void* to) {
    if (posted_ == view_.depth) return ended_ ? closed() : fail(ETHLINK_FULL);
    const int slot = submit(raw, from, to, Owner::kPoll);
    if (slot < 0) return -slot;
    ++posted_;
    return ETHLINK_OK;
}

int Session::run(RawSubmission& raw, const void* from, void* to, std::uint64_t* value,
                 std::int64_t timeout_us) {
    const int slot = submit(raw, from, to, Owner::kCaller);
    if (slot < 0) return -slot;
    return await(static_cast<std::uint16_t>(slot), timeout_us, value);
}

// Completion.

/// Takes one completion out of the ring, if there is one, and frees its slot.
Session::Settled Session::settle(ethlink_completion& completion) {
    RawCompletion raw;
    if (!read_entry(view_.completion(taken_), taken_, raw)) return Settled::kNothing;
    const auto slot = static_cast<std::uint16_t>(raw.slot & (view_.depth - 1));
    const Pending pending = pending_[slot];
    const bool load = pending.opcode == static_cast<std::uint8_t>(Opcode::kLoad);
    if (pending.to != nullptr && raw.status == ETHLINK_OK) {
        const void* data =
            pending.length <= kValueBytes ? static_cast<void*>(&raw.value) : view_.slot(slot);
        copy_short(pending.to, data, pending.length);
    }
    ++taken_;
    // Before the slot is used again: then the daemon may need this place in the ring.
    view_.control->completions_taken.store(taken_, std::memory_order_release);
    if (pending.owner == Owner::kNobody) return Settled::kOther;  // the daemon's mistake
    completion = {pending.cookie,
                  load ? 0 : raw.value,
                  raw.length,
                  raw.status,
                  pending.opcode,
                  static_cast<std::uint8_t>(raw.flags & CompletionFlag::kImmediate),
                  0};
    pending_[slot].owner = Owner::kNobody;
    free_[free_count_++] = slot;
    if (pending.owner == Owner::kPoll) return Settled::kForPoll;
    if (pending.owner == Owner::kCaller) {
        result_ = completion;
        result_there_ = true;
    }
    return Settled::kOther;
}

void Session::keep(const ethlink_completion& completion) {
    kept_[kept_head_++ & (view_.depth - 1)] = completion;
}

void Session::collect() {
    ethlink_completion completion;
    while (true) {
        const Settled settled = settle(completion);
        if (settled == Settled::kNothing) return;
        if (settled == Settled::kForPoll) keep(completion);
    }
}

int Session::poll(ethlink_completion* completions, int max) {
    int n = 0;
    while (n < max && kept_tail_ != kept_head_) {
        completions[n++] = kept_[kept_tail_++ & (view_.depth - 1)];
    }
    while (n < max) {
        const Settled settled = settle(completions[n]);
        if (settled == Settled::kNothing) break;
        if (settled == Settled::kForPoll) ++n;
    }
    posted_ -= static_cast<std::uint32_t>(n);
    if (n > 0) return n;
    if (ended_) return -closed();
    if (++empty_polls_ % kEmptyPollsPerLook == 0) look_after_daemon(monotonic_ns());
    return 0;
}

// Waiting.

int Session::await(std::uint16_t slot, std::int64_t timeout_us, std::uint64_t* value) {
    Waiting waiting{.timeout_ns = timeout_us * 1000, .sleep_ns = kSleepFirstNs};
    result_there_ = false;
    while (true) {
        collect();
        if (result_there_) break;
        if (pause(waiting)) continue;
        pending_[slot].to = nullptr;
        pending_[slot].owner = Owner::kForgot;
        return fail(ETHLINK_TIMEOUT);
    }
    if (result_.status != ETHLINK_OK) return fail(result_.status);
    if (value != nullptr) *value = result_.value;
    return ETHLINK_OK;
}

int Session::wait(ethlink_completion* completions, int max, std::int64_t timeout_us) {
    Waiting waiting{.timeout_ns = timeout_us * 1000, .sleep_ns = kSleepFirstNs};
    while (true) {
        const int n = poll(completions, max);
        if (n != 0 || posted_ == 0) return n;
        if (!pause(waiting)) return 0;
    }
}

/// Polls for a moment, later sleeps. False when the time is over.
bool Session::pause(Waiting& waiting) {
    for (int i = 0; i < kSpinsPerLook; ++i) {
        if (has_completion()) return true;
        relax();
    }
    const std::int64_t now = monotonic_ns();
    if (waiting.deadline == 0) {
        waiting.deadline = now + waiting.timeout_ns;
        waiting.spin_until = now + spin_ns_;
    }
    look_after_daemon(now);
    if (ended_) return true;
    if (now >= waiting.deadline) return false;
    if (now < waiting.spin_until) return true;
    sleep(std::min(waiting.deadline - now, waiting.sleep_ns));
    waiting.sleep_ns = std::min(2 * waiting.sleep_ns, kSleepLongestNs);
    return true;
}

/// See SessionPort::wake() for why no wake-up is lost.
void Session::sleep(std::int64_t limit_ns) {
    SharedWord& sleeping = view_.control->sleeping;
    sleeping.exchange(1, std::memory_order_acq_rel);
    const bool closed_now = view_.control->closed.load(std::memory_order_acquire) != 0;
    if (!has_completion() && !closed_now) {
        futex_wait(sleeping, 1, std::chrono::nanoseconds(limit_ns));
    }
    sleeping.store(0, std::memory_order_relaxed);
}

// The daemon's end.

void Session::look_after_daemon(std::int64_t now) {
    if (ended_) return;
    const bool said = view_.control->closed.load(std::memory_order_acquire) != 0;
    if (!said && now - looked_at_ < kLookEveryNs) return;
    looked_at_ = now;
    if (!channel_.alive() || said) end();
}

/// What the daemon has completed counts; the rest ends here.
void Session::end() {
    if (ended_) return;
    ended_ = true;
    collect();
    for (std::uint32_t slot = 0; slot < view_.depth; ++slot) {
        Pending& pending = pending_[slot];
        const ethlink_completion completion{pending.cookie, 0, 0, ETHLINK_CLOSED,
                                            pending.opcode, 0, 0};
        if (pending.owner == Owner::kPoll) keep(completion);
        if (pending.owner == Owner::kCaller) {
            result_ = completion;
            result_there_ = true;
        }
        pending = {};
    }
}

int Session::closed() const {
    return channel_.reason().empty() ? fail(ETHLINK_CLOSED)
                                     : fail(ETHLINK_CLOSED, channel_.reason());
}

}  // namespace ethlink::client
