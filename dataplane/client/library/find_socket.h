// SPDX-License-Identifier: BSD-3-Clause
// From a node's name to its endpoint's socket.
#pragma once

#include <string>

namespace ethlink::client {

struct FoundSocket {
    std::string path;    // empty: none, see `why`
    bool given = false;  // the user named the path: whoever serves it is trusted
    std::string why;
};

/// `where` as in ethlink_open().
FoundSocket find_socket(const char* where);

}  // namespace ethlink::client
