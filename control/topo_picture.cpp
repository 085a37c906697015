// SPDX-License-Identifier: BSD-3-Clause
#include "control/topo_picture.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "control/counted.h"

namespace ethlink::control {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// Groups of nodes that some of the links join, numbered in the order of their first node.
class Groups {
public:
    template <class Joins>
    Groups(const Fabric& fabric, Joins joins) : group_(fabric.nodes.size()) {
        for (std::uint32_t n = 0; n < group_.size(); ++n) group_[n] = n;
        for (const FabricLink& link : fabric.links) {
            if (joins(fabric.node(link.a.node), fabric.node(link.b.node))) {
                join(link.a.node.value, link.b.node.value);
            }
        }
    }

    std::uint32_t of(std::size_t node) {
        auto n = static_cast<std::uint32_t>(node);
        while (group_[n] != n) n = group_[n] = group_[group_[n]];
        return n;
    }

private:
    void join(std::uint32_t a, std::uint32_t b) {
        const std::uint32_t group_a = of(a);
        const std::uint32_t group_b = of(b);
        group_[std::max(group_a, group_b)] = std::min(group_a, group_b);
    }

    std::vector<std::uint32_t> group_;
};

bool is_switch(const FabricNode& node) {
    return node.kind == NodeKind::kSwitch;
}

bool is_lossless(const Profile& profile) {
    const LinkProfile& link = profile.link;
    const bool some = std::any_of(link.vcs.begin(), link.vcs.begin() + link.vc_count,
                                  [](const VcProfile& vc) { return vc.lossless; });
    return some && link.cbfc && link.llr_local && link.llr_remote;
}

class Builder {
public:
    Builder(const Fabric& fabric, bool fold_gpus)
        : fabric_(fabric),
          fold_(fold_gpus),
          racks_(fabric, [](const FabricNode& a,
                            const FabricNode& b) { return is_switch(a) != is_switch(b); }),
          tracks_(fabric, [](const FabricNode& a,
                             const FabricNode& b) { return is_switch(a) && is_switch(b); }),
          box_of_(fabric.nodes.size(), 0) {}

    Picture run() {
        find_levels();
        number_racks();
        number_tracks();
        picture_.title = title();
        for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
            if (is_switch(fabric_.nodes[n])) add_switch(n);
        }
        for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
            if (!is_switch(fabric_.nodes[n])) add_gpu(n);
        }
        for (std::size_t i = 0; i < picture_.boxes.size(); ++i) write_gpus(picture_.boxes[i], i);
        for (std::size_t l = 0; l < fabric_.links.size(); ++l) add_link(l);
        add_plain_ports();
        return std::move(picture_);
    }

