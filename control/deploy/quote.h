// SPDX-License-Identifier: BSD-3-Clause
// Words as other programs read them: whatever is in one, it stays one word and means itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ethlink::control {

/// For a POSIX shell.
std::string shell_word(std::string_view text);
std::string shell_words(const std::vector<std::string>& words);

/// For ExecStart= of a systemd unit.
std::string systemd_word(std::string_view text);

/// A double-quoted YAML scalar.
std::string yaml_string(std::string_view text);

/// For a comment of one line: control characters become `?`.
std::string one_line(std::string_view text);

}  // namespace ethlink::control
