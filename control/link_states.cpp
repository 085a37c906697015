// SPDX-License-Identifier: BSD-3-Clause
#include "control/link_states.h"

#include <algorithm>

namespace ethlink::control {
namespace {

using wire::LinkAdvert;

bool says_the_same(const LinkAdvert& a, const LinkAdvert& b) {
    return a.flags == b.flags && a.dead == b.dead && a.drained == b.drained;
}

std::size_t parts_of(const FabricNode& node) {
    return (node.ports.size() + LinkAdvert::kPorts - 1) / LinkAdvert::kPorts;
}

bool is_switch(const Fabric& fabric, NodeId node) {
    return fabric.node(node).kind == NodeKind::kSwitch;
}

/// The company of a switch, or of an endpoint that has none but its neighbour.
std::vector<bool> company_of(const Fabric& fabric, NodeId first) {
    std::vector<bool> company(fabric.nodes.size());
    std::vector<NodeId> next{first};
    company[first.value] = true;
    while (!next.empty()) {
        const NodeId node = next.back();
        next.pop_back();
        for (const FabricPort& port : fabric.node(node).ports) {
            if (!port.peer || company[port.peer->node.value]) continue;
            company[port.peer->node.value] = true;
            if (is_switch(fabric, port.peer->node)) next.push_back(port.peer->node);
        }
    }
    return company;
}

template <class Visit>
void for_each_bit(std::uint64_t bits, Visit visit) {
    for (std::size_t i = 0; bits != 0; ++i, bits >>= 1) {
        if ((bits & 1) != 0) visit(i);
    }
}

}  // namespace

LinkStates::LinkStates(const Fabric& fabric, std::span<const NodeId> own,
                       std::span<const PortRef> ports, std::uint64_t clock_ms, Time now)
    : fabric_(&fabric), clock_ms_(clock_ms), start_(now), own_(fabric.nodes.size(), kNotOwn) {
    for (const NodeId node : own) {
        own_[node.value] = 0;
        only_listens_ &= fabric.node(node).kind == NodeKind::kEndpoint;
    }
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        first_.push_back(parts_.size());
        if (is_own({n})) own_[n] = owns_.size();
        for (std::uint16_t p = 0; p < parts_of(fabric.nodes[n]); ++p) {
            Part& part = parts_.emplace_back();
            part.node = {n};
            part.state = {.node = n, .part = p};
            if (!is_own({n})) continue;
            part.state.version = clock_ms;
            owns_.push_back({.slot = parts_.size() - 1});
        }
        for (std::size_t i = 0; i < fabric.nodes[n].ports.size(); ++i) {
            if (!fabric.nodes[n].ports[i].link) continue;
            parts_[first_.back() + i / LinkAdvert::kPorts].links |= std::uint64_t{1}
                                                                    << i % LinkAdvert::kPorts;
        }
    }
    first_.push_back(parts_.size());
    for (const PortRef ref : ports) {
        const NodeId peer = fabric.port(ref).peer->node;
        ports_.push_back({.self = ref.node,
                          .peer = peer,
                          .self_is_endpoint = fabric.node(ref.node).kind == NodeKind::kEndpoint,
                          .peer_is_endpoint = fabric.node(peer).kind == NodeKind::kEndpoint,
                          .company = find_company(is_switch(fabric, ref.node) ? ref.node : peer),
                          .owed = std::vector<std::uint8_t>(parts_.size())});
        if (only_listens_) ports_.back().heard.resize(parts_.size());
    }
}

std::size_t LinkStates::find_company(NodeId node) {
    // Two endpoints on one cable are a company of their own, where nobody is believed but they.
    const auto found = std::ranges::find_if(
        companies_, [&](const std::vector<bool>& company) { return company[node.value]; });
    if (is_switch(*fabric_, node) && found != companies_.end()) {
        return static_cast<std::size_t>(found - companies_.begin());
    }
    companies_.push_back(company_of(*fabric_, node));
    return companies_.size() - 1;
}

// Our own nodes.

