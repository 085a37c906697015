// SPDX-License-Identifier: BSD-3-Clause
// The protocol on the control socket: a request is a JSON object that names a command.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "proto/expected.h"

namespace ethlink::control {

/// The result, or a sentence on why there is none; then nothing has changed.
using Reply = Expected<nlohmann::json, std::string>;

struct Command {
    std::string name;               // "llr counters"
    std::string help;               // one sentence
    std::vector<std::string> keys;  // what a request may say besides "command" and "id"
    std::function<Reply(const nlohmann::json& request)> run;
};

/// {"command":"links","port":"leaf0:e0"} -> {"ok":true,"result":...} or {"ok":false,"error":"..."}.
/// An "id" (a number or a short text) comes back with the answer. `help` lists the commands.
class CommandTable {
public:
    CommandTable();
    CommandTable(const CommandTable&) = delete;
    CommandTable& operator=(const CommandTable&) = delete;

    void add(Command command);

    /// Never throws, whatever the line is.
    std::string answer(std::string_view line) const;

private:
    Reply run(const nlohmann::json& request) const;
    const Command* find(std::string_view name) const;

    std::vector<Command> commands_;
};

/// The request in a line: valid UTF-8, one JSON object, flat enough, no key twice. An error says
/// at which byte.
[[nodiscard]] Reply parse_request(std::string_view line);

// Values of a request. An absent key is nullopt; a wrong value is an error that names the key.

[[nodiscard]] Expected<std::optional<double>, std::string> number_of(const nlohmann::json& request,
                                                                     std::string_view key,
                                                                     double min, double max);
[[nodiscard]] Expected<std::optional<std::uint64_t>, std::string> count_of(
    const nlohmann::json& request, std::string_view key, std::uint64_t min, std::uint64_t max);
[[nodiscard]] Expected<std::optional<std::string>, std::string> text_of(
    const nlohmann::json& request, std::string_view key);
[[nodiscard]] Expected<bool, std::string> flag_of(const nlohmann::json& request,
                                                  std::string_view key);

}  // namespace ethlink::control
