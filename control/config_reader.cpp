// SPDX-License-Identifier: BSD-3-Clause
// Conversions of single values: strict, because what YAML guesses (`no`, `010`) is seldom meant.
#include "control/config_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace ethlink::control {
namespace {

std::string quote(std::string_view text) {
    return "`" + std::string(text) + "`";
}

/// A scalar as a message shows it: short, whatever was in the file.
std::string shown(std::string_view text) {
    constexpr std::size_t kShownMax = 40;
    if (text.size() <= kShownMax) return quote(text);
    return quote(std::string(text.substr(0, kShownMax)) + "...");
}

std::string kind_of(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::kEmpty: return "nothing";
        case YamlNode::Kind::kList: return "a list";
        case YamlNode::Kind::kMap: return "a map of keys";
        case YamlNode::Kind::kScalar: break;
    }
    return shown(node.text) + (node.quoted ? " in quotes" : "");
}

void wrong_kind(const ConfigValue& value, std::string_view wanted, ConfigLog& log) {
    const bool empty = value.node->kind == YamlNode::Kind::kEmpty;
    log.error(value.mark, value.path,
              "expected " + std::string(wanted) + ", found " + kind_of(*value.node),
              empty ? "give a value or remove the key" : "");
}

/// The text of an unquoted scalar; for quoted numbers and the like, a mistake with its remedy.
std::optional<std::string_view> plain_scalar(const ConfigValue& value, std::string_view wanted,
                                             ConfigLog& log) {
    if (value.node->kind != YamlNode::Kind::kScalar) {
        wrong_kind(value, wanted, log);
        return std::nullopt;
    }
    if (value.node->quoted) {
        log.error(value.mark, value.path,
                  "expected " + std::string(wanted) + ", found " + kind_of(*value.node),
                  "remove the quotes");
        return std::nullopt;
    }
    return value.node->text;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Digits of base 10 or 16 and nothing else; more than 2^63 - 1 becomes that.
std::optional<std::int64_t> digits(std::string_view text, int base) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    if (text.empty() || text.front() == '-') return std::nullopt;
    const auto [stop, failure] = std::from_chars(text.data(), end, number, base);
    if (stop != end) return std::nullopt;
    if (failure == std::errc::result_out_of_range) return INT64_MAX;
    if (failure != std::errc()) return std::nullopt;
    return number;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    const auto number = digits(text, hex ? 16 : 10);
    if (!number) return std::nullopt;
    return negative ? -*number : *number;
}

bool looks_octal(std::string_view text) {
    return text.size() > 1 && text.front() == '0' &&
           std::all_of(text.begin(), text.end(), is_digit);
}

std::string number_hint(std::string_view text) {
    if (looks_octal(text))
        return "write it without the leading zero: some readers take it as octal";
    if (text.find('_') != std::string_view::npos || text.find(',') != std::string_view::npos) {
        return "write the digits without separators";
    }
    return "write it in decimal or as 0x...; the unit stands in the key's name";
}

std::string range_text(const NumberKey& key) {
    const std::string unit = key.unit.empty() ? "" : " " + std::string(key.unit);
    const std::string power = key.power_of_two ? ", a power of two" : "";
    return std::to_string(key.min) + " to " + std::to_string(key.max) + unit + power;
}

std::string real_text(double number) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
    return {buffer, end};
}

/// Levenshtein distance: insertions, deletions and replacements of single letters.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

std::string join(std::span<const std::string_view> words) {
    std::string text;
    for (const std::string_view word : words) {
        if (!text.empty()) text += ", ";
        text += word;
    }
    return text;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> words) {
    const std::string_view near = nearest(word, words);
    if (!near.empty()) return "did you mean " + quote(near) + "?";
    return "allowed here: " + join(words);
}

/// Where the messages about a value point: lists and maps are pointed at by their key.
Mark mark_of(const YamlValue& value, Mark key) {
    const bool large =
        value.node->kind == YamlNode::Kind::kList || value.node->kind == YamlNode::Kind::kMap;
    return large ? key : value.mark;
}

}  // namespace

void ConfigLog::error(Mark mark, std::string key, std::string why, std::string hint) {
    if (is_full()) return;
    errors_.push_back(
        {file_, mark.line, mark.column, std::move(key), std::move(why), std::move(hint)});
}

void ConfigLog::warn(Mark mark, std::string key, std::string why, std::string hint) {
    if (warnings_.size() >= kErrorsMax) return;
    warnings_.push_back(
        {file_, mark.line, mark.column, std::move(key), std::move(why), std::move(hint)});
}