void LinkStates::set_own(const FabricCondition& condition) {
    if (ports_.empty()) return;  // Nobody to tell.
    for (Own& own : owns_) {
        const Part& part = parts_[own.slot];
        LinkAdvert& wanted = own.wanted;
        wanted.dead = wanted.drained = 0;
        for_each_bit(part.links, [&](std::size_t i) {
            const std::size_t port = part.state.part * LinkAdvert::kPorts + i;
            const std::size_t link = *fabric_->node(part.node).ports[port].link;
            if (condition.dead[link]) wanted.dead |= std::uint64_t{1} << i;
            if (condition.is_drained(link)) wanted.drained |= std::uint64_t{1} << i;
        });
        const bool drained = part.state.part == 0 && condition.drained_nodes[part.node.value];
        wanted.flags = drained ? LinkAdvert::kNodeDrained : std::uint16_t{0};
    }
}

void LinkStates::on_time(Time now) {
    for (Own& own : owns_) {
        const bool news = own.contested || !says_the_same(own.wanted, parts_[own.slot].state);
        if (news && now >= own.due) issue(own, now);
    }
}

void LinkStates::issue(Own& own, Time now) {
    LinkAdvert& state = parts_[own.slot].state;
    const std::uint64_t greatest = std::max(state.version, own.contested ? own.version : 0);
    state.version = std::max(greatest + 1, clock_ms(now));
    state.flags = own.wanted.flags;
    state.dead = own.wanted.dead;
    state.drained = own.wanted.drained;
    own.contested = false;
    own.due = now + kIssueInterval;
    ++counters_.issued;
    know(own.slot);
    owe_all(own.slot);
}

/// Somebody has heard of a version that is not our present one.
void LinkStates::contest(std::size_t from, const LinkAdvert& advert) {
    const std::size_t slot = slot_of(advert);
    LinkAdvert& state = parts_[slot].state;
    Own& own = owns_[own_[advert.node] + advert.part];
    ++counters_.contested;
    know(slot);
    if (state.version > advert.version) {
        owe(ports_[from], slot, kRepeats);  // Our own older words.
    } else if (says_the_same(advert, state)) {
        state.version = advert.version;  // Of our life before, and still true.
    } else if (!own.contested || advert.version > own.version) {
        own.contested = true;
        own.version = advert.version;
    }
}

// The others.

bool LinkStates::is_possible(const LinkAdvert& advert) const {
    if (advert.node >= fabric_->nodes.size()) return false;
    if (slot_of(advert) >= first_[advert.node + 1]) return false;
    return ((advert.dead | advert.drained) & ~parts_[slot_of(advert)].links) == 0;
}

bool LinkStates::may_tell(const Port& port, NodeId node) const {
    if (port.peer_is_endpoint) return node == port.peer || node == port.self;
    return companies_[port.company][node.value];
}

void LinkStates::on_adverts(std::size_t index, std::span<const LinkAdvert> adverts, Time now) {
    const Port& port = ports_[index];
    for (const LinkAdvert& advert : adverts) {
        if (!is_possible(advert)) {
            ++counters_.refused;
        } else if (is_early(advert, now)) {
            ++counters_.early;
        } else if (!may_tell(port, {advert.node})) {
            ++counters_.foreign;
        } else {
            take(index, advert);
        }
    }
}

void LinkStates::take(std::size_t from, const LinkAdvert& advert) {
    const std::size_t slot = slot_of(advert);
    Part& part = parts_[slot];
    const bool same = part.known && advert.version == part.state.version;
    if (same && says_the_same(advert, part.state)) {
        ++counters_.repeated;
        owe(ports_[from], slot, 0);  // He has it.
    } else if (is_own({advert.node})) {
        contest(from, advert);
    } else if (only_listens_) {
        listen(ports_[from], slot, advert);
    } else if (!part.known || advert.version > part.state.version) {
        ++counters_.taken;
        part.state = advert;
        know(slot);
        owe_all(slot);
        owe(ports_[from], slot, 0);
    } else {
        ++counters_.repeated;
        if (!same) owe(ports_[from], slot, kRepeats);  // He has an older one.
    }
}

