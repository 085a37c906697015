// SPDX-License-Identifier: BSD-3-Clause
// Several endpoints on one bad wire in virtual time: no links below, so everything goes wrong.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/random.h"
#include "dataplane/txn_endpoint.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"

namespace ethlink::sim {

using Bytes = std::vector<std::byte>;

/// A frame of anybody's making, with a good ICRC.
inline Bytes make_frame(const wire::Envelope& envelope, const wire::TxnHeader& header,
                        std::span<const std::byte> payload) {
    Bytes bytes(std::max<std::size_t>(wire::kTxnOverhead + payload.size(), 64) + 4);
    wire::TxnWriter writer(bytes, envelope.tenant);
    std::byte* const at = writer.claim(payload.size());
    if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
    bytes.resize(writer.finish(envelope, header));
    return bytes;
}

/// What the wire does to a frame, per path. All times in virtual nanoseconds.
struct TxnWeather {
    double loss = 0, duplicate = 0, corrupt = 0, late = 0;
    Duration delay = std::chrono::microseconds(2);
    Duration late_by = std::chrono::microseconds(50);
    std::vector<bool> dead_ports;  // frames by these vanish
};

/// Receive buffers that a test posts, and what came into them.
class PostedBuffers final : public txn::ReceiveQueue {
public:
    void post(std::size_t bytes) { free_.push_back(std::make_unique<Bytes>(bytes)); }
    std::optional<txn::ReceiveBuffer> claim(GpuId) override {
        if (free_.empty()) return std::nullopt;
        claimed_.push_back(std::move(free_.front()));
        free_.pop_front();
        return txn::ReceiveBuffer{std::span(*claimed_.back()), claimed_.size() - 1};
    }
    void deliver(const txn::ReceiveBuffer& buffer, const txn::Received& received) override {
        Bytes& bytes = *claimed_[buffer.cookie];
        const std::size_t n = received.is_write ? 0 : received.length;
        messages.push_back(
            {received, Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n))});
        ++delivered;
    }
    std::size_t claimed() const { return claimed_.size(); }

    struct Message {
        txn::Received received;
        Bytes bytes;
    };
    std::vector<Message> messages;
    std::size_t delivered = 0;

private:
    std::deque<std::unique_ptr<Bytes>> free_;
    std::vector<std::unique_ptr<Bytes>> claimed_;
};

struct TxnNode {
    TxnNode(GpuId gpu, const txn::TxnProfile& profile, const TxnLimits& limits, std::uint64_t seed,
            std::uint16_t ports)
        : memory(1 << 16),
          endpoint({.self = gpu,
                    .epoch = seed,
                    .ports = ports,
                    .classes = {ClassVcs{Vc{0}, Vc{1}}, ClassVcs{Vc{2}, Vc{3}}}},
                   profile, limits, receives, SecretRandom::seeded(seed)) {}

    Bytes memory;  // what a window may open
    PostedBuffers receives;
    TxnEndpoint endpoint;
    std::uint64_t dropped(Drop reason) const { return drops[static_cast<std::size_t>(reason)]; }

    std::array<std::uint64_t, kDropCount> drops{};
    std::vector<bool> down_ports;  // that it knows of
};

class TxnWire {
public:
    explicit TxnWire(std::uint64_t seed) : random(seed) {}

    TxnNode& add(GpuId gpu, const txn::TxnProfile& profile, const TxnLimits& limits = {},
                 std::uint16_t ports = 2) {
        auto node = std::make_unique<TxnNode>(gpu, profile, limits, random.next(), ports);
        return *(nodes[gpu.value] = std::move(node));
    }
    /// The node's process dies: nothing of it stays, and frames to it vanish.
    void kill(GpuId gpu) { nodes.erase(gpu.value); }

