// SPDX-License-Identifier: BSD-3-Clause
// A port with a bad wire before it: any other port, decorated.
#pragma once

#include <memory>
#include <utility>

#include "dataplane/fault_line.h"
#include "dataplane/port.h"
#include "dataplane/snapshot.h"

namespace ethlink {

/// Faults of the two directions, as the port sees them.
struct PortFaults {
    FaultOptions tx, rx;
};

/// The poll loop does not know that it is there. Faults change while frames flow: the control
/// thread publishes, the worker sees it with its next burst.
template <FrameHandle F>
class FaultPort final : public Port<F> {
public:
    using Pool = typename F::Pool;

    FaultPort(std::unique_ptr<Port<F>> inner, Pool& pool, std::uint32_t frames_max,
              bool fcs_in_frame, const PortFaults& faults)
        : inner_(std::move(inner)),
          tx_(pool, frames_max, fcs_in_frame, faults.tx),
          rx_(pool, frames_max, fcs_in_frame, faults.rx),
          faults_(faults),
          reader_(published_.reader(0)) {}

    /// Control thread.
    void set(const PortFaults& faults) {
        faults_ = faults;
        published_.publish(std::make_unique<PortFaults>(faults));
    }
    /// Control thread: as last set.
    const PortFaults& faults() const { return faults_; }

    void rx_burst(Burst<F>& burst, Time now) override {
        observe();
        inner_->rx_burst(arrived_, now);
        take(arrived_, rx_, now);
        rx_.pop_due(burst, now);
        send_due(now);  // A turn without new frames must not stop the delayed ones.
    }
    void tx_burst(Burst<F>& burst, Time now) override {
        take(burst, tx_, now);
        send_due(now);
    }

    bool is_up() const override { return inner_->is_up(); }
    Time far_turned_at(Time now) const override { return inner_->far_turned_at(now); }
    std::uint32_t frames_held_max() const override { return inner_->frames_held_max(); }
    /// The line damages and holds frames: they must not be anybody else's.
    Keep keep() const override { return Keep::kCopy; }
    void count_refused_in(CounterSet<Drop>& drops) override { inner_->count_refused_in(drops); }

    const CounterSet<FaultStat>& tx_stats() const { return tx_.stats(); }
    const CounterSet<FaultStat>& rx_stats() const { return rx_.stats(); }

private:
    void send_due(Time now) {
        tx_.pop_due(leaving_, now);
        if (!leaving_.empty()) inner_->tx_burst(leaving_, now);
    }
    void observe() {
        const PortFaults* newest = reader_.observe();
        if (newest == seen_) return;
        seen_ = newest;
        tx_.set(newest->tx);
        rx_.set(newest->rx);
    }
    static void take(Burst<F>& from, FaultLine<F>& line, Time now) {
        std::size_t n = 0;
        for (; n < from.size() && line.has_room(); ++n) line.push(std::move(from[n]), now);
        if (n > 0) from.drop_front(n);
    }

    std::unique_ptr<Port<F>> inner_;
    FaultLine<F> tx_, rx_;
    Burst<F> arrived_;  // came from the medium, not yet in the line
    Burst<F> leaving_;  // left the line, not yet taken by the medium
    PortFaults faults_;
    Snapshot<PortFaults> published_{1};
    typename Snapshot<PortFaults>::Reader reader_;
    const PortFaults* seen_ = nullptr;
};

}  // namespace ethlink
