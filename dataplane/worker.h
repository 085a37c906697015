// SPDX-License-Identifier: BSD-3-Clause
// The poll loop: one core's share of one node, and the life of a frame from receive to transmit.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "dataplane/crossbar.h"
#include "dataplane/pollable.h"
#include "dataplane/port_state.h"
#include "dataplane/residence.h"
#include "dataplane/stage.h"
#include "proto/wire/fcs.h"
#include "proto/wire/frame.h"

namespace ethlink {

/// Owns its ports, their links and queues. Nobody else touches them; see Crossbar for how workers
/// of one node meet. Many workers (of many nodes) may be turned by one core.
template <FrameHandle F, class StageT>
class Worker final : public Pollable {
public:
    using State = PortState<F>;

    Worker(WorkerId id, std::shared_ptr<Crossbar<F>> crossbar, StageT stage)
        : id_(id),
          crossbar_(std::move(crossbar)),
          here_(crossbar_->port_count()),
          given_(crossbar_->worker_count() > 1 ? crossbar_->port_count() : 0),
          stage_(std::move(stage)) {}

    /// Before the first turn, in the order of the ports' PortHome::index.
    State& add_port(std::unique_ptr<State> port) {
        for (std::uint16_t id = 0; id < here_.size(); ++id) {
            const PortHome home = crossbar_->home(PortId{id});
            if (home.worker == id_ && home.index == ports_.size()) here_[id] = port.get();
        }
        return *ports_.emplace_back(std::move(port));
    }

    /// Before the first turn: opens all links.
    void start(Time now) {
        for (auto& port : ports_) {
            if (!port->link) continue;
            port->clock.start(now);
            port->link->start(now);
        }
    }

    Turn poll_once(Time now) override {
        now_ = now;  // The only clock value of this turn.
        Turn turn = Turn::kIdle;
        residence_.turn(now);
        stage_.refresh();
        for (auto& port : ports_) turn |= receive(*port);
        if (crossbar_->worker_count() > 1) turn |= busy_if(collect());
        turn |= busy_if(stage_.originate(*this, now));
        for (auto& port : ports_) turn |= transmit(*port);
        if constexpr (requires { stage_.end_turn(); }) stage_.end_turn();
        if (now >= housekeeping_due_) keep_house();
        return turn;
    }

    // What a stage may ask of its node (see Stage).

    /// Refuses the frame if the egress is full: only on a best-effort VC.
    [[gnu::always_inline]] inline void enqueue(PortId egress, F&& frame, const Arrival& arrival);
    /// Whether frames of this tenant may leave by this port.
    bool admits(PortId egress, Tenant tenant) const {
        return crossbar_->home(egress).admits(tenant);
    }
    void consume(const Arrival& arrival) { give_back(arrival.port, arrival.vc, arrival.credits); }
    [[gnu::cold]] void refuse(const Arrival& arrival, Drop reason) {
        local(arrival.port).counters.drops.add(reason);
        consume(arrival);
    }
    /// PortState::load() of a port, of whichever worker. What this one has given the other in this
    /// turn counts already: or a whole burst would go to the port that was best before it.
    std::uint64_t load(PortId port) const {
        const State* const here = here_[port.value];
        if (here != nullptr) return here->load();
        const Given& given = given_[port.value];
        const std::uint64_t load = crossbar_->load(port).read();
        return given.turn == now_ && load != State::kNoWay ? load + given.bytes : load;
    }

    State& port(std::size_t index) { return *ports_[index]; }
    const State& port(std::size_t index) const { return *ports_[index]; }
    std::size_t port_count() const { return ports_.size(); }
    StageT& stage() { return stage_; }
    const StageT& stage() const { return stage_; }
    const Histogram& residence() const { return residence_.histogram(); }
    /// When this worker next wants a turn though nothing arrives.
    Time deadline() const;

private:
    class Run;
    using Reception = typename Link<F>::Reception;

    // Kept short: this is the page that says what happens to a frame.
    void pass_time(State& port);
    Turn receive(State& port);
    Turn transmit(State& port);
    bool collect();