std::optional<std::int64_t> read_number(const ConfigValue& value, const NumberKey& key,
                                        ConfigLog& log) {
    const auto text = plain_scalar(value, "a whole number", log);
    if (!text) return std::nullopt;
    const auto number = looks_octal(*text) ? std::nullopt : whole_number(*text);
    if (!number) {
        log.error(value.mark, value.path, "expected a whole number, found " + shown(*text),
                  number_hint(*text));
        return std::nullopt;
    }
    const bool uneven =
        key.power_of_two && !std::has_single_bit(static_cast<std::uint64_t>(*number));
    if (*number < key.min || *number > key.max || uneven) {
        log.error(value.mark, value.path, shown(*text) + " is out of range",
                  "allowed: " + range_text(key));
        return std::nullopt;
    }
    return number;
}

std::optional<double> read_real(const ConfigValue& value, const RealKey& key, ConfigLog& log) {
    const auto text = plain_scalar(value, "a number", log);
    if (!text) return std::nullopt;
    double number = 0;
    const char* end = text->data() + text->size();
    const auto [stop, failure] = std::from_chars(text->data(), end, number);
    const bool is_number = stop == end && failure == std::errc() && std::isfinite(number);
    if (!is_number || looks_octal(*text)) {
        log.error(value.mark, value.path, "expected a number, found " + shown(*text),
                  "write it like 0.01 or 1e-3");
        return std::nullopt;
    }
    if (!(number >= key.min && number <= key.max)) {
        const std::string unit = key.unit.empty() ? "" : " " + std::string(key.unit);
        log.error(value.mark, value.path, shown(*text) + " is out of range",
                  "allowed: " + real_text(key.min) + " to " + real_text(key.max) + unit);
        return std::nullopt;
    }
    return number;
}

std::optional<std::string> read_text(const ConfigValue& value, ConfigLog& log) {
    constexpr std::size_t kTextMax = 512;
    if (value.node->kind != YamlNode::Kind::kScalar) {
        wrong_kind(value, "a text", log);
        return std::nullopt;
    }
    const std::string& text = value.node->text;
    const bool printable = std::all_of(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
    if (text.empty() || text.size() > kTextMax || !printable) {
        log.error(value.mark, value.path, "expected one line of 1 to 512 bytes",
                  text.empty() ? "give a value or remove the key" : "shorten it to one line");
        return std::nullopt;
    }
    return text;
}

std::optional<bool> read_flag(const ConfigValue& value, ConfigLog& log) {
    const auto text = plain_scalar(value, "true or false", log);
    if (!text) return std::nullopt;
    if (*text == "true") return true;
    if (*text == "false") return false;
    log.error(value.mark, value.path, "expected true or false, found " + shown(*text),
              "write `true` or `false`");
    return std::nullopt;
}

std::vector<ConfigValue> read_list(const ConfigValue& value, std::size_t max, ConfigLog& log) {
    if (value.node->kind != YamlNode::Kind::kList) {
        wrong_kind(value, "a list", log);
        return {};
    }
    const std::vector<YamlValue>& items = value.node->items;
    if (items.size() > max) {
        log.error(value.mark, value.path,
                  std::to_string(items.size()) + " items are more than can be used",
                  "at most " + std::to_string(max));
        return {};
    }
    std::vector<ConfigValue> list;
    for (const YamlValue& item : items) {
        const std::string path = value.path + "[" + std::to_string(list.size()) + "]";
        log.note(path, item.mark);
        list.push_back({item.node, path, item.mark});
    }
    return list;
}

std::vector<ConfigValue> read_one_or_list(const ConfigValue& value, std::size_t max,
                                          ConfigLog& log) {
    if (value.node->kind == YamlNode::Kind::kScalar) return {value};
    return read_list(value, max, log);
}

std::vector<std::pair<std::string, ConfigValue>> read_named(const ConfigValue& value,
                                                            std::size_t max, ConfigLog& log) {
    if (value.node->kind != YamlNode::Kind::kMap) {
        wrong_kind(value, "a map of names", log);
        return {};
    }
    const std::vector<YamlEntry>& entries = value.node->entries;
    if (entries.size() > max) {
        log.error(value.mark, value.path,
                  std::to_string(entries.size()) + " entries are more than can be used",
                  "at most " + std::to_string(max));
        return {};
    }
    std::vector<std::pair<std::string, ConfigValue>> named;
    for (const YamlEntry& entry : entries) {
        const std::string path = value.path + "." + entry.key;
        if (!is_name(entry.key)) {
            log.error(entry.mark, value.path, shown(entry.key) + " cannot be a name",
                      "letters, digits, `-` and `_`, a letter first, at most 31");
            continue;
        }
        log.note(path, entry.mark);
        named.emplace_back(entry.key,
                           ConfigValue{entry.value.node, path, mark_of(entry.value, entry.mark)});
    }
    return named;
}

bool is_name(std::string_view text) {
    constexpr std::size_t kNameMax = 31;
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (text.empty() || text.size() > kNameMax || !letter(text.front())) return false;
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || is_digit(c) || c == '-' || c == '_'; });
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> words) {
    constexpr std::size_t kWordMax = 64;  // longer ones are no typing mistakes
    if (word.size() > kWordMax) return {};
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string_view candidate : words) {
        const bool extends = word.size() >= 3 && candidate.starts_with(word);
        const std::size_t distance = extends ? 1 : edit_distance(word, candidate);
        if (distance >= best_distance) continue;
        best = candidate;
        best_distance = distance;
    }
    return best;
}

