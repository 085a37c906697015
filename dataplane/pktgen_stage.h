// SPDX-License-Identifier: BSD-3-Clause
// The endpoint that makes and counts test frames: generator, sink, and the proof of what was lost.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/histogram.h"
#include "dataplane/sequence_tracker.h"
#include "dataplane/snapshot.h"
#include "dataplane/stage.h"
#include "dataplane/test_payload.h"
#include "proto/byte_order.h"
#include "proto/counter.h"
#include "proto/expected.h"
#include "proto/wire/build.h"
#include "proto/wire/icrc.h"
#include "proto/wire/txn_header.h"

namespace ethlink {

/// Frames from one endpoint to one other that keep their order, but for AR: same path, same VC.
struct PktgenStream {
    GpuId dst{};
    PortId port{};  // by which they leave
    Vc vc{};
    std::uint16_t entropy = 0;
    std::uint8_t dscp = 0;
    bool ar = false;  // each frame may take another path, and overtake others
};

/// What one endpoint sends. Published as a whole; a new plan begins with the worker's next turn.
struct PktgenPlan {
    bool sending = false;
    bool probing = false;              // instead: ask all destinations whether they are there
    std::vector<std::uint16_t> sizes;  // bytes without FCS, taken in turn
    double frames_per_second = 0;      // 0 = as fast as window and credits allow
    std::uint64_t frames_max = 0;      // over all plans of this endpoint; 0 = no limit
};

/// Who an endpoint is and whom it talks to: fixed for its life, so numbers go on from plan to plan.
struct PktgenIdentity {
    GpuId self{};
    Tenant tenant{};
    std::vector<PktgenStream> streams;  // sent in turn; the index is the stream's number
    std::vector<GpuId> sources;         // whose frames are expected here
    std::uint32_t streams_per_source = 0;
    std::uint32_t queue_frames = 32;  // made ahead, per port and VC
    std::uint32_t run = 0;            // of this process: make_run()
};

enum class PktgenStat : std::uint8_t {
    kSentFrames,
    kSentBytes,       // FCS not counted
    kReceivedFrames,  // every one, duplicates included
    kReceivedBytes,
    kInOrder,
    kReordered,
    kDuplicated,
    kUnexpected,  // well formed, but of no stream that is known here
    kNoBuffer,    // the pool had none: made later
    kProbes,      // probes and answers made; in no other count
    kCount
};

/// One stream at its sink. Times are ns of the loop's clock, as fine as its turns.
struct PktgenFlow {
    Counter frames;     // that came, each one
    Gauge last_at;      // when the last one came; 0: none has
    Gauge largest_gap;  // between two that followed each other, since forget_gaps()
};

/// Generator, sink, and the answer to whoever probes whether the sink is there.
template <FrameHandle F>
class PktgenStage {
public:
    using Pool = typename F::Pool;
    /// The least frame that carries the test payload, without FCS; a tag has room in it.
    static constexpr std::uint32_t kFrameMin = 60;
    static_assert(wire::kMinTotalLength + wire::VlanTag::kSize + TestPayload::kSize <= kFrameMin);

    PktgenStage(PktgenIdentity identity, Snapshot<PktgenPlan>::Reader plans, Pool& pool)
        : identity_(std::move(identity)),
          plans_(plans),
          pool_(&pool),
          next_number_(identity_.streams.size()),
          source_index_(std::size_t{1} << 16, kUnknownSource),
          runs_(identity_.sources.size()),
          trackers_(identity_.sources.size() * identity_.streams_per_source),
          state_(std::make_unique<State>(identity_.streams.size(), trackers_.size())) {
        for (std::size_t i = 0; i < identity_.sources.size(); ++i) {
            source_index_[identity_.sources[i].value] = static_cast<std::uint16_t>(i);
        }
        arrived_.reserve(8 * kBurstSize);
    }

    void refresh() {
        const PktgenPlan* plan = plans_.observe();
        if (plan != plan_) [[unlikely]]
            begin_ = true;
        plan_ = plan;
        const std::uint64_t forget = state_->forget.read();
        if (forget != forgotten_) [[unlikely]] {
            forgotten_ = forget;
            for (PktgenFlow& flow : state_->flows) flow.largest_gap.set(0);
        }
    }

    template <class Node>
    bool originate(Node& node, Time now);

    template <class Node>
    void deliver(F&& frame, const wire::FrameView& view, PortState<F>& port, const Arrival& arrival,
                 Node& node);