    // One piece of code for the compiler: what is said of a frame stays in registers.
    [[gnu::always_inline]] inline void receive_link(State& port, Reception& reception, F& frame);
    [[gnu::noinline]] void receive_unusual(State& port, F& frame, wire::FrameView view);
    [[gnu::noinline]] void receive_plain(State& port, F& frame);
    bool strip_fcs(const State& port, F& frame);
    /// Why the door refuses the frame; kCount: it does not.
    static Drop fault_of(const State& port, bool intact,
                         const Expected<wire::FrameView, Drop>& view) {
        if (!intact) return Drop::kBadFcs;
        if (!view) return view.error();
        if (view->is_control()) return Drop::kCount;  // It has a door and a limit of its own.
        const std::size_t tag = view->is_tagged() ? wire::VlanTag::kSize : 0;
        return view->size() > port.rules.max_frame_bytes + tag ? Drop::kOversize : Drop::kCount;
    }
    [[gnu::always_inline]] inline void deliver(State& port, F& frame, const wire::FrameView& view,
                                               Arrival arrival);
    /// Whether they staged anything that links do not say by themselves.
    bool transmit_link(State& port);
    [[gnu::noinline]] bool transmit_plain(State& port);
    [[gnu::always_inline]] inline void give_back(PortId ingress, Vc vc, Credits credits);
    [[gnu::always_inline]] inline void returned(State& ingress, Vc vc, Credits credits);

    // What is rare: worker_upkeep.h.
    [[gnu::cold]] void refuse_unreadable(State& port, F& frame, Drop reason);
    [[gnu::cold]] void discard_stuck(State& port);
    [[gnu::cold]] void punt(State& port, const wire::FrameView& view);
    void inject(State& port);
    void keep_house();

    State& local(PortId port) { return *here_[port.value]; }

    /// To a port of another worker, in one turn.
    struct Given {
        Time turn{};
        std::uint64_t bytes = 0;
    };

    static constexpr Duration kHousekeeping = std::chrono::microseconds(200);

    Time now_{};
    WorkerId id_;
    std::shared_ptr<Crossbar<F>> crossbar_;
    std::vector<std::unique_ptr<State>> ports_;
    std::vector<State*> here_;  // by PortId; nullptr: a port of another worker
    std::vector<Given> given_;  // by PortId; none if there is no other worker
    StageT stage_;
    Residence residence_;
    Time housekeeping_due_{};
    std::size_t upkeep_ = 0;  // frames of the burst that were only between links
};

// Receive: medium -> door -> link -> stage.

template <FrameHandle F, class StageT>
void Worker<F, StageT>::pass_time(State& port) {
    port.clock.turn(now_);
    if (port.clock.stands()) [[unlikely]]
        port.clock.look(port.device->far_turned_at(now_));
    port.link->on_time(port.clock.now());
}

template <FrameHandle F, class StageT>
Turn Worker<F, StageT>::receive(State& port) {
    if (port.link) pass_time(port);
    Burst<F>& burst = port.arrived;
    port.device->rx_burst(burst, now_);
    const std::size_t n = burst.size();
    port.counters.rx_bursts[n].add();
    if (n == 0) return Turn::kIdle;
    upkeep_ = 0;
    std::uint64_t bytes = 0;
    for (const F& frame : burst) frame.prefetch();  // All misses at once, not one by one.
    if (port.link) [[likely]] {
        Reception reception(*port.link);
        for (F& frame : burst) {
            bytes += frame.size();
            receive_link(port, reception, frame);
        }
        reception.finish();
    } else {
        for (F& frame : burst) {
            bytes += frame.size();
            receive_plain(port, frame);
        }
    }
    burst.clear();
    port.counters.rx_frames.add(n);
    port.counters.rx_bytes.add(bytes);
    return upkeep_ < n ? Turn::kBusy : Turn::kUpkeep;
}

template <FrameHandle F, class StageT>
void Worker<F, StageT>::receive_link(State& port, Reception& reception, F& frame) {
    const bool intact = strip_fcs(port, frame);
    const auto view = wire::parse(frame.bytes());
    if (!intact || !view || frame.size() > port.rules.max_frame_bytes) [[unlikely]] {
        if (const Drop reason = fault_of(port, intact, view); reason != Drop::kCount) {
            reception.finish();
            refuse_unreadable(port, frame, reason);
            reception.expect();
            return;
        }
    }
    const Credits credits = reception.accept(frame, *view);
    if (credits.value == 0) [[unlikely]] {
        reception.finish();
        receive_unusual(port, frame, *view);
        reception.expect();
        return;
    }
    deliver(port, frame, *view, {port.rules.id, reception.vc(), credits, now_});
}

template <FrameHandle F, class StageT>
void Worker<F, StageT>::receive_unusual(State& port, F& frame, wire::FrameView view) {
    const RxOutcome outcome = port.link->on_rx(frame, view);
    switch (outcome.verdict) {
        case RxOutcome::Verdict::kDeliver:
            deliver(port, frame, view, {port.rules.id, outcome.vc, outcome.credits, now_});
            break;
        case RxOutcome::Verdict::kConsumed: ++upkeep_; break;
        case RxOutcome::Verdict::kPunt:
            ++upkeep_;
            punt(port, view);
            break;
        case RxOutcome::Verdict::kDrop: port.counters.drops.add(outcome.drop); break;
    }
}

template <FrameHandle F, class StageT>
void Worker<F, StageT>::receive_plain(State& port, F& frame) {
    const bool intact = strip_fcs(port, frame);
    const auto view = wire::parse(frame.bytes());
    if (const Drop reason = fault_of(port, intact, view); reason != Drop::kCount) {
        refuse_unreadable(port, frame, reason);
    } else if (view->is_control()) {
        port.counters.drops.add(Drop::kControlOnPlainPort);
    } else if (view->link_word_raw() != 0) {
        port.counters.drops.add(Drop::kReservedNonzero);
    } else {
        deliver(port, frame, *view, {port.rules.id, port.rules.vc_map.classify(*view), {}, now_});
    }
}

/// Takes the FCS off, where it is ours to check; false if it is wrong.
template <FrameHandle F, class StageT>
bool Worker<F, StageT>::strip_fcs(const State& port, F& frame) {
    if (!port.rules.software_fcs) return true;
    if (!wire::fcs_good(frame.bytes())) [[unlikely]]
        return false;
    frame.trim(wire::kFcsSize);
    return true;
}

template <FrameHandle F, class StageT>
void Worker<F, StageT>::deliver(State& port, F& frame, const wire::FrameView& view,
                                Arrival arrival) {
    if (arrival.credits.value == 0) [[unlikely]] {  // A VC without credits, or a plain port.
        if (!port.admits(arrival.vc)) {
            port.counters.drops.add(Drop::kQueueFull);
            return;
        }
        ++port.admitted[arrival.vc.value];
        arrival.credits = Credits{1};  // Our own: give_back() takes it down again.
    }
    stage_.deliver(std::move(frame), view, port, arrival, *this);
}

// Transmit: control first, then replay, then new frames as credits and window allow.

/// The frames of one VC that leave a port in a row. Those that came in by the same port give their
/// credits back together, at the latest with finish().
template <FrameHandle F, class StageT>
class Worker<F, StageT>::Run {
public:
    Run(Worker& worker, EgressQueues<F>& queues, Vc vc)
        : worker_(worker), queues_(queues), vc_(vc) {}