    /// One `turn`.
    void step() {
        static constexpr Duration kTimers = std::chrono::microseconds(50);
        const auto timers = now.time_since_epoch() / kTimers;
        now += turn;
        while (!on_the_way.empty() && on_the_way.begin()->first.first <= now) {
            Flight flight = std::move(on_the_way.begin()->second);
            on_the_way.erase(on_the_way.begin());
            arrive(flight);
        }
        const bool tick = now.time_since_epoch() / kTimers != timers;
        for (auto& [gpu, node] : nodes) {
            if (tick) {
                node->endpoint.on_time(now, [&down = node->down_ports](PortId port) {
                    return port.value >= down.size() || !down[port.value];
                });
            }
            Sender sender{*this, {}, {}};
            node->endpoint.send(sender, now);
        }
    }
    /// Steps until done() or `limit` steps; whether it was done.
    template <class Done>
    bool run(std::uint64_t limit, Done done) {
        for (std::uint64_t i = 0; i < limit; ++i) {
            if (done()) return true;
            step();
        }
        return done();
    }
    template <class Done>
    bool run(Duration limit, Done done) {
        return run(static_cast<std::uint64_t>(limit / turn), done);
    }
    void run(Duration time) {
        run(time, [] { return false; });
    }
    /// The frame arrives now; what it was refused for, if it was.
    Drop inject(const Bytes& bytes, PortId port = {}, Vc vc = {}) {
        return arrive({bytes, port, vc});
    }

    TxnWeather weather;
    /// Sees each frame that an endpoint sends, before the weather does.
    std::function<void(const Bytes&, PortId, Vc)> tap = [](const Bytes&, PortId, Vc) {};
    Duration turn = std::chrono::microseconds(1);
    std::size_t frame_bytes = 2048;  // room that a sender has
    Time now{};
    Random random;
    std::uint64_t frames = 0, lost = 0, doubled = 0, damaged = 0, late = 0;
    std::map<std::uint16_t, std::unique_ptr<TxnNode>> nodes;

private:
    struct Flight {
        Bytes bytes;
        PortId port;
        Vc vc;
    };
    struct Sender {
        TxnWire& wire;
        Flight flight;
        Bytes room;
        std::span<std::byte> begin(PortId port, Vc vc) {
            flight = {{}, port, vc};
            room.assign(wire.frame_bytes, std::byte{0xEE});
            return std::span(room);
        }
        void commit(std::size_t size) {
            room.resize(size);
            flight.bytes = room;
            wire.launch(flight);
        }
    };

    void launch(const Flight& flight) {
        ++frames;
        tap(flight.bytes, flight.port, flight.vc);
        const std::size_t port = flight.port.value;
        if (random.chance(weather.loss) ||
            (port < weather.dead_ports.size() && weather.dead_ports[port])) {
            ++lost;
            return;
        }
        if (random.chance(weather.duplicate)) {
            ++doubled;
            put(flight, random.below(40'000));
        }
        if (random.chance(weather.corrupt)) {
            Flight bad = flight;
            const std::size_t bit = random.below(bad.bytes.size() * 8);
            bad.bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
            ++damaged;
            return put(bad, 0);
        }
        const bool is_late = random.chance(weather.late);
        late += is_late ? 1 : 0;
        put(flight,
            is_late ? random.below(static_cast<std::uint64_t>(weather.late_by.count())) : 0);
    }
    void put(const Flight& flight, std::uint64_t later) {
        const Time due = now + weather.delay + Duration(static_cast<std::int64_t>(later));
        on_the_way.emplace(std::pair(due, launched_++), flight);
    }
    Drop arrive(const Flight& flight) {
        const auto view = wire::parse(flight.bytes);
        if (!view) return view.error();
        if (view->is_control() || !nodes.contains(view->dst().value)) return Drop::kNotForMe;
        TxnNode& node = *nodes.at(view->dst().value);
        const Drop drop = verdict(node, *view, flight);
        if (drop != Drop::kCount) ++node.drops[static_cast<std::size_t>(drop)];
        return drop;
    }
    Drop verdict(TxnNode& node, const wire::FrameView& view, const Flight& flight) {
        if (!wire::check_icrc(view)) return Drop::kBadIcrc;
        const auto txn = wire::TxnView::parse(view.txn_bytes());
        if (!txn) return txn.error();
        return node.endpoint.on_frame(view, *txn, flight.port, flight.vc, now);
    }

    std::map<std::pair<Time, std::uint64_t>, Flight> on_the_way;
    std::uint64_t launched_ = 0;
};

}  // namespace ethlink::sim
