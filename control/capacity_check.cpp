// SPDX-License-Identifier: BSD-3-Clause
// Every message names the number that would do.
#include "control/capacity_check.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/capacity.h"
#include "proto/credit_pool.h"

namespace ethlink::control {
namespace {

constexpr std::uint32_t kCreditsMax = (1u << 19) - 1;  // half of the 20-bit circle (UEC 5.2.2)

std::string number(std::uint64_t n) {
    return std::to_string(n);
}

std::string micros(Duration duration) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration);
    return number(static_cast<std::uint64_t>(us.count())) + " us";
}

std::string nanos(Duration duration) {
    return number(static_cast<std::uint64_t>(duration.count())) + " ns";
}

std::string profile_path(const Profile& profile) {
    return "profiles." + profile.name;
}

std::string vc_path(const Profile& profile, std::size_t vc) {
    return profile_path(profile) + ".vcs[" + number(vc) + "]";
}

std::uint32_t largest_frame(const Profile& profile) {
    return profile.max_frame_bytes + kTagBytes;
}

/// Calls `visit(profile)` for each profile that a link uses.
template <class Visit>
void for_link_profiles(const Fabric& fabric, Visit visit) {
    std::set<ProfileId> used;
    for (const FabricLink& link : fabric.links) used.insert(link.profile);
    for (const ProfileId id : used) visit(fabric.profile(id));
}

class Limits {
public:
    explicit Limits(const Fabric& fabric) : fabric_(fabric) {}

    std::vector<ConfigError> run() {
        for_link_profiles(fabric_, [this](const Profile& profile) {
            check_llr(profile);
            for (std::uint8_t i = 0; i < profile.link.vc_count; ++i) check_vc(profile, Vc{i});
        });
        return std::move(errors_);
    }

private:
    void report(std::string path, std::string why, std::string hint) {
        errors_.push_back(fabric_.error(std::move(path), std::move(why), std::move(hint)));
    }

    void check_llr(const Profile& profile) {
        const LinkProfile& link = profile.link;
        const std::string path = profile_path(profile) + ".llr";
        if (link.llr_local != link.llr_remote && link.llr.init_action == FrameAction::kBlock) {
            report(path,
                   "llr_local and llr_remote differ: LLR never starts, and init_action block sends "
                   "nothing before it does",
                   "set both alike, or init_action: best_effort");
        }
        const bool llr_runs = link.llr_local && link.llr_remote;
        const std::uint32_t longest = longest_frame(profile);
        if (llr_runs && link.llr.max_outstanding_bytes < longest) {
            report(path + ".max_outstanding_bytes",
                   number(link.llr.max_outstanding_bytes) + " bytes cannot hold a frame of " +
                       number(longest) + " bytes (VLAN tag included)",
                   "set it to at least " + number(longest));
        }
    }

    void check_vc(const Profile& profile, Vc vc) {
        const VcProfile& settings = profile.link.vcs[vc.value];
        const std::string path = vc_path(profile, vc.value);
        if (settings.quantum_bytes < profile.max_frame_bytes) {
            report(path + ".quantum_bytes",
                   number(settings.quantum_bytes) + " bytes a turn never send a frame of " +
                       number(profile.max_frame_bytes) + " bytes",
                   "set it to at least " + number(profile.max_frame_bytes));
        }
        if (settings.lossless && profile.link.cbfc) check_credits(profile, vc, path);
    }

    void check_credits(const Profile& profile, Vc vc, const std::string& path) {
        // Shared credits may be in use elsewhere: a VC that needs them for a single frame depends
        // on other VCs, and such a circle is a deadlock. So its own ones must do.
        const CbfcProfile& cbfc = profile.link.cbfc_profile;
        const Credits own = profile.link.vcs[vc.value].reserved;
        const Credits needed = CreditRule(cbfc).credits(largest_frame(profile));
        if (own < needed) {
            report(path + ".credits",
                   number(own.value) + " credits of " + number(cbfc.credit_size) +
                       " bytes cannot hold a frame of " + number(largest_frame(profile)) +
                       " bytes (VLAN tag included)",
                   "set it to at least " + number(needed.value));
        }
        const Credits limit = CreditPool(profile.link).limit(vc);
        if (limit.value > kCreditsMax) {
            report(path + ".credits",
                   number(own.value) + " own and " + number(limit.value - own.value) +
                       " shared credits are more than 2^19 - 1 = " + number(kCreditsMax) +
                       ", beyond which the 20-bit counters are ambiguous",
                   "set it to at most " +
                       number(kCreditsMax - std::min(limit.value - own.value, kCreditsMax)));
        }
    }

    const Fabric& fabric_;
    std::vector<ConfigError> errors_;
};

class Warnings {
public:
    explicit Warnings(const Fabric& fabric) : fabric_(fabric) {}

    std::vector<ConfigError> run() {
        for_link_profiles(fabric_, [this](const Profile& profile) { look_at(profile); });
        for (std::size_t i = 0; i < fabric_.links.size() && warnings_.size() < kMax; ++i) {
            look_at(fabric_.links[i], "links[" + number(i) + "]");
        }
        return std::move(warnings_);
    }

private:
    static constexpr std::size_t kMax = 20;  // as many as a reader looks at

    void warn(std::string path, std::string why, std::string hint) {
        warnings_.push_back(fabric_.error(std::move(path), std::move(why), std::move(hint)));
    }

