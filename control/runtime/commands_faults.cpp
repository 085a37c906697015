// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/commands_faults.h"

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "control/runtime/commands_table.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

struct Probability {
    std::string_view key;
    double FaultOptions::*field;
};
constexpr std::array kProbabilities{
    Probability{"loss", &FaultOptions::loss},
    Probability{"bit_error", &FaultOptions::bit_error},
    Probability{"duplicate", &FaultOptions::duplicate},
    Probability{"reorder", &FaultOptions::reorder},
    Probability{"seq_drop", &FaultOptions::seq_drop},
    Probability{"seq_dup", &FaultOptions::seq_dup},
    Probability{"fcs_bad", &FaultOptions::fcs_bad},
    Probability{"fcs_poisoned", &FaultOptions::fcs_poisoned},
    Probability{"llr_ack_drop", &FaultOptions::llr_ack_drop},
    Probability{"llr_nack_drop", &FaultOptions::llr_nack_drop},
    Probability{"cf_update_drop", &FaultOptions::cf_update_drop},
};

struct Time {
    std::string_view key;
    Duration FaultOptions::*field;
};
constexpr std::array kTimes{
    Time{"delay_ns", &FaultOptions::delay},
    Time{"jitter_ns", &FaultOptions::jitter},
};

// The ranges of the fabric file (control/config_keys.h).
constexpr std::string_view kReorderDistance = "reorder_distance";
constexpr std::uint64_t kReorderDistanceMax = 64;
constexpr std::uint64_t kTimeMaxNs = 1'000'000'000;
constexpr std::string_view kRate = "rate_mbps";
constexpr double kRateMax = 10'000'000;

std::vector<std::string> all_keys() {
    std::vector<std::string> keys;
    for (const Probability& p : kProbabilities) keys.emplace_back(p.key);
    for (const Time& t : kTimes) keys.emplace_back(t.key);
    keys.emplace_back(kReorderDistance);
    keys.emplace_back(kRate);
    return keys;
}

}  // namespace

const std::vector<std::string>& fault_keys() {
    static const std::vector<std::string> keys = all_keys();
    return keys;
}

Expected<FaultOptions, std::string> changed_faults(FaultOptions faults, const json& request) {
    for (const Probability& p : kProbabilities) {
        const auto value = number_of(request, p.key, 0, 1);
        if (!value) return Unexpected<std::string>(value.error());
        faults.*p.field = value->value_or(faults.*p.field);
    }
    for (const Time& t : kTimes) {
        const auto value = count_of(request, t.key, 0, kTimeMaxNs);
        if (!value) return Unexpected<std::string>(value.error());
        if (*value) faults.*t.field = Duration(static_cast<Duration::rep>(**value));
    }
    const auto distance = count_of(request, kReorderDistance, 1, kReorderDistanceMax);
    if (!distance) return Unexpected<std::string>(distance.error());
    if (*distance) faults.reorder_distance = static_cast<std::uint32_t>(**distance);
    const auto rate = number_of(request, kRate, 0, kRateMax);
    if (!rate) return Unexpected<std::string>(rate.error());
    faults.rate_mbps = rate->value_or(faults.rate_mbps);
    return faults;
}

json to_json(const FaultOptions& faults) {
    json object = json::object();
    for (const Probability& p : kProbabilities) object[std::string(p.key)] = faults.*p.field;
    for (const Time& t : kTimes) object[std::string(t.key)] = (faults.*t.field).count();
    object[std::string(kReorderDistance)] = faults.reorder_distance;
    object[std::string(kRate)] = faults.rate_mbps;
    return object;
}

}  // namespace ethlink::control
