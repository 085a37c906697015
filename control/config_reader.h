// SPDX-License-Identifier: BSD-3-Clause
// Reads the keys of one YAML map, each by name, type and range, and tells of every one it did not
// know.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config_error.h"
#include "control/yaml_reader.h"
#include "proto/time.h"

namespace ethlink::control {

/// A key whose value is a whole number; written in decimal or 0x hexadecimal.
struct NumberKey {
    std::string_view name;
    std::int64_t min = 0;
    std::int64_t max = 0;
    std::string_view unit;
    bool power_of_two = false;
};

/// A key whose value is a decimal fraction.
struct RealKey {
    std::string_view name;
    double min = 0;
    double max = 1;
    std::string_view unit;
};

template <class E>
struct Choice {
    std::string_view word;
    E value;
};

/// What reading has found out so far: mistakes, warnings, and where each key stands.
class ConfigLog {
public:
    explicit ConfigLog(std::string file) : file_(std::move(file)) {}

    void error(Mark mark, std::string key, std::string why, std::string hint = {});
    void warn(Mark mark, std::string key, std::string why, std::string hint = {});
    void note(std::string path, Mark mark) { marks_.emplace(std::move(path), mark); }

    /// More mistakes than anyone reads at once: no point in looking further.
    bool is_full() const { return errors_.size() >= kErrorsMax; }
    bool has_errors() const { return !errors_.empty(); }
    std::size_t error_count() const { return errors_.size(); }
    std::vector<ConfigError> take_errors() { return std::move(errors_); }
    std::vector<ConfigError> take_warnings() { return std::move(warnings_); }
    std::map<std::string, Mark, std::less<>> take_marks() { return std::move(marks_); }

private:
    static constexpr std::size_t kErrorsMax = 20;
    std::string file_;
    std::vector<ConfigError> errors_;
    std::vector<ConfigError> warnings_;
    std::map<std::string, Mark, std::less<>> marks_;
};

/// A value together with its path, as it is handed from reader to reader.
struct ConfigValue {
    const YamlNode* node = nullptr;
    std::string path;
    Mark mark;  // of a scalar; of the key that holds a list or map
};

std::optional<std::int64_t> read_number(const ConfigValue& value, const NumberKey& key,
                                        ConfigLog& log);
std::optional<double> read_real(const ConfigValue& value, const RealKey& key, ConfigLog& log);
std::optional<std::string> read_text(const ConfigValue& value, ConfigLog& log);
std::optional<bool> read_flag(const ConfigValue& value, ConfigLog& log);

/// The items of a list, at most `max`; anything else is a mistake and empty.
std::vector<ConfigValue> read_list(const ConfigValue& value, std::size_t max, ConfigLog& log);

/// A list, or a single value in the place of a list of one.
std::vector<ConfigValue> read_one_or_list(const ConfigValue& value, std::size_t max,
                                          ConfigLog& log);

/// The entries of a map with keys of the user's choice (nodes, profiles), at most `max`.
std::vector<std::pair<std::string, ConfigValue>> read_named(const ConfigValue& value,
                                                            std::size_t max, ConfigLog& log);

/// Whether a name can be written everywhere: "leaf0", letters, digits, `-` and `_`, up to 31 bytes.
bool is_name(std::string_view text);

/// The word of `words` that looks most like `word`; empty if none does.
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

/// One map whose keys are known. Every call names a key; finish() reports those nobody named.
class MapReader {
public:
    MapReader(const ConfigValue& map, ConfigLog& log);

    // Each returns the fallback if the key is absent, or wrong and reported.
    template <std::integral T>
    T number(const NumberKey& key, T fallback) {
        const auto value = number(key);
        return value ? static_cast<T>(*value) : fallback;
    }
    std::optional<std::int64_t> number(const NumberKey& key);
    double real(const RealKey& key, double fallback);
    bool flag(std::string_view key, bool fallback);
    std::string text(std::string_view key, std::string_view fallback);
    /// A number whose key ends in _ns, _us or _ms.
    Duration duration(const NumberKey& key, Duration fallback);

    template <class E, std::size_t N>
    E choice(std::string_view key, const Choice<E> (&choices)[N], E fallback) {
        const auto found = value(key);
        if (!found) return fallback;
        std::vector<std::string_view> words;
        for (const Choice<E>& choice : choices) words.push_back(choice.word);
        const auto index = choose(*found, words);
        return index ? choices[*index].value : fallback;
    }

    /// The value of a key that another reader understands.
    std::optional<ConfigValue> value(std::string_view key);

    /// As value(), but absence is a mistake.
    std::optional<ConfigValue> required(std::string_view key, std::string_view what_to_write);

    /// Whether the map holds the key; does not make it known.
    bool has(std::string_view key) const;

    /// Reports the keys that nobody asked for.
    void finish();

    const ConfigValue& source() const { return map_; }
    std::string path(std::string_view key) const;
    Mark mark(std::string_view key) const;  // of the key; of the map if the key is absent

private:
    const YamlEntry* find(std::string_view key) const;
    std::optional<std::size_t> choose(const ConfigValue& value,
                                      std::span<const std::string_view> words);

    ConfigValue map_;
    ConfigLog& log_;
    std::vector<std::string_view> known_;
};

}  // namespace ethlink::control