    void look_at(const Profile& profile) {
        const LinkProfile& link = profile.link;
        if (link.llr_local && link.llr_remote) look_at_llr(profile);
        if (!(link.llr_local && link.llr_remote)) look_at_no_llr(profile);
        look_at_credits(profile);
    }

    void look_at_llr(const Profile& profile) {
        const LlrProfile& llr = profile.link.llr;
        const std::string path = profile_path(profile) + ".llr";
        if (llr.max_replay_timer <= llr.ack_delay) {
            warn(path + ".max_replay_timer_ns",
                 "an ACK may wait for " + micros(llr.ack_delay) +
                     ": the timer ends first, and good frames are sent again",
                 "set it to at least " + nanos(2 * llr.ack_delay));
        }
        if (llr.ctlos_spacing_bytes > llr.max_outstanding_bytes / 2) {
            warn(path + ".ctlos_spacing_bytes",
                 "the sender's window of " + number(llr.max_outstanding_bytes) +
                     " bytes may run out before an ACK is due",
                 "set it to at most " + number(llr.max_outstanding_bytes / 2));
        }
    }

    void look_at_no_llr(const Profile& profile) {
        const CbfcProfile& cbfc = profile.link.cbfc_profile;
        const std::string path = profile_path(profile);
        warn(path + ".llr", "LLR does not run: a frame lost on the wire is lost",
             "set llr_local and llr_remote to true, unless that is what you want to see");
        if (profile.link.cbfc && cbfc.cc_message_timer == Duration::zero()) {
            warn(path + ".cbfc.cc_message_timer_us",
                 "without LLR and CC_Updates, credits of lost frames are lost for ever",
                 "set it to 1000");
        }
    }

    void look_at_credits(const Profile& profile) {
        const LinkProfile& link = profile.link;
        const std::string path = profile_path(profile);
        if (!link.cbfc) {
            warn(path + ".cbfc.enabled", "without credits no VC is lossless: full queues drop",
                 "set it to true, unless that is what you want to see");
            return;
        }
        bool shares = false;
        for (std::uint8_t i = 0; i < link.vc_count; ++i) {
            const VcProfile& vc = link.vcs[i];
            if (!vc.lossless) continue;
            const bool wants = vc.threshold_mode != ThresholdMode::kNone;
            shares = shares || wants;
            if (wants && link.cbfc_profile.shared_size.value == 0) {
                warn(vc_path(profile, i) + ".threshold_mode", "there are no shared credits",
                     "set cbfc.shared_credits, or threshold_mode: none");
            }
            look_at_spacing(profile, Vc{i});
        }
        if (!shares && link.cbfc_profile.shared_size.value > 0) {
            warn(path + ".cbfc.shared_credits", "no VC takes shared credits",
                 "set threshold_mode of a VC to static or dynamic");
        }
    }

    /// CF_Updates travel with ACKs: credits must last from one to the next.
    void look_at_spacing(const Profile& profile, Vc vc) {
        const LinkProfile& link = profile.link;
        const std::uint64_t bytes =
            std::uint64_t{CreditPool(link).limit(vc).value} * link.cbfc_profile.credit_size;
        if (link.llr.ctlos_spacing_bytes <= bytes / 2) return;
        const std::uint64_t wanted = 2ull * link.llr.ctlos_spacing_bytes;
        warn(vc_path(profile, vc.value) + ".credits",
             "the VC's buffer of " + number(bytes) + " bytes may be full before the next update (" +
                 number(link.llr.ctlos_spacing_bytes) + " bytes apart): it stops and goes",
             "set credits to at least " +
                 number((wanted + link.cbfc_profile.credit_size - 1) /
                        link.cbfc_profile.credit_size) +
                 ", or llr.ctlos_spacing_bytes to at most " + number(bytes / 2));
    }

    void look_at(const FabricLink& link, const std::string& path) {
        const Profile& profile = fabric_.profile(link.profile);
        if (!profile.link.llr_local || !profile.link.llr_remote) return;
        const LlrProfile& llr = profile.link.llr;
        const Duration there = link.a_to_b.delay + link.a_to_b.jitter;
        const Duration back = link.b_to_a.delay + link.b_to_a.jitter;
        const Duration round_trip = there + back + llr.ack_delay;
        if (there + back > Duration::zero() && llr.max_replay_timer <= round_trip) {
            warn(path + ".faults",
                 "an ACK takes up to " + micros(round_trip) + ", longer than max_replay_timer_ns",
                 "set max_replay_timer_ns of profile `" + profile.name + "` to at least " +
                     nanos(2 * round_trip));
        }
        const double rate = std::max(link.a_to_b.rate_mbps, link.b_to_a.rate_mbps);
        // Mbit/s times ns is 10^-3 bit.
        const double product = rate * static_cast<double>(round_trip.count()) / 8'000;
        if (there + back > Duration::zero() && product > llr.max_outstanding_bytes) {
            warn(path + ".faults",
                 "the link could carry " + number(static_cast<std::uint64_t>(std::ceil(product))) +
                     " bytes during a round trip: the window is smaller",
                 "set max_outstanding_bytes of profile `" + profile.name + "` to that");
        }
    }

    const Fabric& fabric_;
    std::vector<ConfigError> warnings_;
};

}  // namespace

std::vector<ConfigError> check_limits(const Fabric& fabric) {
    return Limits(fabric).run();
}

std::vector<ConfigError> limit_warnings(const Fabric& fabric) {
    return Warnings(fabric).run();
}

}  // namespace ethlink::control
