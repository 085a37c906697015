// SPDX-License-Identifier: BSD-3-Clause
// The shipped codec and state machines behind lines of text.
#pragma once

#include <span>
#include <string>

#include "proto/drop.h"
#include "proto/expected.h"
#include "tests/differential/meaning.h"

namespace ethlink::differential {

/// What the bytes mean, or why they are refused; in the order of docs/protocol.md, "Refusals".
Expected<Groups, Drop> decode(std::span<const std::byte> bytes, bool with_fcs);
Bytes encode(Groups groups);

/// What the machine says to each step ("llr_receiver", "cbfc_sender", "cbfc_receiver").
std::vector<std::string> run_machine(const std::string& machine, const Groups& steps);

}  // namespace ethlink::differential
