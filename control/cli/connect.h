// SPDX-License-Identifier: BSD-3-Clause
// Which running process a command speaks to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/runtime/control_socket_client.h"

namespace ethlink::cli {

/// The process of this name; a path of a socket will do, too. Without a name: the only one that
/// runs. On failure says on stderr what runs instead.
std::optional<control::ControlClient> connect_or_complain(const std::string& instance);

/// A table of what runs here.
std::string instances_table(const std::vector<control::Instance>& instances);

}  // namespace ethlink::cli
