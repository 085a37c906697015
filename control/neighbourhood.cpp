// SPDX-License-Identifier: BSD-3-Clause
#include "control/neighbourhood.h"

#include <algorithm>
#include <limits>

#include "control/fabric_digest.h"

namespace ethlink::control {
namespace {

std::vector<PortRef> link_ports(const Fabric& fabric, std::span<const NodeId> own) {
    std::vector<PortRef> refs;
    for (const NodeId node : own) {
        const std::vector<FabricPort>& ports = fabric.node(node).ports;
        for (std::uint16_t i = 0; i < ports.size(); ++i) {
            if (ports[i].link) refs.push_back({node, PortId{i}});
        }
    }
    return refs;
}

bool is_inside(const Fabric& fabric, std::span<const NodeId> own, PortRef ref) {
    return std::ranges::find(own, fabric.port(ref).peer->node) != own.end();
}

std::vector<PortRef> outside(const Fabric& fabric, std::span<const NodeId> own) {
    std::vector<PortRef> refs = link_ports(fabric, own);
    std::erase_if(refs, [&](PortRef ref) { return is_inside(fabric, own, ref); });
    return refs;
}

std::string milliseconds(Duration duration) {
    return std::to_string(duration / std::chrono::milliseconds(1)) + " ms";
}

}  // namespace

Neighbourhood::Neighbourhood(const Fabric& fabric, std::span<const NodeId> own,
                             const Options& options, Time now)
    : fabric_(&fabric),
      options_(options),
      digest_(digest_of(fabric)),
      states_(fabric, own, outside(fabric, own), options.clock_ms, now) {
    const std::vector<PortRef> refs = link_ports(fabric, own);
    const auto count = static_cast<Duration::rep>(refs.size());
    interval_ = std::max<Duration>(options.interval, kIntervalPerPort * count);
    std::size_t told = 0;
    for (std::size_t i = 0; i < refs.size(); ++i) {
        const Neighbour::Place place{
            .self = end_of(refs[i]), .expected = fabric.port(refs[i]).peer, .digest = digest_};
        ports_.push_back({.ref = refs[i],
                          .neighbour = Neighbour(place, now),
                          .told = is_inside(fabric, own, refs[i]) ? kInside : told++});
        // Not all in one turn.
        ports_[i].due = now + interval_ * static_cast<Duration::rep>(i) / count;
    }
    join_inside();
}

void Neighbourhood::join_inside() {
    std::vector<std::size_t> first(fabric_->links.size(), kInside);
    for (std::size_t i = 0; i < ports_.size(); ++i) {
        if (ports_[i].told != kInside) continue;
        std::size_t& other = first[*fabric_->port(ports_[i].ref).link];
        if (other == kInside) {
            other = i;
        } else {
            ports_[i].other_end = other;
            ports_[other].other_end = i;
        }
    }
}

void Neighbourhood::on_hello(std::size_t index, const wire::Hello& hello, Time now) {
    Port& port = ports_[index];
    const bool knew = port.neighbour.is_understood() && port.neighbour.last() == hello.self;
    if (!port.neighbour.on_hello(hello, now)) return;
    if (port.told == kInside || !port.neighbour.is_understood()) return;
    if (!knew) states_.on_neighbour(port.told);
    states_.on_adverts(port.told, hello.list(), now);
}

void Neighbourhood::on_link(std::size_t index, bool runs, Time now) {
    ports_[index].neighbour.on_link(runs, now);
}

void Neighbourhood::on_time(Time now) {
    for (Port& port : ports_) {
        // Where both ends are ours we know when the other one could not speak.
        const bool other = port.other_end == kInside || ports_[port.other_end].awake;
        port.neighbour.on_time(now, port.awake && other);
    }
}

void Neighbourhood::set_own(const FabricCondition& own, Time now) {
    states_.set_own(own);
    states_.on_time(now);
}

std::optional<wire::Hello> Neighbourhood::next(std::size_t index, Time now) {
    Port& port = ports_[index];
    const wire::HelloEnd heard = port.neighbour.heard();
    const bool understood = port.told != kInside && port.neighbour.is_understood();
    const bool news = heard != port.said || (understood && states_.is_urgent(port.told));
    if (now < port.due && (!news || now < port.not_before)) return std::nullopt;
    constexpr Duration::rep kMax = std::numeric_limits<std::uint16_t>::max();
    const Duration::rep hold = kHold * interval_ / std::chrono::milliseconds(1);
    wire::Hello hello{.digest = digest_,
                      .self = end_of(port.ref),
                      .heard = heard,
                      .hold_ms = static_cast<std::uint16_t>(std::min(hold, kMax)),
                      .sequence = port.sequence++};
    if (understood) states_.fill(port.told, hello);
    port.said = heard;
    port.not_before = now + kGap;
    port.due = now + interval_;
    return hello;
}

// For people.

std::string Neighbourhood::end_name(const wire::HelloEnd& end) const {
    if (end.node < fabric_->nodes.size() && end.port < fabric_->nodes[end.node].ports.size()) {
        return fabric_->port_name({{end.node}, PortId{end.port}});
    }
    return "node " + std::to_string(end.node) + " port " + std::to_string(end.port);
}

std::string Neighbourhood::complaint(std::size_t index) const {
    const Port& port = ports_[index];
    const Neighbour& neighbour = port.neighbour;
    const std::string here = fabric_->port_name(port.ref);
    const std::string there = fabric_->port_name(*fabric_->port(port.ref).peer);
    if (neighbour.runs_other_file()) {
        return here + ": the neighbour runs another fabric file; what it says of links is ignored";
    }
    switch (neighbour.state()) {
        case NeighbourState::kUnheard:
        case NeighbourState::kUp: return {};
        case NeighbourState::kOneWay:
            return here + " hears " + there + ", which does not hear it: frames pass one way only";
        case NeighbourState::kSilent:
            return here + " has heard no hello from " + there + " for " +
                   milliseconds(neighbour.hold());
        case NeighbourState::kMiswired:
            return here + " is joined to " + end_name(neighbour.last()) + "; the file says " +
                   there;
    }
    return {};
}

std::vector<std::string> Neighbourhood::take_events() {
    std::vector<std::string> events;
    for (std::size_t i = 0; i < ports_.size(); ++i) {
        Port& port = ports_[i];
        const NeighbourState state = port.neighbour.state();
        const bool other_file = port.neighbour.runs_other_file();
        if (state == port.logged && other_file == port.logged_other_file) continue;
        // The first hellos of a neighbour cannot have heard ours.
        const bool greeting = state == NeighbourState::kOneWay &&
                              port.logged == NeighbourState::kUnheard && !other_file;
        port.logged = state;
        port.logged_other_file = other_file;
        if (greeting) continue;
        const std::string why = complaint(i);
        if (!why.empty()) events.push_back(why);
    }
    return events;
}

}  // namespace ethlink::control