MapReader::MapReader(const ConfigValue& map, ConfigLog& log) : map_(map), log_(log) {
    if (map_.node->kind == YamlNode::Kind::kMap) return;
    static const YamlNode kNoKeys{YamlNode::Kind::kMap, false, {}, {}, {}};
    wrong_kind(map_, "a map of keys", log_);
    map_.node = &kNoKeys;
}

std::optional<std::int64_t> MapReader::number(const NumberKey& key) {
    const auto found = value(key.name);
    return found ? read_number(*found, key, log_) : std::nullopt;
}

double MapReader::real(const RealKey& key, double fallback) {
    const auto found = value(key.name);
    return found ? read_real(*found, key, log_).value_or(fallback) : fallback;
}

bool MapReader::flag(std::string_view key, bool fallback) {
    const auto found = value(key);
    return found ? read_flag(*found, log_).value_or(fallback) : fallback;
}

std::string MapReader::text(std::string_view key, std::string_view fallback) {
    const auto found = value(key);
    const auto read = found ? read_text(*found, log_) : std::nullopt;
    return read ? *read : std::string(fallback);
}

Duration MapReader::duration(const NumberKey& key, Duration fallback) {
    const auto count = number(key);
    if (!count) return fallback;
    if (key.name.ends_with("_ms")) return std::chrono::milliseconds(*count);
    if (key.name.ends_with("_us")) return std::chrono::microseconds(*count);
    return std::chrono::nanoseconds(*count);
}

std::optional<ConfigValue> MapReader::value(std::string_view key) {
    known_.push_back(key);
    const YamlEntry* entry = find(key);
    if (entry == nullptr) return std::nullopt;
    const Mark place = mark_of(entry->value, entry->mark);
    log_.note(path(key), place);
    return ConfigValue{entry->value.node, path(key), place};
}

std::optional<ConfigValue> MapReader::required(std::string_view key,
                                               std::string_view what_to_write) {
    auto found = value(key);
    if (!found) log_.error(map_.mark, path(key), "this key is missing", std::string(what_to_write));
    return found;
}

bool MapReader::has(std::string_view key) const {
    return find(key) != nullptr;
}

void MapReader::finish() {
    for (const YamlEntry& entry : map_.node->entries) {
        if (log_.is_full()) return;
        if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
        log_.error(entry.mark, path(entry.key), "this key is unknown",
                   suggestion(entry.key, known_));
    }
}

std::string MapReader::path(std::string_view key) const {
    constexpr std::size_t kKeyMax = 64;
    const std::string short_key(key.substr(0, kKeyMax));
    return map_.path.empty() ? short_key : map_.path + "." + short_key;
}

Mark MapReader::mark(std::string_view key) const {
    const YamlEntry* entry = find(key);
    return entry == nullptr ? map_.mark : entry->mark;
}

const YamlEntry* MapReader::find(std::string_view key) const {
    for (const YamlEntry& entry : map_.node->entries) {
        if (entry.key == key) return &entry;
    }
    return nullptr;
}

std::optional<std::size_t> MapReader::choose(const ConfigValue& value,
                                             std::span<const std::string_view> words) {
    const auto text = read_text(value, log_);
    if (!text) return std::nullopt;
    const auto found = std::find(words.begin(), words.end(), *text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    log_.error(value.mark, value.path, "expected one of " + join(words) + ", found " + shown(*text),
               nearest(*text, words).empty() ? "" : suggestion(*text, words));
    return std::nullopt;
}

}  // namespace ethlink::control
