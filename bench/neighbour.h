// SPDX-License-Identifier: BSD-3-Clause
// The far end of a cable in bench_hop: a real link end that sends full bursts and answers all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/dpdk/mbuf.h"
#include "dataplane/port.h"
#include "proto/link.h"
#include "proto/wire/frame.h"

namespace ethlink::bench {

using dpdk::Mbuf;
using dpdk::MbufPool;

/// One frame to be sent again and again.
struct Template {
    std::vector<std::byte> bytes;
    Vc vc;
};

/// LLR session, credits and ACKs as any neighbour's; the frames are copies of `templates`, in turn.
class Neighbour {
public:
    Neighbour(Port<Mbuf>& device, const LinkProfile& profile, std::uint16_t epoch, MbufPool& pool,
              std::vector<Template> templates)
        : device_(&device),
          pool_(&pool),
          templates_(std::move(templates)),
          slots_(profile.llr.max_outstanding_frames),
          link_(profile, LinkEnd{.keep = device.keep(), .epoch = epoch}, std::span(slots_), pool) {}

    void start(Time now) { link_.start(now); }

    /// Takes in all that has come, and fills a burst as far as credits and window allow.
    void turn(Time now, bool sending) {
        link_.on_time(now);
        while (receive(now)) {
        }
        link_.poll_control(staged_);
        link_.poll_replay(staged_);
        if (sending) fill();
        device_->tx_burst(staged_, now);
    }

    const Link<Mbuf>& link() const { return link_; }
    std::uint64_t data_frames() const { return data_frames_; }
    std::uint64_t control_frames() const { return control_frames_; }
    std::uint64_t lost() const { return lost_; }

private:
    bool receive(Time now) {
        device_->rx_burst(arrived_, now);
        if (arrived_.empty()) return false;
        for (Mbuf& frame : arrived_) {
            const auto view = wire::parse(frame.bytes());
            if (!view) {
                ++lost_;
                continue;
            }
            control_frames_ += view->is_control();
            const RxOutcome outcome = link_.on_rx(frame, *view);
            if (outcome.verdict == RxOutcome::Verdict::kDeliver) {
                ++data_frames_;
                link_.on_drained(outcome.vc, outcome.credits);
            } else if (outcome.verdict == RxOutcome::Verdict::kDrop || !view->is_control()) {
                ++lost_;
            }
        }
        arrived_.clear();
        return true;
    }

    void fill() {
        while (staged_.room() > 0) {
            const Template& next = templates_[next_template_];
            const auto bytes = static_cast<std::uint32_t>(next.bytes.size());
            if (!link_.can_send(next.vc, bytes)) return;
            Mbuf frame = pool_->allocate(bytes);
            if (!frame) return;
            std::ranges::copy(next.bytes, frame.bytes().begin());
            link_.send(std::move(frame), next.vc, staged_);
            next_template_ = next_template_ + 1 == templates_.size() ? 0 : next_template_ + 1;
        }
    }

    Port<Mbuf>* device_;
    MbufPool* pool_;
    std::vector<Template> templates_;
    std::size_t next_template_ = 0;
    std::vector<Link<Mbuf>::Slot> slots_;
    Link<Mbuf> link_;
    Burst<Mbuf> arrived_;
    Burst<Mbuf> staged_;
    std::uint64_t data_frames_ = 0;
    std::uint64_t control_frames_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace ethlink::bench
