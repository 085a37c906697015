// SPDX-License-Identifier: BSD-3-Clause
#include "tests/differential/meaning.h"

#include <cstdio>
#include <cstdlib>

namespace ethlink::differential {

namespace {

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

[[noreturn]] void give_up(std::string_view what, std::string_view where) {
    std::fprintf(stderr, "codec: no %.*s in: %.*s\n", static_cast<int>(what.size()), what.data(),
                 static_cast<int>(where.size()), where.data());
    std::exit(2);
}

}  // namespace

Bytes from_hex(std::string_view text) {
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(static_cast<std::byte>(digit(text[i]) << 4 | digit(text[i + 1])));
    }
    return bytes;
}

std::string to_hex(std::span<const std::byte> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : bytes) {
        text += kDigits[std::to_integer<unsigned>(byte) >> 4];
        text += kDigits[std::to_integer<unsigned>(byte) & 0xF];
    }
    return text;
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
    std::vector<std::string> parts;
    for (std::size_t at = 0;;) {
        const std::size_t end = text.find(separator, at);
        parts.emplace_back(text.substr(at, end - at));
        if (end == std::string_view::npos) return parts;
        at = end + separator.size();
    }
}

Group Group::parse(std::string_view text) {
    const std::vector<std::string> words = split(text, " ");
    Group group(words.front());
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::size_t equals = words[i].find('=');
        if (equals == std::string::npos) give_up("=", text);
        group.values_.emplace_back(words[i].substr(0, equals), words[i].substr(equals + 1));
    }
    return group;
}

bool Group::has(std::string_view key) const {
    for (const auto& [name, value] : values_) {
        if (name == key) return true;
    }
    return false;
}

const std::string& Group::text(std::string_view key) const {
    for (const auto& [name, value] : values_) {
        if (name == key) return value;
    }
    give_up(key, line());
}

std::int64_t Group::number(std::string_view key) const {
    const std::string& value = text(key);
    if (value.starts_with('-')) return std::strtoll(value.c_str(), nullptr, 10);
    return static_cast<std::int64_t>(std::strtoull(value.c_str(), nullptr, 0));
}

Group& Group::add(std::string_view key, std::string_view value) {
    values_.emplace_back(key, value);
    return *this;
}

Group& Group::add(std::string_view key, std::uint64_t value) {
    return add(key, std::string_view(std::to_string(value)));
}

Group& Group::add_wide(std::string_view key, std::uint64_t value) {
    char text[19];
    std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(value));
    return add(key, std::string_view(text));
}

Group& Group::add(std::string_view key, std::span<const std::byte> bytes) {
    return add(key, std::string_view(to_hex(bytes)));
}

std::string Group::line() const {
    std::string text = word_;
    for (const auto& [key, value] : values_) text += " " + key + "=" + value;
    return text;
}

Groups parse_groups(std::string_view line) {
    Groups groups;
    for (const std::string& part : split(line, " | ")) groups.push_back(Group::parse(part));
    return groups;
}

std::string line(const Groups& groups) {
    std::string text;
    for (const Group& group : groups) text += (text.empty() ? "" : " | ") + group.line();
    return text;
}

}  // namespace ethlink::differential