    // Any thread.
    const CounterSet<PktgenStat>& stats() const { return state_->stats; }
    const Histogram& latency() const { return state_->latency; }
    /// Frames that their successors have overtaken or that never came, over all streams and runs.
    std::uint64_t missing() const { return state_->missing.read(); }
    /// Whether the destination of this stream has answered a probe.
    bool is_answered(std::size_t stream) const { return state_->answered[stream].read() != 0; }
    const PktgenIdentity& identity() const { return identity_; }
    /// A stream that ends here, by its source's place among PktgenIdentity::sources and its number
    /// there.
    const PktgenFlow& flow(std::size_t source, std::size_t stream) const {
        return state_->flows[source * identity_.streams_per_source + stream];
    }
    /// Gaps are measured anew from the worker's next turn on; one that has begun counts whole. One
    /// thread only.
    void forget_gaps() const { state_->forget.set(state_->forget.read() + 1); }

private:
    static constexpr std::uint16_t kUnknownSource = 0xFFFF;
    static constexpr Duration kProbeEvery = std::chrono::milliseconds(5);

    struct State {
        State(std::size_t sent, std::size_t received) : answered(sent), flows(received) {}
        CounterSet<PktgenStat> stats;
        Gauge missing;
        Histogram latency;
        std::vector<Gauge> answered;    // by stream
        std::vector<PktgenFlow> flows;  // by source and its stream, as trackers_
        Gauge forget;                   // the control thread counts it up
    };

    void add(PktgenStat stat, std::uint64_t n = 1) { state_->stats.add(stat, n); }
    std::uint64_t allowance(Time now);
    template <class Node>
    bool make_one(Node& node, Time now);
    template <class Node>
    bool probe(Node& node, Time now);
    template <class Node>
    void answer(const wire::FrameView& view, const TestPayload& probe, PortState<F>& port,
                const Arrival& arrival, Node& node);
    /// `test.made_at` becomes `now`.
    F make_frame(const PktgenStream& stream, TestPayload test, std::uint32_t bytes, Time now);
    Expected<TestPayload, Drop> accept(const wire::FrameView& view) const;
    /// The index of the frame's source, or kUnknownSource, counted.
    std::uint16_t source_of(const wire::FrameView& view, const TestPayload& test);
    void meet(std::uint16_t source, std::uint32_t run);
    void track(const wire::FrameView& view, const TestPayload& test, Time now);
    static void note_arrival(PktgenFlow& flow, Time now) {
        const auto at = static_cast<std::uint64_t>(now.time_since_epoch().count());
        const std::uint64_t last = flow.last_at.read();
        if (last != 0) flow.largest_gap.raise_to(at - last);
        flow.last_at.set(at);
        flow.frames.add();
    }
    void measure(const TestPayload& test, Time now);
    void settle(Time now);

