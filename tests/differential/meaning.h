// SPDX-License-Identifier: BSD-3-Clause
// What a frame means, as text (meaning.py): groups of a word and key=value pairs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ethlink::differential {

using Bytes = std::vector<std::byte>;

Bytes from_hex(std::string_view text);
std::string to_hex(std::span<const std::byte> bytes);

/// A word and its key=value pairs. get() of what is not there ends the program with a message:
/// the text comes from our own test.
class Group {
public:
    explicit Group(std::string_view word) : word_(word) {}
    static Group parse(std::string_view text);

    const std::string& word() const { return word_; }
    bool has(std::string_view key) const;
    const std::string& text(std::string_view key) const;
    /// Decimal or 0x; `T` cuts it.
    template <class T = std::uint64_t>
    T get(std::string_view key) const {
        return static_cast<T>(number(key));
    }

    Group& add(std::string_view key, std::string_view value);
    Group& add(std::string_view key, std::uint64_t value);
    Group& add_wide(std::string_view key, std::uint64_t value);  // 0x and 16 digits
    Group& add(std::string_view key, std::span<const std::byte> bytes);

    std::string line() const;

private:
    std::int64_t number(std::string_view key) const;

    std::string word_;
    std::vector<std::pair<std::string, std::string>> values_;
};

using Groups = std::vector<Group>;

Groups parse_groups(std::string_view line);
std::string line(const Groups& groups);
std::vector<std::string> split(std::string_view text, std::string_view separator);

}  // namespace ethlink::differential
