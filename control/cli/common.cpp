// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/common.h"

#include <cctype>
#include <cstdio>
#include <iostream>
#include <unistd.h>

namespace ethlink::cli {

Expected<control::Fabric, std::vector<control::ConfigError>> load_file(const std::string& file) {
    return file == "-" ? control::load(std::cin, "stdin") : control::load(file);
}

std::optional<control::Fabric> load_or_complain(const std::string& file) {
    auto fabric = load_file(file);
    if (!fabric) {
        for (const control::ConfigError& error : fabric.error()) complain(error.text());
        return std::nullopt;
    }
    for (const control::ConfigError& warning : fabric->warnings) {
        complain("warning: " + warning.text());
    }
    return std::move(*fabric);
}

void complain(const std::string& sentence) {
    std::fprintf(stderr, "ethlink: %s\n", sentence.c_str());
}

bool is_interactive() {
    return isatty(STDERR_FILENO) == 1;
}

void live_line(const std::string& text) {
    if (is_interactive()) std::fprintf(stderr, "\r\033[K%s", text.c_str());
}

void end_live_line() {
    if (is_interactive()) std::fputs("\r\033[K", stderr);
}

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
    return digits;
}

std::string human_ns(std::uint64_t ns) {
    char text[32];
    const auto value = static_cast<double>(ns);
    if (ns < 1'000) {
        std::snprintf(text, sizeof text, "%.0f ns", value);
    } else if (ns < 1'000'000) {
        std::snprintf(text, sizeof text, "%.2f us", value / 1e3);
    } else {
        std::snprintf(text, sizeof text, "%.2f ms", value / 1e6);
    }
    return text;
}

std::string instance_name(const std::string& fabric) {
    std::string name;
    for (const char c : fabric) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-') name += c;
    }
    return name.substr(0, 24) + "-" + std::to_string(getpid());
}

}  // namespace ethlink::cli