    bool empty() const { return queues_[vc_].empty(); }
    std::uint32_t front_bytes() const { return queues_[vc_].front().bytes; }
    F pop() {
        Parcel<F> parcel = queues_.pop(vc_);
        if (parcel.sample != 0) [[unlikely]]
            worker_.residence_.left(parcel.sample);
        if (parcel.ingress != ingress_) {
            finish();
            ingress_ = parcel.ingress;
        }
        credits_ += Credits{parcel.credits};
        return std::move(parcel.frame);
    }
    void finish() { worker_.give_back(ingress_, vc_, std::exchange(credits_, Credits{})); }

private:
    Worker& worker_;
    EgressQueues<F>& queues_;
    Vc vc_;
    PortId ingress_ = kNoPort;
    Credits credits_{};
};

template <FrameHandle F, class StageT>
Turn Worker<F, StageT>::transmit(State& port) {
    if (port.watchdog.discarding() != 0) [[unlikely]]
        discard_stuck(port);
    const bool frames = port.link ? transmit_link(port) : transmit_plain(port);
    if (crossbar_->worker_count() > 1) crossbar_->load(port.rules.id).set(port.load());
    if (port.staged.empty()) return Turn::kIdle;
    std::uint64_t bytes = 0;
    const std::size_t before = port.staged.size();
    for (const F& frame : port.staged.frames()) bytes += frame.size();
    port.device->tx_burst(port.staged, now_);  // What it refuses stays; never spin.
    for (const F& frame : port.staged.frames()) bytes -= frame.size();
    port.counters.tx_frames.add(before - port.staged.size());
    port.counters.tx_bytes.add(bytes);
    // A medium that is down takes nothing, and what stays staged would keep the link from giving up
    // what waits behind it. It is as lost as on a cut cable; the replay buffer has its copies.
    if (!port.was_up) [[unlikely]]
        port.staged.clear();
    const bool busy = frames || port.refused;
    port.refused = busy && !port.staged.empty();
    if (before == port.staged.size()) return Turn::kIdle;
    return busy ? Turn::kBusy : Turn::kUpkeep;
}

template <FrameHandle F, class StageT>
bool Worker<F, StageT>::transmit_link(State& port) {
    Link<F>& link = *port.link;
    Burst<F>& out = port.staged;
    link.poll_control(out);  // ACKs and credits first: they unblock the neighbour.
    const std::size_t said = out.size();
    link.poll_replay(out);  // Then Go-Back-N: nothing new may overtake it.
    while (out.room() > 0 && port.queues.ready() != 0) {
        const Scheduler::Grant grant = port.scheduler.next_run(
            port.queues.ready(), [&](Vc v) { return port.queues[v].front().bytes; },
            [&](Vc v, std::uint32_t bytes) { return link.can_send(v, bytes); });
        if (grant.vc == Scheduler::kNothing) break;
        Run run(*this, port.queues, grant.vc);
        port.scheduler.spent(grant, link.send_run(run, grant.vc, grant.bytes, out));
        run.finish();
    }
    return out.size() > said;
}

template <FrameHandle F, class StageT>
bool Worker<F, StageT>::transmit_plain(State& port) {
    Burst<F>& out = port.staged;
    while (out.room() > 0 && port.queues.ready() != 0) {
        const Vc vc = port.scheduler.next(
            port.queues.ready(), [&](Vc v) { return port.queues[v].front().bytes; },
            [](Vc, std::uint32_t) { return true; });
        Run run(*this, port.queues, vc);
        F frame = run.pop();
        run.finish();
        if (port.rules.software_fcs) {
            if (frame.append(wire::kFcsSize) == nullptr) {
                port.counters.drops.add(Drop::kTxNoBuffer);
                continue;
            }
            wire::write_fcs(frame.bytes());
        }
        out.push(std::move(frame));
    }
    return true;
}

// Between ports.

template <FrameHandle F, class StageT>
void Worker<F, StageT>::enqueue(PortId egress, F&& frame, const Arrival& arrival) {
    const auto bytes = static_cast<std::uint16_t>(frame.size());
    const auto credits = static_cast<std::uint16_t>(arrival.credits.value);
    if (State* const out = here_[egress.value]; out != nullptr) [[likely]] {
        if (Parcel<F>* const slot = out->queues.claim(arrival.vc, bytes)) [[likely]] {
            slot->put(std::move(frame), bytes, credits, arrival.port, arrival.vc,
                      residence_.entered());
            return;
        }
        out->counters.drops.add(Drop::kQueueFull);
    } else {
        auto& ring = crossbar_->ring(id_, crossbar_->home(egress).worker);
        if (ring.room() > 0) {
            Given& given = given_[egress.value];
            given = {now_, given.turn == now_ ? given.bytes + bytes : bytes};
            ring.push({{std::move(frame), bytes, credits, arrival.port, arrival.vc}, egress});
            ring.publish();
            return;
        }
        local(arrival.port).counters.drops.add(Drop::kQueueFull);
    }
    consume(arrival);
}

template <FrameHandle F, class StageT>
bool Worker<F, StageT>::collect() {
    bool any = false;
    for (std::uint8_t from = 0; from < crossbar_->worker_count(); ++from) {
        if (from == id_.value) continue;
        auto& ring = crossbar_->ring(WorkerId{from}, id_);
        std::size_t n = std::min(ring.size(kBurstSize), kBurstSize * 2);
        any |= n > 0;
        for (; n > 0; --n) {
            auto& transfer = ring.front();
            State& out = local(transfer.egress);
            const PortId ingress = transfer.parcel.ingress;
            const Credits credits{transfer.parcel.credits};
            const Vc vc = transfer.parcel.vc;
            if (!out.queues.push(std::move(transfer.parcel))) {
                out.counters.drops.add(Drop::kQueueFull);
                transfer.parcel.frame = F();
                give_back(ingress, vc, credits);
            }
            ring.pop();
        }
        ring.release();
    }
    crossbar_->collect_drained(id_, [&](PortId ingress, Vc vc, Credits credits) {
        any = true;
        returned(local(ingress), vc, credits);
    });
    return any;
}

template <FrameHandle F, class StageT>
void Worker<F, StageT>::give_back(PortId ingress, Vc vc, Credits credits) {
    if (credits.value == 0) return;
    if (State* const in = here_[ingress.value]; in != nullptr) [[likely]] {
        returned(*in, vc, credits);
    } else {
        crossbar_->drained(id_, ingress, vc, credits);
    }
}

template <FrameHandle F, class StageT>
void Worker<F, StageT>::returned(State& ingress, Vc vc, Credits credits) {
    if (ingress.has_credits(vc)) [[likely]] {
        ingress.link->on_drained(vc, credits);
    } else {
        ingress.admitted[vc.value] -= credits.value;
    }
}

}  // namespace ethlink

#include "dataplane/worker_upkeep.h"  // IWYU pragma: keep