    PktgenIdentity identity_;
    Snapshot<PktgenPlan>::Reader plans_;
    const PktgenPlan* plan_ = nullptr;
    Pool* pool_;
    bool begin_ = false;
    Time pace_from_{};         // the pace counts from here
    std::uint64_t paced_ = 0;  // frames made since
    std::uint64_t made_ = 0;   // frames made in all
    std::size_t stream_ = 0;   // whose turn it is
    std::size_t size_ = 0;     // index into sizes
    Time probe_due_{};
    std::vector<std::uint64_t> next_number_;
    std::vector<std::uint16_t> source_index_;
    std::vector<std::optional<std::uint32_t>> runs_;  // by source: the run that is tracked
    std::vector<SequenceTracker> trackers_;
    std::uint64_t missing_ = 0;
    std::uint64_t forgotten_ = 0;  // State::forget when gaps were forgotten last
    // Frames of the turn arrived_at_, by time of making: see measure().
    std::vector<std::uint64_t> arrived_;
    Time arrived_at_{};
    std::array<std::byte, 9216> payload_{};
    std::unique_ptr<State> state_;
};

template <FrameHandle F>
std::uint64_t PktgenStage<F>::allowance(Time now) {
    if (begin_) {
        begin_ = false;
        pace_from_ = now;
        paced_ = 0;
    }
    std::uint64_t allowed = kBurstSize * std::max<std::size_t>(identity_.streams.size(), 1);
    if (plan_->frames_per_second > 0) {
        const double elapsed = std::chrono::duration<double>(now - pace_from_).count();
        const auto due = static_cast<std::uint64_t>(elapsed * plan_->frames_per_second);
        allowed = std::min(allowed, due > paced_ ? due - paced_ : 0);
    }
    if (plan_->frames_max > 0)
        allowed = std::min(allowed, plan_->frames_max - std::min(made_, plan_->frames_max));
    return allowed;
}

template <FrameHandle F>
template <class Node>
bool PktgenStage<F>::originate(Node& node, Time now) {
    if (!arrived_.empty() && now != arrived_at_) settle(now);
    if (plan_ == nullptr || identity_.streams.empty()) return false;
    if (plan_->probing) return probe(node, now);
    if (!plan_->sending) return false;
    std::uint64_t left = allowance(now);
    bool any = false;
    // Streams in turn; one whose queue is full misses its turn, and all of them end the round.
    std::size_t full = 0;
    while (left > 0 && full < identity_.streams.size()) {
        if (make_one(node, now)) {
            --left;
            full = 0;
            any = true;
        } else {
            ++full;
        }
        stream_ = stream_ + 1 < identity_.streams.size() ? stream_ + 1 : 0;
    }
    return any;
}

template <FrameHandle F>
template <class Node>
bool PktgenStage<F>::make_one(Node& node, Time now) {
    const PktgenStream& stream = identity_.streams[stream_];
    PortState<F>& port = node.port(stream.port.value);
    if (port.queues[stream.vc].size() >= identity_.queue_frames) return false;
    const std::uint32_t bytes = plan_->sizes[size_];
    F frame = make_frame(stream,
                         {.number = next_number_[stream_],
                          .run = identity_.run,
                          .stream = static_cast<std::uint32_t>(stream_)},
                         bytes, now);
    if (!frame) {
        add(PktgenStat::kNoBuffer);
        return false;
    }
    node.enqueue(stream.port, std::move(frame), Arrival{kNoPort, stream.vc, {}, now});
    ++next_number_[stream_];
    ++paced_;
    ++made_;
    size_ = size_ + 1 < plan_->sizes.size() ? size_ + 1 : 0;
    add(PktgenStat::kSentFrames);
    add(PktgenStat::kSentBytes, bytes);
    return true;
}

/// Asks those who have not answered yet, at a low pace.
template <FrameHandle F>
template <class Node>
bool PktgenStage<F>::probe(Node& node, Time now) {
    if (now < probe_due_) return false;
    probe_due_ = now + kProbeEvery;
    bool any = false;
    for (std::uint32_t i = 0; i < identity_.streams.size(); ++i) {
        const PktgenStream& stream = identity_.streams[i];
        PortState<F>& port = node.port(stream.port.value);
        if (is_answered(i) || port.queues[stream.vc].size() >= identity_.queue_frames) continue;
        F frame = make_frame(stream,
                             {.run = identity_.run, .kind = TestPayload::Kind::kProbe, .stream = i},
                             kFrameMin, now);
        if (!frame) break;
        node.enqueue(stream.port, std::move(frame), Arrival{kNoPort, stream.vc, {}, now});
        add(PktgenStat::kProbes);
        any = true;
    }
    return any;
}

/// Without room or buffer there is no answer: whoever asks asks again.
template <FrameHandle F>
template <class Node>
void PktgenStage<F>::answer(const wire::FrameView& view, const TestPayload& probe,
                            PortState<F>& port, const Arrival& arrival, Node& node) {
    const std::uint16_t source = source_of(view, probe);
    if (source == kUnknownSource) return;
    meet(source, probe.run);
    if (port.queues[arrival.vc].size() >= identity_.queue_frames) return;
    const PktgenStream back{
        .dst = view.src(), .port = port.rules.id, .vc = arrival.vc, .dscp = view.dscp()};
    F frame = make_frame(
        back, {.run = probe.run, .kind = TestPayload::Kind::kAnswer, .stream = probe.stream},
        kFrameMin, arrival.now);
    if (!frame) return;
    node.enqueue(back.port, std::move(frame), Arrival{kNoPort, back.vc, {}, arrival.now});
    add(PktgenStat::kProbes);
}

template <FrameHandle F>
F PktgenStage<F>::make_frame(const PktgenStream& stream, TestPayload test, std::uint32_t bytes,
                             Time now) {
    test.made_at = static_cast<std::uint64_t>(now.time_since_epoch().count());
    test.emit(payload_);
    wire::DataFrame repr{.dst = stream.dst,
                         .src = identity_.self,
                         .entropy = stream.entropy,
                         .vlan = {},
                         .net = {.ar = stream.ar, .ttl = 15, .dscp = stream.dscp},
                         .txn = {.opcode = wire::Opcode::kTest,
                                 .channel = stream.vc.value,
                                 .psn = static_cast<std::uint32_t>(test.number)},
                         .payload = {}};
    if (identity_.tenant.value != 0) repr.vlan = wire::VlanTag{.vid = identity_.tenant.value};
    const std::size_t tag = identity_.tenant.value != 0 ? wire::VlanTag::kSize : 0;
    repr.payload = std::span(payload_).first(bytes - tag - wire::kMinTotalLength);
    F frame = pool_->allocate(bytes);
    if (frame && repr.emit(frame.bytes()) != bytes) frame = F();
    return frame;
}

template <FrameHandle F>
template <class Node>
void PktgenStage<F>::deliver(F&& /*stays*/, const wire::FrameView& view, PortState<F>& port,
                             const Arrival& arrival, Node& node) {
    const auto test = accept(view);
    if (!test) return node.refuse(arrival, test.error());
    switch (test->kind) {
        case TestPayload::Kind::kData: track(view, *test, arrival.now); break;
        case TestPayload::Kind::kProbe: answer(view, *test, port, arrival, node); break;
        case TestPayload::Kind::kAnswer:
            if (test->run == identity_.run && test->stream < identity_.streams.size()) {
                state_->answered[test->stream].set(1);
            }
            break;
    }
    node.consume(arrival);
}

template <FrameHandle F>
Expected<TestPayload, Drop> PktgenStage<F>::accept(const wire::FrameView& view) const {
    if (view.dst() != identity_.self) return Unexpected<Drop>(Drop::kNotForMe);
    if (view.tenant() != identity_.tenant) return Unexpected<Drop>(Drop::kTenantGuard);
    if (!wire::check_icrc(view)) return Unexpected<Drop>(Drop::kBadIcrc);
    const auto txn = wire::TxnView::parse(view.txn_bytes());
    if (!txn) return Unexpected<Drop>(txn.error());
    const auto test = TestPayload::parse(txn->payload());
    if (txn->opcode() != wire::Opcode::kTest || !test) {
        return Unexpected<Drop>(Drop::kTxnMalformed);
    }
    return *test;
}

template <FrameHandle F>
std::uint16_t PktgenStage<F>::source_of(const wire::FrameView& view, const TestPayload& test) {
    const std::uint16_t source = source_index_[view.src().value];
    if (source != kUnknownSource && test.stream < identity_.streams_per_source) return source;
    add(PktgenStat::kUnexpected);
    return kUnknownSource;
}

/// A source that was started again numbers its frames from 0. What is missing of its earlier run
/// stays missing.
template <FrameHandle F>
void PktgenStage<F>::meet(std::uint16_t source, std::uint32_t run) {
    if (runs_[source] == run) [[likely]]
        return;
    runs_[source] = run;
    for (std::uint32_t i = 0; i < identity_.streams_per_source; ++i) {
        trackers_[source * identity_.streams_per_source + i] = SequenceTracker();
    }
}

template <FrameHandle F>
void PktgenStage<F>::track(const wire::FrameView& view, const TestPayload& test, Time now) {
    const std::uint16_t source = source_of(view, test);
    if (source == kUnknownSource) return;
    meet(source, test.run);
    add(PktgenStat::kReceivedFrames);
    add(PktgenStat::kReceivedBytes, view.size());
    const std::size_t index = source * identity_.streams_per_source + test.stream;
    note_arrival(state_->flows[index], now);
    SequenceTracker& tracker = trackers_[index];
    const std::uint64_t missing = tracker.missing();
    switch (tracker.on(test.number)) {
        case SequenceTracker::Verdict::kInOrder: add(PktgenStat::kInOrder); break;
        case SequenceTracker::Verdict::kReordered: add(PktgenStat::kReordered); break;
        case SequenceTracker::Verdict::kDuplicate: add(PktgenStat::kDuplicated); break;
    }
    if (tracker.missing() != missing) {
        missing_ += tracker.missing() - missing;
        state_->missing.set(missing_);
    }
    measure(test, now);
}

/// The loop reads the clock once a turn, so a frame made in the turn in which it arrives would seem
/// to have taken no time, or less. As in Residence, it counts as arrived when the next turn begins.
template <FrameHandle F>
void PktgenStage<F>::measure(const TestPayload& test, Time now) {
    if (!same_host(test.run, identity_.run)) return;  // Its clock has nothing to do with ours.
    if (now != arrived_at_) {
        settle(now);
        arrived_at_ = now;
    }
    arrived_.push_back(test.made_at);
}

template <FrameHandle F>
void PktgenStage<F>::settle(Time now) {
    const auto now_ns = static_cast<std::uint64_t>(now.time_since_epoch().count());
    for (const std::uint64_t made_at : arrived_) {
        // Cores read their clocks at different moments: a time from the future says nothing.
        if (made_at <= now_ns) state_->latency.add(now_ns - made_at);
    }
    arrived_.clear();
}

}  // namespace ethlink
