// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/traffic_options.h"

#include <cstdio>
#include <set>

#include "control/pktgen/frame_sizes.h"
#include "control/pktgen/traffic_matrix.h"

namespace ethlink::cli {

void TrafficArguments::add_to(CLI::App& command) {
    command.add_option("--pattern", pattern_, "pairs, permutation, all-to-all or incast");
    command.add_option("--size", sizes_,
                       "Frame sizes with FCS: 64, a list 64,512, a mix 64:7,570:4,1518:1, or imix");
    command.add_option("--vc", vcs_, "Virtual channels by name; each pair sends a stream on each")
        ->delimiter(',');
    command.add_option("--rate", rate_pps_, "Frames/s per endpoint; 0 = as fast as credits allow");
    command.add_option("--duration", duration_s_, "Seconds");
    command.add_option("--count", count_, "Frames per endpoint, then stop; 0 = no limit");
    command.add_option("--seed", seed_, "Of the permutation");
    command.add_option("--target", target_, "incast: the index of the endpoint that receives");
    command.add_flag("--ar", adaptive_,
                     "AR = 1: switches choose the least loaded path for each frame, so frames may "
                     "overtake each other");
    command.add_flag("--across-tenants", across_tenants_,
                     "Also to GPUs of other tenants, to see how switches refuse it");
}

Expected<control::Workload, std::string> TrafficArguments::resolve(
    const control::Fabric& fabric) const {
    const control::Traffic& file = fabric.traffic;
    control::Workload traffic;
    traffic.pattern = file.pattern;
    if (!pattern_.empty()) {
        const auto pattern = control::traffic_pattern(pattern_);
        if (!pattern) {
            return Unexpected<std::string>("no traffic pattern " + pattern_ +
                                           ": pairs, permutation, all-to-all or incast");
        }
        traffic.pattern = *pattern;
    }
    const control::Profile& profile = fabric.profiles.front();
    const auto sizes = control::FrameSizes::parse(sizes_.empty() ? file.frame_size : sizes_,
                                                  profile.max_frame_bytes + control::kFcsBytes);
    if (!sizes) return Unexpected<std::string>(sizes.error());
    traffic.sizes = sizes->round();
    traffic.vcs = {file.vc};
    if (!vcs_.empty()) traffic.vcs.clear();
    for (const std::string& vc_name : vcs_) {
        const auto vc = profile.find_vc(vc_name);
        if (!vc) return Unexpected<std::string>("the profile has no VC " + vc_name);
        traffic.vcs.push_back(*vc);
    }
    traffic.frames_per_second = rate_pps_ >= 0 ? rate_pps_ : static_cast<double>(file.rate_pps);
    traffic.frames_max = count_;
    traffic.seed = seed_.value_or(file.seed);
    traffic.target = target_;
    traffic.adaptive = adaptive_;
    traffic.across_tenants = across_tenants_;
    const auto endpoints = static_cast<std::uint32_t>(control::endpoints_of(fabric).size());
    const auto matrix = control::make_traffic({.pattern = traffic.pattern,
                                               .endpoints = endpoints,
                                               .seed = traffic.seed,
                                               .target = traffic.target});
    if (!matrix) return Unexpected<std::string>(matrix.error());
    return traffic;
}

Expected<std::vector<NamedWorkload>, std::string> TrafficArguments::resolve_each(
    const control::Fabric& fabric, bool each) const {
    const std::uint32_t max = fabric.profiles.front().max_frame_bytes + control::kFcsBytes;
    TrafficArguments rest = *this;
    std::vector<std::uint32_t> sizes;
    if (sizes_ == "rfc2544") {
        sizes = control::rfc2544_sizes(max);
        rest.sizes_ = std::to_string(sizes.front());
    }
    const auto whole = rest.resolve(fabric);
    if (!whole) return Unexpected<std::string>(whole.error());
    const std::string& all = sizes_.empty() ? fabric.traffic.frame_size : sizes_;
    if (sizes.empty() && !each) return std::vector<NamedWorkload>{{all, *whole}};
    if (sizes.empty()) {
        const std::set<std::uint32_t> distinct(whole->sizes.begin(), whole->sizes.end());
        sizes.assign(distinct.begin(), distinct.end());
    }
    std::vector<NamedWorkload> list;
    for (const std::uint32_t size : sizes) {
        list.push_back({std::to_string(size), *whole});
        list.back().workload.sizes = {size};
    }
    return list;
}

Duration TrafficArguments::duration(const control::Fabric& fabric) const {
    if (duration_s_ >= 0) {
        return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(duration_s_));
    }
    // A count without a duration means: until they are sent, within an hour.
    return count_ > 0 ? std::chrono::hours(1) : fabric.traffic.duration;
}

std::string TrafficArguments::text(const control::Fabric& fabric) const {
    const auto traffic = resolve(fabric);
    if (!traffic) return traffic.error();
    std::string text = std::string(control::name(traffic->pattern)) + ", ";
    text += (sizes_.empty() ? fabric.traffic.frame_size : sizes_) + " bytes, vc";
    for (const Vc vc : traffic->vcs) {
        text += " " + fabric.profiles.front().vc_names[vc.value].name;
    }
    if (adaptive_) text += ", AR = 1";
    if (traffic->frames_per_second <= 0) return text + ", as fast as credits allow";
    char rate[64];
    std::snprintf(rate, sizeof rate, ", %.0f frames/s per endpoint", traffic->frames_per_second);
    return text + rate;
}

}  // namespace ethlink::cli
