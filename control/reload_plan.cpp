// SPDX-License-Identifier: BSD-3-Clause
#include "control/reload_plan.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace ethlink::control {
namespace {

using Names = std::pair<std::string, std::string>;  // of the two ends, in order

Names ends_of(const Fabric& fabric, const FabricLink& link) {
    const std::string a = fabric.port_name(link.a), b = fabric.port_name(link.b);
    return std::minmax(a, b);
}

auto parts(const LlrProfile& p) {
    return std::tie(p.max_outstanding_frames, p.max_outstanding_bytes, p.max_replay_timer,
                    p.max_replay_count, p.pcs_lost_timeout, p.data_age_timeout, p.init_action,
                    p.flush_action, p.re_init_on_flush, p.ctlos_spacing_bytes, p.init_interval,
                    p.ack_delay);
}
auto parts(const txn::TxnProfile& p) {
    return std::tie(p.transactions_max, p.response_bytes_max, p.items_max, p.frame_bytes_max,
                    p.ack_delay, p.retry_min, p.retry_max, p.give_up_after, p.path_retries);
}
auto parts(const VcNames& n) {
    return std::tie(n.name, n.dscp, n.pcp_dei);
}
auto parts(const FaultOptions& f) {  // but for the seed, which depends on the order of links
    return std::tie(f.loss, f.bit_error, f.duplicate, f.reorder, f.reorder_distance, f.delay,
                    f.jitter, f.rate_mbps, f.seq_drop, f.seq_dup, f.fcs_bad, f.fcs_poisoned,
                    f.llr_ack_drop, f.llr_nack_drop, f.cf_update_drop);
}
auto parts(const Runtime& r) {
    return std::tie(r.workers, r.idle, r.idle_sleep, r.idle_sleep_max, r.hello_interval, r.memory,
                    r.memory_mb, r.wire_frames, r.endpoint_queue_frames, r.rx_descriptors,
                    r.tx_descriptors, r.pool_cache_frames);
}

bool same(const Profile& a, const Profile& b) {
    const LinkProfile &la = a.link, &lb = b.link;
    return a.max_frame_bytes == b.max_frame_bytes &&
           a.best_effort_queue_frames == b.best_effort_queue_frames && a.fcs == b.fcs &&
           la.llr_local == lb.llr_local && la.llr_remote == lb.llr_remote && la.cbfc == lb.cbfc &&
           la.cbfc_profile == lb.cbfc_profile && la.vc_count == lb.vc_count && la.vcs == lb.vcs &&
           parts(la.llr) == parts(lb.llr) && a.watchdog == b.watchdog &&
           parts(a.transport) == parts(b.transport) &&
           std::ranges::equal(a.vc_names, b.vc_names, [](const VcNames& x, const VcNames& y) {
               return parts(x) == parts(y);
           });
}

class Comparison {
public:
    Comparison(const Fabric& running, const Fabric& file) : running_(running), file_(file) {}

    FabricDifference compare() {
        found_.left_out.assign(running_.links.size(), false);
        if (parts(running_.runtime) != parts(file_.runtime)) say("`runtime` is another");
        compare_profiles();
        for (const FabricNode& node : running_.nodes) {
            if (!file_.find_node(node.name)) say("node " + node.name + " is gone");
        }
        for (const FabricNode& node : file_.nodes) {
            if (!running_.find_node(node.name)) say("node " + node.name + " is new");
        }
        for (const FabricNode& node : file_.nodes) {
            const auto known = running_.find_node(node.name);
            if (known) compare_nodes(running_.node(*known), node);
        }
        compare_links();
        return std::move(found_);
    }

private:
    void say(std::string what) { found_.restart_needed.push_back(std::move(what)); }

    void compare_profiles() {
        const auto named = [](const Fabric& fabric, const std::string& name) {
            return std::ranges::find(fabric.profiles, name, &Profile::name);
        };
        for (const Profile& profile : running_.profiles) {
            const auto now = named(file_, profile.name);
            if (now == file_.profiles.end()) {
                say("profile " + profile.name + " is gone");
            } else if (!same(profile, *now)) {
                say("profile " + profile.name + " is another");
            }
        }
        for (const Profile& profile : file_.profiles) {
            if (named(running_, profile.name) == running_.profiles.end()) {
                say("profile " + profile.name + " is new");
            }
        }
    }

    void compare_nodes(const FabricNode& before, const FabricNode& now) {
        const std::string node = "node " + now.name + ": ";
        if (before.kind != now.kind) say(node + "`kind` is another");
        if (before.gpu != now.gpu) say(node + "`gpu` is another");
        if (before.tenant != now.tenant) say(node + "`tenant` is another");
        if (before.workers != now.workers) say(node + "`workers` is another");
        for (const FabricPort& port : now.ports) {
            const std::string name = now.name + ":" + port.name;
            const auto known = before.find_port(port.name);
            known ? compare_ports(before.ports[known->value], port, name)
                  : say("port " + name + " is new");
        }
        for (const FabricPort& port : before.ports) {
            // A link port goes with its link.
            if (port.kind == PortKind::kPlain && !now.find_port(port.name)) {
                say("port " + now.name + ":" + port.name + " is gone");
            }
        }
    }

    void compare_ports(const FabricPort& before, const FabricPort& now, const std::string& name) {
        if (before.kind != now.kind) return say("port " + name + " is of another kind");
        if (running_.profile(before.profile).name != file_.profile(now.profile).name) {
            say("port " + name + ": `profile` is another");
        }
        if (before.gpus != now.gpus) say("port " + name + " leads to other GPU-IDs");
        if (before.tenant != now.tenant) say("port " + name + ": `tenant` is another");
        if (before.software_fcs != now.software_fcs) say("port " + name + ": `fcs` is another");
        if (parts(before.transmit_faults) != parts(now.transmit_faults)) {
            say("port " + name + ": `faults` are others (`ethlink impair` changes those)");
        }
        if (before.peer && now.peer &&
            running_.port_name(*before.peer) != file_.port_name(*now.peer)) {
            say("port " + name + " leads to " + file_.port_name(*now.peer) + " and not to " +
                running_.port_name(*before.peer));
        }
    }

    void compare_links() {
        std::vector<Names> kept;
        for (const FabricLink& link : file_.links) kept.push_back(ends_of(file_, link));
        std::ranges::sort(kept);
        for (std::size_t i = 0; i < running_.links.size(); ++i) {
            found_.left_out[i] =
                !std::ranges::binary_search(kept, ends_of(running_, running_.links[i]));
        }
    }

    const Fabric& running_;
    const Fabric& file_;
    FabricDifference found_;
};

}  // namespace

FabricDifference difference(const Fabric& running, const Fabric& file) {
    return Comparison(running, file).compare();
}

}  // namespace ethlink::control
