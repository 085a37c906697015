// SPDX-License-Identifier: BSD-3-Clause
// What several subcommands do the same way: load a file, speak to people, name an instance.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/config_error.h"
#include "proto/expected.h"

namespace ethlink::cli {

/// Loads a fabric file; `-` is the standard input.
Expected<control::Fabric, std::vector<control::ConfigError>> load_file(const std::string& file);

/// Loads a fabric file; on failure prints every mistake to stderr and returns nothing.
std::optional<control::Fabric> load_or_complain(const std::string& file);

/// One sentence on stderr: "ethlink: ...".
void complain(const std::string& sentence);

/// Whether stderr is a terminal: then one live line instead of many.
bool is_interactive();
/// Overwrites the live line; nothing without a terminal.
void live_line(const std::string& text);
void end_live_line();

/// 1,234,567
std::string grouped(std::uint64_t number);
/// "1.23 us", for people.
std::string human_ns(std::uint64_t ns);

/// A name for the files of this process: the fabric's, cut to what EAL takes, and the process id.
std::string instance_name(const std::string& fabric);

}  // namespace ethlink::cli
