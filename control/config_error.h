// SPDX-License-Identifier: BSD-3-Clause
// What is wrong in a fabric file: where it stands, why it is refused, and what to write instead.
#pragma once

#include <string>
#include <vector>

namespace ethlink::control {

/// A place in a text file. Both count from 1, as editors do.
struct Mark {
    int line = 1;
    int column = 1;
    friend bool operator==(const Mark&, const Mark&) = default;
};

/// One mistake (or one warning), complete enough to be shown alone.
struct ConfigError {
    std::string file;
    int line = 1;
    int column = 1;
    std::string key;   // the path to the key: "profiles.default.vcs[0].credits"; may be empty
    std::string why;   // half a sentence: "8 credits of 64 bytes hold no frame of 2052 bytes"
    std::string hint;  // what to do: "set credits to at least 33"; may be empty

    /// "file:line:column: key: why (hint)".
    std::string text() const;
};

/// One error per line.
std::string text(const std::vector<ConfigError>& errors);

}  // namespace ethlink::control
