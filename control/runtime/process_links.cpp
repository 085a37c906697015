// SPDX-License-Identifier: BSD-3-Clause
// What a process makes of its links: hellos in and out, dead or not, and the tables that follow.
#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "control/failure.h"
#include "control/runtime/process.h"
#include "control/runtime/stats_json.h"

namespace ethlink::control {
namespace {

std::uint64_t clock_ms() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(since / std::chrono::milliseconds(1));
}

}  // namespace

std::uint64_t Process::entropy() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

void Process::begin_to_talk() {
    const Time now = clock_.now();
    links_.emplace(fabric_->links.size(), now);
    if (fabric_->runtime.hello_interval == Duration::zero()) return;
    std::vector<NodeId> own;
    for (const NodePlan& node : plan_.nodes) own.push_back(node.node);
    neighbourhood_.emplace(*fabric_, own,
                           Neighbourhood::Options{
                               .interval = fabric_->runtime.hello_interval,
                               .incarnation = static_cast<std::uint32_t>(entropy() | 1),
                               .clock_ms = clock_ms(),
                           },
                           now);
    std::vector<std::pair<PortRef, HostInterface*>> hosts;
    for_each_port([&](const FabricNode&, const NodePlan& plan, PortState<Mbuf>& port) {
        if (port.host) hosts.emplace_back(PortRef{plan.node, port.rules.id}, port.host.get());
    });
    std::ranges::sort(hosts, {}, &std::pair<PortRef, HostInterface*>::first);
    for (std::size_t i = 0; i < neighbourhood_->port_count(); ++i) {
        const auto found = std::ranges::lower_bound(hosts, neighbourhood_->port(i), {},
                                                    &std::pair<PortRef, HostInterface*>::first);
        hosts_.push_back(found->second);
    }
    polls_.resize(hosts_.size());
}

void Process::hear() {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        auto& ring = hosts_[i]->punt;
        if (ring.size() == 0) continue;
        for (; ring.size() > 0; ring.pop()) {
            neighbourhood_->on_hello(i, ring.front().hello, ring.front().at);
        }
        ring.release();
    }
}

void Process::say(std::vector<std::string>& events) {
    if (!neighbourhood_) return;
    const Time now = clock_.now();
    neighbourhood_->set_own(*own_, now);
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        auto hello = neighbourhood_->next(i, now);
        if (!hello) continue;
        auto& ring = hosts_[i]->inject;
        if (ring.room() == 0) {
            ++hellos_refused_;
            continue;
        }
        ring.push(std::move(*hello));
        ring.publish();
    }
    for (std::string& event : neighbourhood_->take_events()) events.push_back(std::move(event));
}

void Process::watch_links(std::vector<std::string>& events) {
    // A link runs if both ends say so, as far as they are here, and their neighbours hear them.
    std::vector<bool> here(fabric_->links.size()), runs(fabric_->links.size(), true);
    for_each_port([&](const FabricNode& node, const NodePlan&, const PortState<Mbuf>& port) {
        const std::optional<std::size_t> link = node.ports[port.rules.id.value].link;
        if (!port.link || !link) return;
        here[*link] = true;
        const bool up = link_is_up(port.link->stats(), port.link->profile());
        if (!up || !port.device->is_up()) runs[*link] = false;
    });
    const Time now = clock_.now();
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        neighbourhood_->on_link(i, runs[*fabric_->port(neighbourhood_->port(i)).link], now);
    }
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        const std::uint64_t polls = hosts_[i]->polls.read();
        neighbourhood_->on_poll(i, std::exchange(polls_[i], polls) != polls);
    }
    if (neighbourhood_) neighbourhood_->on_time(now);
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        const std::size_t link = *fabric_->port(neighbourhood_->port(i)).link;
        if (!neighbourhood_->may_carry(i)) runs[link] = false;
    }
    for (std::size_t i = 0; i < here.size(); ++i) {
        if (here[i]) own_->dead[i] = !links_->observe(i, runs[i], now);
    }
    const FabricCondition condition = with_others(*own_);
    if (condition == routes_->condition() || condition == refused_) return;
    const auto published = apply(condition);
    if (!published) {
        refused_ = condition;
        events.push_back("the tables stay as they are: " + published.error());
        return;
    }
    refused_.reset();
    if (*published > 0) {
        events.push_back("links changed: new tables for " + std::to_string(*published) +
                         (*published == 1 ? " switch" : " switches"));
    }
}

FabricCondition Process::with_others(FabricCondition own) const {
    if (neighbourhood_) neighbourhood_->add_to(own);
    return own;
}

Expected<std::size_t, std::string> Process::set_own_condition(const FabricCondition& own) {
    auto published = apply(with_others(own));
    if (published) own_ = own;
    return published;
}

Expected<std::size_t, std::string> Process::apply(const FabricCondition& condition) {
    const RouteKeeper::Update update = routes_->apply(condition);
    if (!update.refused.empty()) return failure(update.refused.front());
    std::size_t published = 0;
    for (auto& s : switches_) {
        if (!std::ranges::binary_search(update.changed, s->node->plan().node)) continue;
        publish_table(*s);
        ++published;
    }
    return published;
}

}  // namespace ethlink::control