private:
    std::string title() const {
        const auto switches = static_cast<std::size_t>(
            std::count_if(fabric_.nodes.begin(), fabric_.nodes.end(), is_switch));
        return fabric_.name + ": " + counted(fabric_.nodes.size() - switches, "GPU") + ", " +
               counted(switches, "switch", "switches") + ", " +
               counted(fabric_.links.size(), "link");
    }

    /// Breadth first from the switches beside GPUs or plain ports.
    void find_levels() {
        levels_.assign(fabric_.nodes.size(), kNone);
        std::vector<std::size_t> todo;
        for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
            const FabricNode& node = fabric_.nodes[n];
            if (!is_switch(node)) levels_[n] = 0;
            const bool is_leaf = std::ranges::any_of(node.ports, [&](const FabricPort& port) {
                return !port.peer || !is_switch(fabric_.node(port.peer->node));
            });
            if (!is_switch(node) || !is_leaf) continue;
            levels_[n] = 1;
            todo.push_back(n);
        }
        for (std::size_t next = 0; next < todo.size(); ++next) {
            for (const FabricPort& port : fabric_.nodes[todo[next]].ports) {
                if (!port.peer || levels_[port.peer->node.value] != kNone) continue;
                levels_[port.peer->node.value] = levels_[todo[next]] + 1;
                todo.push_back(port.peer->node.value);
            }
        }
    }

    void number_racks() {
        for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
            if (is_switch(fabric_.nodes[n]) && levels_[n] == 1) {
                rack_numbers_.emplace(racks_.of(n),
                                      static_cast<std::uint32_t>(rack_numbers_.size()));
            }
        }
        picture_.racks = static_cast<std::uint32_t>(rack_numbers_.size());
    }

    void number_tracks() {
        for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
            if (!is_switch(fabric_.nodes[n])) continue;
            track_numbers_.emplace(tracks_.of(n),
                                   static_cast<std::uint32_t>(track_numbers_.size()));
        }
    }

    std::optional<std::uint32_t> rack_of(std::size_t node) {
        const auto found = rack_numbers_.find(racks_.of(node));
        if (found == rack_numbers_.end()) return std::nullopt;
        return found->second;
    }

    std::optional<std::uint32_t> track_of(std::size_t node) {
        if (track_numbers_.size() < 2 || !is_switch(fabric_.nodes[node])) return std::nullopt;
        return track_numbers_.at(tracks_.of(node));
    }

    std::size_t add_box(Box box) {
        picture_.boxes.push_back(std::move(box));
        first_.push_back(0);
        last_.push_back(0);
        return picture_.boxes.size() - 1;
    }

    void add_switch(std::size_t n) {
        Box box;
        box.id = fabric_.nodes[n].name;
        box.lines = {box.id};
        box.level = levels_[n] == kNone ? 1 : levels_[n];
        if (levels_[n] == 1) box.rack = rack_of(n);
        box.track = track_of(n);
        box_of_[n] = add_box(std::move(box));
    }

    /// What decides whether two GPUs look alike: their neighbours, cable by cable.
    std::string likeness(std::size_t n) const {
        std::string text;
        for (const FabricPort& port : fabric_.nodes[n].ports) {
            if (!port.peer) return "";  // a plain port: a box of its own
            const FabricLink& link = fabric_.links[*port.link];
            text += std::to_string(port.peer->node.value) + (is_faulty(link) ? "!" : "") + ":" +
                    std::to_string(link.profile.value) + ",";
        }
        return text;
    }

    void add_gpu(std::size_t n) {
        const std::string like = fold_ ? likeness(n) : "";
        if (!like.empty()) {
            const auto found = alike_.find(like);
            if (found != alike_.end()) {
                box_of_[n] = found->second;
                ++picture_.boxes[found->second].count;
                last_[found->second] = n;
                picture_.has_folded_gpus = true;
                return;
            }
        }
        Box box;
        box.kind = Box::Kind::kGpus;
        box.id = fabric_.nodes[n].name;
        box.rack = rack_of(n);
        box_of_[n] = add_box(std::move(box));
        first_.back() = last_.back() = n;
        if (!like.empty()) alike_.emplace(like, box_of_[n]);
    }

    void write_gpus(Box& box, std::size_t i) {
        if (box.kind != Box::Kind::kGpus) return;
        const FabricNode& first = fabric_.nodes[first_[i]];
        const FabricNode& last = fabric_.nodes[last_[i]];
        if (box.count == 1) {
            box.lines = {first.name, hex(*first.gpu)};
            return;
        }
        const std::string to = box.count == 2 ? ", " : " ... ";
        box.lines = {first.name + to + last.name, hex(*first.gpu) + to + hex(*last.gpu),
                     std::to_string(box.count) + " GPUs"};
    }

    static bool is_faulty(const FabricLink& link) { return link.a_to_b.any() || link.b_to_a.any(); }

    void add_link(std::size_t l) {
        const FabricLink& link = fabric_.links[l];
        PortRef high = link.a;
        PortRef low = link.b;
        const auto level = [&](PortRef ref) { return picture_.boxes[box_of(ref)].level; };
        if (level(high) < level(low)) std::swap(high, low);
        const bool lossless = is_lossless(fabric_.profile(link.profile));
        const auto key = std::tuple(box_of(high), box_of(low), is_faulty(link), lossless);
        const auto [found, is_new] = bundles_.emplace(key, picture_.bundles.size());
        if (is_new) {
            Bundle bundle;
            bundle.upper = box_of(high);
            bundle.lower = box_of(low);
            bundle.is_faulty = is_faulty(link);
            bundle.is_lossless = lossless;
            bundle.track = track_of(high.node.value);
            picture_.bundles.push_back(std::move(bundle));
        }
        Bundle& bundle = picture_.bundles[found->second];
        bundle.links.push_back(l);
        const std::string ports = fabric_.port_name(high) + " - " + fabric_.port_name(low);
        const std::size_t more = bundle.links.size();
        if (more == 1) bundle.ports = ports;
        if (more == 2) first_ports_[found->second] = bundle.ports;
        if (more >= 2) bundle.ports = first_ports_[found->second] + " ... " + ports;
    }

    std::size_t box_of(PortRef ref) const { return box_of_[ref.node.value]; }

    void add_plain_ports() {
        for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
            for (const FabricPort& port : fabric_.nodes[n].ports) {
                if (port.kind == PortKind::kPlain) add_plain_port(n, port);
            }
        }
    }

    void add_plain_port(std::size_t n, const FabricPort& port) {
        Box box;
        box.kind = Box::Kind::kOutside;
        box.id = fabric_.nodes[n].name + ":" + port.name;
        // What follows the comma are the driver's arguments.
        box.lines = {"plain port " + port.name, port.device.substr(0, port.device.find(','))};
        box.rack = picture_.boxes[box_of_[n]].rack;
        Bundle bundle;
        bundle.upper = box_of_[n];
        bundle.lower = add_box(std::move(box));
        bundle.is_lossless = false;
        bundle.ports = fabric_.nodes[n].name + ":" + port.name;
        picture_.bundles.push_back(std::move(bundle));
    }

    const Fabric& fabric_;
    const bool fold_;
    Groups racks_;
    Groups tracks_;
    Picture picture_;
    std::vector<std::uint32_t> levels_;
    std::map<std::uint32_t, std::uint32_t> rack_numbers_;   // group -> number
    std::map<std::uint32_t, std::uint32_t> track_numbers_;  // group -> number
    std::vector<std::size_t> box_of_;                       // by node
    std::vector<std::size_t> first_;                        // by box of GPUs: nodes
    std::vector<std::size_t> last_;
    std::map<std::string, std::size_t> alike_;
    std::map<std::tuple<std::size_t, std::size_t, bool, bool>, std::size_t> bundles_;
    std::map<std::size_t, std::string> first_ports_;  // of bundles with more than one link
};

