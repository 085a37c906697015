// SPDX-License-Identifier: BSD-3-Clause
// How a mistake in a fabric file is shown.
#include "control/config_error.h"

#include <string>
#include <vector>

namespace ethlink::control {

std::string ConfigError::text() const {
    std::string line_of_text =
        file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
    if (!key.empty()) line_of_text += key + ": ";
    line_of_text += why;
    if (!hint.empty()) line_of_text += " (" + hint + ")";
    return line_of_text;
}

std::string text(const std::vector<ConfigError>& errors) {
    std::string lines;
    for (const ConfigError& error : errors) lines += error.text() + "\n";
    return lines;
}

}  // namespace ethlink::control
