// SPDX-License-Identifier: BSD-3-Clause
// A port that treats buffers as a NIC's driver does, so that a hop can be timed without a medium.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "dataplane/dpdk/mbuf.h"
#include "dataplane/port.h"
#include "dataplane/spsc_ring.h"

namespace ethlink::bench {

/// Keep::kShare: what is sent stays the sender's, bytes and all; the driver gives its reference
/// back one tx_burst later, when the "NIC" has read it. That release is counted as the hop's,
/// what the NIC does (the neighbour's copy) is not. No buffer is taken for what arrives: a driver's
/// refill is not counted, just as testpmd on net_ring has none.
class NicPort final : public Port<dpdk::Mbuf> {
public:
    using Mbuf = dpdk::Mbuf;

    explicit NicPort(dpdk::MbufPool& pool) : pool_(&pool), to_host_(kFrames) {}

    void rx_burst(Burst<Mbuf>& burst, Time) override { take(to_host_, burst); }

    void tx_burst(Burst<Mbuf>& burst, Time) override {
        pool_->release(std::span(in_hardware_).first(in_hardware_count_));
        in_hardware_count_ = burst.size();
        std::move(burst.begin(), burst.end(), in_hardware_.begin());
        burst.drop_front(in_hardware_count_);
        unread_ = true;
    }

    bool is_up() const override { return true; }
    std::uint32_t frames_held_max() const override { return 2 * kFrames; }
    Keep keep() const override { return Keep::kShare; }

    /// The cable's far end. It reads the frames that the NIC holds before the next tx_burst.
    class FarEnd final : public Port<Mbuf> {
    public:
        explicit FarEnd(NicPort& near) : near_(&near) {}

        void rx_burst(Burst<Mbuf>& burst, Time) override {
            if (!std::exchange(near_->unread_, false)) return;
            for (std::size_t i = 0; i < near_->in_hardware_count_; ++i) {
                burst.push(near_->pool_->copy(near_->in_hardware_[i]));
            }
        }
        void tx_burst(Burst<Mbuf>& burst, Time) override {
            SpscRing<Mbuf>& ring = near_->to_host_;
            const std::size_t n = std::min(ring.room(burst.size()), burst.size());
            for (std::size_t i = 0; i < n; ++i) ring.push(std::move(burst[i]));
            ring.publish();
            burst.drop_front(n);
        }
        bool is_up() const override { return true; }
        std::uint32_t frames_held_max() const override { return kFrames; }
        Keep keep() const override { return Keep::kCopy; }

    private:
        NicPort* near_;
    };

private:
    static constexpr std::size_t kFrames = 256;

    static void take(SpscRing<Mbuf>& ring, Burst<Mbuf>& burst) {
        const std::size_t n = std::min(ring.size(burst.room()), burst.room());
        for (Mbuf& slot : burst.free_slots().first(n)) {
            slot = std::move(ring.front());
            ring.pop();
        }
        burst.grow(n);
        ring.release();
    }

    dpdk::MbufPool* pool_;
    SpscRing<Mbuf> to_host_;
    std::array<Mbuf, kBurstSize> in_hardware_;
    std::size_t in_hardware_count_ = 0;
    bool unread_ = false;
};

}  // namespace ethlink::bench