/// "12.3 Gbit/s".
std::string rate_text(double bits_per_second) {
    char text[32];
    if (bits_per_second >= 1e9) {
        std::snprintf(text, sizeof text, "%.1f Gbit/s", bits_per_second / 1e9);
    } else {
        std::snprintf(text, sizeof text, "%.1f Mbit/s", bits_per_second / 1e6);
    }
    return text;
}

}  // namespace

Picture make_picture(const Fabric& fabric, bool fold_gpus) {
    return Builder(fabric, fold_gpus).run();
}

void overlay(Picture& picture, const std::vector<std::optional<LiveLink>>& live) {
    for (Bundle& bundle : picture.bundles) {
        double rate = 0;
        std::uint64_t replays = 0;
        std::size_t told = 0;
        for (const std::size_t link : bundle.links) {
            if (!live[link]) continue;
            ++told;
            bundle.down += live[link]->is_up ? 0 : 1;
            rate += live[link]->bits_per_second;
            replays += live[link]->replays;
        }
        if (bundle.links.empty()) continue;
        if (told == 0) {
            bundle.notes = {"no answer"};
            continue;
        }
        bundle.notes = {rate_text(rate)};
        if (replays > 0) bundle.notes.push_back(counted(replays, "replay"));
        if (bundle.down > 0) {
            bundle.notes.push_back(
                bundle.links.size() == 1 ? "DOWN" : std::to_string(bundle.down) + " DOWN");
        }
    }
}

std::vector<std::string> label_of(const Bundle& bundle) {
    std::vector<std::string> lines;
    if (bundle.links.size() > 1) lines.push_back("x" + std::to_string(bundle.links.size()));
    lines.insert(lines.end(), bundle.notes.begin(), bundle.notes.end());
    return lines;
}

std::vector<std::string> legend_of(const Picture& picture) {
    const auto any = [&](auto is) { return std::ranges::any_of(picture.bundles, is); };
    std::vector<std::string> lines;
    if (any([](const Bundle& b) { return b.track.has_value(); })) {
        lines.emplace_back("a colour for each track");
    }
    if (any([](const Bundle& b) { return b.links.size() > 1; })) {
        lines.emplace_back("xN: N parallel links");
    }
    if (any([](const Bundle& b) { return b.is_faulty; })) {
        lines.emplace_back("dashed: faults are injected");
    }
    if (any([](const Bundle& b) { return !b.is_lossless; })) {
        lines.emplace_back("dotted: may lose frames");
    }
    if (any([](const Bundle& b) { return b.down > 0; })) lines.emplace_back("thick red: link down");
    return lines;
}

}  // namespace ethlink::control
