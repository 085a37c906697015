// SPDX-License-Identifier: BSD-3-Clause
// The in-process wire: a cable between two ports of one process, without kernel, NIC or root.
#pragma once

#include <atomic>
#include <memory>

#include "dataplane/follow_ups.h"
#include "dataplane/port.h"
#include "dataplane/spsc_ring.h"

namespace ethlink {

/// Two rings, one a direction. Handles move, bytes stay where they are: the sender lends what it
/// keeps (Keep::kLend).
template <FrameHandle F>
class Wire {
public:
    explicit Wire(std::size_t frames_per_direction)
        : a_to_b_(frames_per_direction), b_to_a_(frames_per_direction) {}

    SpscRing<F>& a_to_b() { return a_to_b_; }
    SpscRing<F>& b_to_a() { return b_to_a_; }

    /// Pulls or plugs the cable; any thread. Frames on their way stay on their way.
    void set_up(bool up) { up_.store(up, std::memory_order_relaxed); }
    bool is_up() const { return up_.load(std::memory_order_relaxed); }

    /// When an end last received, for the other one. Until it first does nobody can tell.
    class LastTurn {
    public:
        void note(Time now) {
            at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
        }
        Time or_else(Time now) const {
            const Time::rep at = at_.load(std::memory_order_relaxed);
            return at == 0 ? now : Time(Duration(at));
        }

    private:
        // Written each turn, read a few times a millisecond: nobody else's line.
        alignas(kCacheLine) std::atomic<Time::rep> at_{0};
    };
    /// Whom to poll next when this end has frames: set before anybody turns, and only if both ends
    /// turn in the same thread.
    struct Receiver {
        Pollable* pollable = nullptr;
        FollowUps* follow_ups = nullptr;

        void has_frames() const {
            if (pollable != nullptr) follow_ups->add(*pollable);
        }
    };
    Receiver& a_receiver() { return a_receiver_; }
    Receiver& b_receiver() { return b_receiver_; }

    LastTurn& a_turned() { return a_turned_; }
    LastTurn& b_turned() { return b_turned_; }

private:
    SpscRing<F> a_to_b_;
    SpscRing<F> b_to_a_;
    LastTurn a_turned_, b_turned_;
    Receiver a_receiver_, b_receiver_;
    std::atomic<bool> up_{true};
};

/// One end of a Wire, which it shares with the other end.
template <FrameHandle F>
class WirePort final : public Port<F> {
public:
    enum class End : std::uint8_t { kA, kB };

    /// `keep`: kLend, or kCopy if the far end writes more than the head of what it is handed.
    WirePort(std::shared_ptr<Wire<F>> wire, End end, Keep keep = Keep::kLend)
        : keep_(keep),
          wire_(std::move(wire)),
          tx_(end == End::kA ? &wire_->a_to_b() : &wire_->b_to_a()),
          rx_(end == End::kA ? &wire_->b_to_a() : &wire_->a_to_b()),
          turned_(end == End::kA ? &wire_->a_turned() : &wire_->b_turned()),
          far_turned_(end == End::kA ? &wire_->b_turned() : &wire_->a_turned()),
          far_(end == End::kA ? &wire_->b_receiver() : &wire_->a_receiver()) {}

    void rx_burst(Burst<F>& burst, Time now) override {
        turned_->note(now);
        const std::size_t n = std::min(rx_->size(burst.room()), burst.room());
        if (n == 0) return;
        for (F& slot : burst.free_slots().first(n)) {
            slot = std::move(rx_->front());
            rx_->pop();
        }
        burst.grow(n);
        rx_->release();
    }

    void tx_burst(Burst<F>& burst, Time) override {
        if (!wire_->is_up()) return;  // A cut cable takes nothing; the link must notice.
        const std::size_t n = std::min(tx_->room(burst.size()), burst.size());
        if (n == 0) return;
        for (std::size_t i = 0; i < n; ++i) tx_->push(std::move(burst[i]));
        tx_->publish();
        far_->has_frames();
        burst.drop_front(n);
    }

    bool is_up() const override { return wire_->is_up(); }
    Time far_turned_at(Time now) const override { return far_turned_->or_else(now); }
    std::uint32_t frames_held_max() const override {
        return static_cast<std::uint32_t>(tx_->capacity());
    }
    Keep keep() const override { return keep_; }

private:
    Keep keep_;
    std::shared_ptr<Wire<F>> wire_;
    SpscRing<F>* tx_;
    SpscRing<F>* rx_;
    typename Wire<F>::LastTurn* turned_;
    const typename Wire<F>::LastTurn* far_turned_;
    const typename Wire<F>::Receiver* far_;
};

}  // namespace ethlink
