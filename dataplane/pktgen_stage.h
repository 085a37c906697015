// SPDX-License-Identifier: BSD-3-Clause
// The endpoint that makes and counts test frames: generator, sink, and the proof of what was lost.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/histogram.h"
#include "dataplane/sequence_tracker.h"
#include "dataplane/snapshot.h"
#include "dataplane/stage.h"
#include "proto/byte_order.h"
#include "proto/counter.h"
#include "proto/wire/build.h"
#include "proto/wire/icrc.h"
#include "proto/wire/txn_header.h"

namespace ethlink {

/// Frames from one endpoint to one other that keep their order: same path, same VC.
struct PktgenStream {
    GpuId dst{};
    PortId port{};  // by which they leave
    Vc vc{};
    std::uint16_t entropy = 0;
    std::uint8_t dscp = 0;
};

/// What one endpoint sends. Published as a whole; a new plan begins with the worker's next turn.
struct PktgenPlan {
    bool sending = false;
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
    kCount
};

/// The transaction behind the base header: number 8 bytes, time of making 8 bytes (ns).
template <FrameHandle F>
class PktgenStage {
public:
    using Pool = typename F::Pool;
    static constexpr std::size_t kPayloadMin = 16;
    /// The least frame that carries the test payload, without FCS.
    static constexpr std::uint32_t kFrameMin = 60;

    PktgenStage(PktgenIdentity identity, Snapshot<PktgenPlan>::Reader plans, Pool& pool)
        : identity_(std::move(identity)),
          plans_(plans),
          pool_(&pool),
          next_number_(identity_.streams.size()),
          source_index_(std::size_t{1} << 16, kUnknownSource),
          trackers_(identity_.sources.size() * identity_.streams_per_source),
          state_(std::make_unique<State>()) {
        for (std::size_t i = 0; i < identity_.sources.size(); ++i) {
            source_index_[identity_.sources[i].value] = static_cast<std::uint16_t>(i);
        }
    }

    void refresh() {
        const PktgenPlan* plan = plans_.observe();
        if (plan != plan_) [[unlikely]]
            begin_ = true;
        plan_ = plan;
    }

    template <class Node>
    bool originate(Node& node, Time now);

    template <class Node>
    void deliver(F&& frame, const wire::FrameView& view, PortState<F>&, const Arrival& arrival,
                 Node& node) {
        const Drop refused = accept(view, arrival.now);
        if (refused != Drop::kCount) return node.refuse(arrival, refused);
        frame = F();
        node.consume(arrival);
    }

    // Any thread.
    const CounterSet<PktgenStat>& stats() const { return state_->stats; }
    const Histogram& latency() const { return state_->latency; }
    /// Frames that their successors have overtaken or that never came, over all streams.
    std::uint64_t missing() const { return state_->missing.read(); }
    const PktgenIdentity& identity() const { return identity_; }

private:
    static constexpr std::uint16_t kUnknownSource = 0xFFFF;
    struct State {
        CounterSet<PktgenStat> stats;
        Gauge missing;
        Histogram latency;
    };

    void add(PktgenStat stat, std::uint64_t n = 1) { state_->stats.add(stat, n); }
    std::uint64_t allowance(Time now);
    template <class Node>
    bool make_one(Node& node, Time now);
    F make_frame(const PktgenStream& stream, std::uint32_t index, std::uint32_t bytes, Time now);
    Drop accept(const wire::FrameView& view, Time now);
    void track(const wire::FrameView& view, const wire::TxnView& txn, Time now);

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
    std::vector<std::uint64_t> next_number_;
    std::vector<std::uint16_t> source_index_;
    std::vector<SequenceTracker> trackers_;
    std::uint64_t missing_ = 0;
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
    if (plan_ == nullptr || !plan_->sending || identity_.streams.empty()) return false;
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
    F frame = make_frame(stream, static_cast<std::uint32_t>(stream_), bytes, now);
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

template <FrameHandle F>
F PktgenStage<F>::make_frame(const PktgenStream& stream, std::uint32_t index, std::uint32_t bytes,
                             Time now) {
    store_be64(payload_.data(), next_number_[index]);
    store_be64(payload_.data() + 8, static_cast<std::uint64_t>(now.time_since_epoch().count()));
    wire::DataFrame repr{.dst = stream.dst,
                         .src = identity_.self,
                         .entropy = stream.entropy,
                         .vlan = {},
                         .net = {.ttl = 15, .dscp = stream.dscp},
                         .txn = {.opcode = wire::Opcode::kTest,
                                 .channel = stream.vc.value,
                                 .psn = static_cast<std::uint32_t>(next_number_[index]),
                                 .tag = index},
                         .payload = {}};
    if (identity_.tenant.value != 0) repr.vlan = wire::VlanTag{.vid = identity_.tenant.value};
    const std::size_t tag = identity_.tenant.value != 0 ? wire::VlanTag::kSize : 0;
    repr.payload = std::span(payload_).first(bytes - tag - wire::kMinTotalLength);
    F frame = pool_->allocate(bytes);
    if (frame && repr.emit(frame.bytes()) != bytes) frame = F();
    return frame;
}

template <FrameHandle F>
Drop PktgenStage<F>::accept(const wire::FrameView& view, Time now) {
    if (view.dst() != identity_.self) return Drop::kNotForMe;
    if (!wire::check_icrc(view)) return Drop::kBadIcrc;
    const auto txn = wire::TxnView::parse(view.txn_bytes());
    if (!txn) return txn.error();
    if (txn->opcode() != wire::Opcode::kTest || txn->payload().size() < kPayloadMin) {
        return Drop::kTxnMalformed;
    }
    track(view, *txn, now);
    return Drop::kCount;
}

template <FrameHandle F>
void PktgenStage<F>::track(const wire::FrameView& view, const wire::TxnView& txn, Time now) {
    const std::uint16_t source = source_index_[view.src().value];
    const std::uint32_t index = txn.tag();
    if (source == kUnknownSource || index >= identity_.streams_per_source) {
        add(PktgenStat::kUnexpected);
        return;
    }
    add(PktgenStat::kReceivedFrames);
    add(PktgenStat::kReceivedBytes, view.size());
    SequenceTracker& tracker = trackers_[source * identity_.streams_per_source + index];
    const std::uint64_t missing = tracker.missing();
    switch (tracker.on(load_be64(txn.payload().data()))) {
        case SequenceTracker::Verdict::kInOrder: add(PktgenStat::kInOrder); break;
        case SequenceTracker::Verdict::kReordered: add(PktgenStat::kReordered); break;
        case SequenceTracker::Verdict::kDuplicate: add(PktgenStat::kDuplicated); break;
    }
    if (tracker.missing() != missing) {
        missing_ += tracker.missing() - missing;
        state_->missing.set(missing_);
    }
    const std::uint64_t sent_at = load_be64(txn.payload().data() + 8);
    const auto now_ns = static_cast<std::uint64_t>(now.time_since_epoch().count());
    // Clocks of other processes may differ: a time from the future says nothing.
    if (sent_at <= now_ns) state_->latency.add(now_ns - sent_at);
}

}  // namespace ethlink
