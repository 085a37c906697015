// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/commands_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <utility>

#include "control/failure.h"
#include "control/runtime/control_socket.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

constexpr int kDepthMax = 8;
constexpr std::size_t kTextMax = 256;  // names of ports and instances are shorter
constexpr std::size_t kIdMax = 64;
constexpr std::size_t kQuotedMax = 64;

/// A piece of the request for an error sentence.
std::string in_ticks(std::string_view text) {
    const bool cut = text.size() > kQuotedMax;
    return "`" + std::string(text.substr(0, kQuotedMax)) + (cut ? "...`" : "`");
}

/// Builds the value and refuses what nlohmann's own parser lets pass: deep nesting, a key twice.
class RequestReader final : public json::json_sax_t {
public:
    bool null() override { return place(nullptr); }
    bool boolean(bool value) override { return place(value); }
    bool number_integer(number_integer_t value) override { return place(value); }
    bool number_unsigned(number_unsigned_t value) override { return place(value); }
    bool number_float(number_float_t value, const string_t&) override { return place(value); }
    bool string(string_t& value) override { return place(std::move(value)); }
    bool binary(binary_t&) override { return refuse("binary data"); }
    bool start_object(std::size_t) override { return open(json::object()); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        if (open_.back()->contains(name))
            return refuse("the key " + in_ticks(name) + " stands twice");
        key_ = std::move(name);
        return true;
    }
    bool parse_error(std::size_t at, const std::string&, const json::exception& error) override {
        // nlohmann's text: "[json.exception.parse_error.101] parse error at ...: what".
        const std::string_view text = error.what();
        const std::size_t what = text.find("] ");
        error_ = std::string(text.substr(what == std::string_view::npos ? 0 : what + 2));
        if (error_.find("column") == std::string::npos) error_ += " at byte " + std::to_string(at);
        return false;
    }

    Reply take() {
        if (!error_.empty()) return failure(error_);
        return std::move(root_);
    }
    void fail_without_reason() {
        if (error_.empty()) error_ = "the line is not valid JSON";
    }

private:
    bool refuse(std::string why) {
        error_ = std::move(why);
        return false;
    }
    template <class Value>
    bool place(Value&& value) {
        put(json(std::forward<Value>(value)));
        return true;
    }
    json& put(json value) {
        if (open_.empty()) return root_ = std::move(value);
        json& parent = *open_.back();
        if (parent.is_array()) return parent.emplace_back(std::move(value));
        return parent[key_] = std::move(value);
    }
    bool open(json value) {
        if (open_.size() >= kDepthMax) {
            return refuse("nested deeper than " + std::to_string(kDepthMax));
        }
        open_.push_back(&put(std::move(value)));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    json root_;
    std::vector<json*> open_;  // only the innermost grows, so the others stay where they are
    std::string key_;
    std::string error_;
};

bool is_id(const json& id) {
    return id.is_number() || (id.is_string() && id.get_ref<const std::string&>().size() <= kIdMax);
}

std::string range_error(std::string_view key, const std::string& min, const std::string& max) {
    return in_ticks(key) + " must be a number from " + min + " to " + max;
}

std::string plain(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", number);
    return text;
}

}  // namespace

Reply parse_request(std::string_view line) {
    RequestReader reader;
    if (!json::sax_parse(line, &reader)) reader.fail_without_reason();
    auto request = reader.take();
    if (request && !request->is_object()) {
        return failure("a request is a JSON object: {\"command\":\"help\"}");
    }
    return request;
}

CommandTable::CommandTable() {
    add({"help", "The commands that are served here.", {}, [this](const json&) -> Reply {
             json list = json::array();
             for (const Command& command : commands_) {
                 list.push_back(
                     {{"command", command.name}, {"keys", command.keys}, {"help", command.help}});
             }
             return list;
         }});
}

void CommandTable::add(Command command) {
    commands_.push_back(std::move(command));
}

const Command* CommandTable::find(std::string_view name) const {
    const auto at = std::ranges::find(commands_, name, &Command::name);
    return at == commands_.end() ? nullptr : &*at;
}

std::string CommandTable::answer(std::string_view line) const {
    const auto request = parse_request(line);
    if (!request) return error_line(request.error());
    json answer;
    if (const auto id = request->find("id"); id != request->end()) {
        if (!is_id(*id)) return error_line("`id` must be a number or a short text");
        answer["id"] = *id;
    }
    Reply reply = failure("refused");
    try {
        reply = run(*request);
    } catch (const std::exception& error) {
        reply = failure(std::string("internal error: ") + error.what());
    }
    answer["ok"] = reply.has_value();
    if (reply) {
        answer["result"] = std::move(*reply);
    } else {
        answer["error"] = reply.error();
    }
    return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

Reply CommandTable::run(const json& request) const {
    const auto name = text_of(request, "command");
    if (!name) return failure(name.error());
    if (!*name) return failure("the request has no `command`; try {\"command\":\"help\"}");
    const Command* command = find(**name);
    if (command == nullptr) {
        return failure("there is no command " + in_ticks(**name) + "; try {\"command\":\"help\"}");
    }
    for (const auto& [key, value] : request.items()) {
        if (key == "command" || key == "id") continue;
        if (std::ranges::find(command->keys, key) != command->keys.end()) continue;
        std::string known;
        for (const std::string& k : command->keys) known += (known.empty() ? "" : ", ") + k;
        return failure("`" + command->name + "` has no key " + in_ticks(key) +
                       (known.empty() ? "" : "; it has " + known));
    }
    return command->run(request);
}

Expected<std::optional<double>, std::string> number_of(const json& request, std::string_view key,
                                                       double min, double max) {
    const auto at = request.find(std::string(key));
    if (at == request.end()) return std::optional<double>();
    const double value = at->is_number() ? at->get<double>() : min - 1;
    if (!std::isfinite(value) || value < min || value > max) {
        return failure(range_error(key, plain(min), plain(max)));
    }
    return std::optional(value);
}

Expected<std::optional<std::uint64_t>, std::string> count_of(const json& request,
                                                             std::string_view key,
                                                             std::uint64_t min, std::uint64_t max) {
    const auto at = request.find(std::string(key));
    if (at == request.end()) return std::optional<std::uint64_t>();
    const bool whole =
        at->is_number_unsigned() || (at->is_number_integer() && at->get<std::int64_t>() >= 0);
    const std::uint64_t value = whole ? at->get<std::uint64_t>() : 0;
    if (!whole || value < min || value > max) {
        return failure("`" + std::string(key) + "` must be a whole number from " +
                       std::to_string(min) + " to " + std::to_string(max));
    }
    return std::optional(value);
}

Expected<std::optional<std::string>, std::string> text_of(const json& request,
                                                          std::string_view key) {
    const auto at = request.find(std::string(key));
    if (at == request.end()) return std::optional<std::string>();
    if (!at->is_string() || at->get_ref<const std::string&>().size() > kTextMax) {
        return failure("`" + std::string(key) + "` must be a text of at most " +
                       std::to_string(kTextMax) + " bytes");
    }
    return std::optional(at->get<std::string>());
}

Expected<bool, std::string> flag_of(const json& request, std::string_view key) {
    const auto at = request.find(std::string(key));
    if (at == request.end()) return false;
    if (!at->is_boolean()) return failure("`" + std::string(key) + "` must be true or false");
    return at->get<bool>();
}

}  // namespace ethlink::control
