// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/telemetry.h"

#include <cstddef>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <rte_telemetry.h>

namespace ethlink::dpdk {
namespace {

/// DPDK's callback has no argument of ours and a command cannot be taken back: so the handlers
/// stand here, and the command stays. Never destroyed: telemetry threads outlive main().
struct Registry {
    std::mutex mutex;
    std::map<std::string, TelemetryHandler, std::less<>> handlers;  // empty: withdrawn
};

Registry& registry() {
    static Registry* instance = new Registry;
    return *instance;
}

// Names, values and punctuation must fit into 16 KiB; beyond that DPDK answers nothing at all.
constexpr std::size_t kReplyMax = 14'000;
constexpr std::size_t kEntriesMax = RTE_TEL_MAX_DICT_ENTRIES - 1;  // one for "truncated"
constexpr std::size_t kNumberMax = 20;
constexpr std::size_t kPunctuation = 6;

std::size_t size_of(const TelemetryValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? kNumberMax : text->size() * 2;  // every character might be escaped
}

int add(rte_tel_data* data, const std::string& key, const TelemetryValue& value) {
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
        return rte_tel_data_add_dict_u64(data, key.c_str(), *number);
    }
    if (const auto* number = std::get_if<std::int32_t>(&value)) {
        return rte_tel_data_add_dict_int(data, key.c_str(), *number);
    }
    return rte_tel_data_add_dict_string(data, key.c_str(), std::get<std::string>(value).c_str());
}

void fill(rte_tel_data* data, const TelemetryReply& reply) {
    rte_tel_data_start_dict(data);
    std::size_t bytes = 0;
    std::size_t entries = 0;
    for (const auto& [key, value] : reply) {
        const std::size_t size = key.size() + size_of(value) + kPunctuation;
        if (bytes + size > kReplyMax || entries == kEntriesMax) break;
        if (add(data, key, value) < 0) break;
        bytes += size;
        ++entries;
    }
    if (entries < reply.size()) {
        rte_tel_data_add_dict_u64(data, "truncated", reply.size() - entries);
    }
}

int answer(const char* command, const char* params, rte_tel_data* data) {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    const auto at = all.handlers.find(std::string_view(command));
    if (at == all.handlers.end() || !at->second) return -1;
    fill(data, at->second(params == nullptr ? std::string_view() : std::string_view(params)));
    return 0;
}

}  // namespace

Expected<TelemetryCommand, std::string> TelemetryCommand::add(std::string command,
                                                              const std::string& help,
                                                              TelemetryHandler handler) {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    const auto at = all.handlers.find(command);
    if (at != all.handlers.end() && at->second) {
        return Unexpected<std::string>("telemetry command " + command + " exists already.");
    }
    if (at == all.handlers.end()) {
        if (rte_telemetry_register_cmd(command.c_str(), answer, help.c_str()) != 0) {
            return Unexpected<std::string>("telemetry command " + command +
                                           " must begin with '/', consist of letters, digits, '_' "
                                           "and '/', and be shorter than 56 characters (its help: "
                                           "shorter than 128).");
        }
    }
    all.handlers.insert_or_assign(command, std::move(handler));
    return TelemetryCommand(std::move(command));
}

TelemetryCommand::~TelemetryCommand() {
    if (command_.empty()) return;
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    all.handlers[command_] = nullptr;
}

}  // namespace ethlink::dpdk
