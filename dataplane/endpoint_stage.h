// SPDX-License-Identifier: BSD-3-Clause
// The endpoint of a GPU: remote memory for programs, and beside it the packet generator.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "dataplane/cycle_meter.h"
#include "dataplane/endpoint_clients.h"
#include "dataplane/pktgen_stage.h"
#include "dataplane/stage.h"
#include "dataplane/txn_endpoint.h"
#include "proto/wire/icrc.h"

namespace ethlink {

/// The transaction layer of one endpoint and its programs. Everything but the counters and the
/// rings of EndpointClients belongs to the worker.
struct TxnHost {
    TxnHost(const TxnIdentity& identity, const txn::TxnProfile& profile, const TxnLimits& limits,
            const SecretRandom& random, CycleMeter::ReadClock read_clock = nullptr)
        : meter(read_clock),
          clients(identity.tenant, limits.initiators),
          endpoint(identity, profile, limits, clients, random) {
        clients.bind(endpoint);
    }

    CycleMeter meter;
    EndpointClients clients;
    TxnEndpoint endpoint;
};

template <FrameHandle F>
class EndpointStage {
public:
    using Pool = typename F::Pool;

    /// `host` outlives the stage. `frame_bytes_max` is the ports' maximum, tag included;
    /// `queue_frames`: made ahead, per port and VC.
    EndpointStage(PktgenStage<F> pktgen, TxnHost& host, Pool& pool, std::uint32_t frame_bytes_max,
                  std::uint32_t queue_frames)
        : pktgen_(std::move(pktgen)),
          host_(&host),
          pool_(&pool),
          frame_bytes_max_(frame_bytes_max),
          queue_frames_(queue_frames) {}

    void refresh() {
        pktgen_.refresh();
        host_->meter.begin_turn();
    }

    template <class Node>
    void deliver(F&& frame, const wire::FrameView& view, PortState<F>& in, const Arrival& arrival,
                 Node& node) {
        if (opcode(view) == wire::Opcode::kTest) {
            return pktgen_.deliver(std::move(frame), view, in, arrival, node);
        }
        const std::uint64_t entered = host_->meter.enter();
        const Drop refused = accept(view, arrival);
        host_->meter.leave(CycleStage::kReceive, entered);
        if (refused != Drop::kCount) return node.refuse(arrival, refused);
        node.consume(arrival);
    }

    template <class Node>
    bool originate(Node& node, Time now) {
        CycleMeter& meter = host_->meter;
        meter.lap(CycleStage::kLinkReceive, meter.had_nested());
        const bool asked = host_->clients.poll(now);
        meter.lap(CycleStage::kRequests, asked);
        if (now >= timers_due_) keep_time(node, now);
        Sender<Node> sender{*this, node, now, {}, {}, {}};
        const bool sent = host_->endpoint.send(sender, now);
        host_->clients.flush();
        meter.lap(CycleStage::kSend, sent);
        sent_ = sent;
        return pktgen_.originate(node, now) || asked || sent;
    }
    void end_turn() { host_->meter.lap(CycleStage::kLinkTransmit, sent_); }

    PktgenStage<F>& pktgen() { return pktgen_; }
    const PktgenStage<F>& pktgen() const { return pktgen_; }
    const TxnHost& host() const { return *host_; }

private:
    /// Puts what the endpoint writes into the queues of the node's ports, as far as they reach.
    template <class Node>
    struct Sender {
        EndpointStage& stage;
        Node& node;
        Time now;
        PortId port;
        Vc vc;
        F frame;

        std::span<std::byte> begin(PortId to, Vc by) {
            if (node.port(to.value).queues[by].size() >= stage.queue_frames_) return {};
            port = to;
            vc = by;
            frame = stage.pool_->allocate(stage.frame_bytes_max_);
            return frame ? frame.bytes() : std::span<std::byte>();
        }
        void commit(std::size_t size) {
            frame.trim(frame.size() - static_cast<std::uint32_t>(size));
            node.enqueue(port, std::move(frame), Arrival{kNoPort, vc, {}, now});
        }
    };

    static constexpr Duration kTimers = std::chrono::microseconds(50);

    static wire::Opcode opcode(const wire::FrameView& view) {
        return static_cast<wire::Opcode>(view.txn_bytes()[wire::TxnHeader::kOpcodeOffset]);
    }

    Drop accept(const wire::FrameView& view, const Arrival& arrival) {
        const TxnIdentity& identity = host_->endpoint.identity();
        if (view.dst() != identity.self) return Drop::kNotForMe;
        if (view.tenant() != identity.tenant) return Drop::kTenantGuard;
        if (!wire::check_icrc(view)) return Drop::kBadIcrc;
        const auto txn = wire::TxnView::parse(view.txn_bytes());
        if (!txn) return txn.error();
        return host_->endpoint.on_frame(view, *txn, arrival.port, arrival.vc, arrival.now);
    }

    template <class Node>
    void keep_time(Node& node, Time now) {
        timers_due_ = now + kTimers;
        host_->endpoint.on_time(now, [&](PortId port) { return node.port(port.value).was_up; });
        host_->clients.on_time(now);
    }

    PktgenStage<F> pktgen_;
    TxnHost* host_;
    Pool* pool_;
    std::uint32_t frame_bytes_max_;
    std::uint32_t queue_frames_;
    bool sent_ = false;  // in this turn
    Time timers_due_{};
};

}  // namespace ethlink