void LinkStates::add_to(FabricCondition& condition) const {
    for (const std::size_t slot : known_) {
        const Part& part = parts_[slot];
        if (is_own(part.node)) continue;
        const auto link = [&](std::size_t i) {
            return *fabric_->node(part.node).ports[part.state.part * LinkAdvert::kPorts + i].link;
        };
        for_each_bit(part.state.dead, [&](std::size_t i) { condition.dead[link(i)] = true; });
        for_each_bit(part.state.drained,
                     [&](std::size_t i) { condition.drained_links[link(i)] = true; });
        if (part.state.part == 0 && (part.state.flags & LinkAdvert::kNodeDrained) != 0) {
            condition.drained_nodes[part.node.value] = true;
        }
    }
}

// What is told to whom.

void LinkStates::know(std::size_t slot) {
    if (parts_[slot].known) return;
    parts_[slot].known = true;
    known_.push_back(slot);
}

bool LinkStates::may_say(const Port& port, std::size_t slot) const {
    const NodeId node = parts_[slot].node;
    return !port.self_is_endpoint || node == port.self || node == port.peer;
}

void LinkStates::owe(Port& port, std::size_t slot, std::uint8_t times) {
    std::uint8_t& owed = port.owed[slot];
    port.owed_slots -= owed > 0 ? 1 : 0;
    port.untold -= owed == kRepeats ? 1 : 0;
    owed = times;
    port.owed_slots += owed > 0 ? 1 : 0;
    port.untold += owed == kRepeats ? 1 : 0;
}

void LinkStates::owe_all(std::size_t slot) {
    for (Port& port : ports_) {
        if (may_say(port, slot)) owe(port, slot, kRepeats);
    }
}

/// Of what each neighbour said last the newest counts. Nobody asks an endpoint, so what was forged
/// on its cable has to go away with the next true word.
void LinkStates::listen(Port& port, std::size_t slot, const LinkAdvert& advert) {
    port.heard[slot] = advert;
    const LinkAdvert before = parts_[slot].state;
    choose(slot);
    ++(before == parts_[slot].state ? counters_.repeated : counters_.taken);
}

void LinkStates::choose(std::size_t slot) {
    Part& part = parts_[slot];
    const LinkAdvert* newest = nullptr;
    for (const Port& port : ports_) {
        const auto& heard = port.heard[slot];
        if (heard && (newest == nullptr || heard->version > newest->version)) newest = &*heard;
    }
    if (newest != nullptr) {
        part.state = *newest;
        know(slot);
    } else {
        part.state = {.node = part.state.node, .part = part.state.part};
        part.known = false;
        std::erase(known_, slot);
    }
}

/// But for what it said of itself: it may have to be told.
void LinkStates::forget(Port& port) {
    for (std::size_t slot = 0; slot < parts_.size(); ++slot) {
        if (!port.heard[slot] || parts_[slot].node == port.peer) continue;
        port.heard[slot].reset();
        choose(slot);
    }
}

void LinkStates::on_neighbour(std::size_t index) {
    if (only_listens_) forget(ports_[index]);
    for (const std::size_t slot : known_) {
        if (may_say(ports_[index], slot)) owe(ports_[index], slot, kRepeats);
    }
}

void LinkStates::fill(std::size_t index, wire::Hello& hello) {
    Port& port = ports_[index];
    const auto say = [&](std::size_t slot) {
        hello.add(parts_[slot].state);
        if (port.owed[slot] > 0) owe(port, slot, static_cast<std::uint8_t>(port.owed[slot] - 1));
    };
    const auto is_in = [&](std::size_t slot) {
        return std::ranges::any_of(hello.list(), [&](const LinkAdvert& advert) {
            return advert.node == parts_[slot].state.node && advert.part == parts_[slot].state.part;
        });
    };
    // News, then what was said less than kRepeats times, then all in turn.
    for (std::size_t i = 0; port.untold > 0 && i < known_.size() && !hello.is_full(); ++i) {
        if (port.owed[known_[i]] == kRepeats) say(known_[i]);
    }
    for (std::size_t i = 0; port.owed_slots > 0 && i < known_.size() && !hello.is_full(); ++i) {
        if (port.owed[known_[i]] > 0 && !is_in(known_[i])) say(known_[i]);
    }
    for (std::size_t i = 0; i < known_.size() && !hello.is_full(); ++i) {
        port.next = port.next + 1 < known_.size() ? port.next + 1 : 0;
        const std::size_t slot = known_[port.next];
        if (may_say(port, slot) && !is_in(slot)) say(slot);
    }
}

}  // namespace ethlink::control
