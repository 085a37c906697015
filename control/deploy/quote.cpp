// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/quote.h"

#include <algorithm>
#include <cstdio>

namespace ethlink::control {
namespace {

/// Letters that mean nothing to a shell, to systemd or to YAML's double quotes.
bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./,:=@+").find(c) != std::string_view::npos;
}

bool is_plain_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_plain);
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::string hex_escape(char c) {
    char text[8];
    std::snprintf(text, sizeof text, "\\x%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    return text;
}

}  // namespace

std::string shell_word(std::string_view text) {
    if (is_plain_word(text)) return std::string(text);
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'') {
            quoted += R"('\'')";
        } else {
            quoted += c;
        }
    }
    return quoted + "'";
}

std::string shell_words(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& each : words) line += (line.empty() ? "" : " ") + shell_word(each);
    return line;
}

std::string systemd_word(std::string_view text) {
    if (is_plain_word(text)) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
        } else if (c == '%' || c == '$') {
            quoted += c;  // Twice is once.
        }
        quoted += is_control(c) ? hex_escape(c) : std::string(1, c);
    }
    return quoted + "\"";
}

std::string yaml_string(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += is_control(c) ? hex_escape(c) : std::string(1, c);
    }
    return quoted + "\"";
}

std::string one_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(line, is_control, '?');
    return line;
}

}  // namespace ethlink::control
