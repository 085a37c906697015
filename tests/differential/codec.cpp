// SPDX-License-Identifier: BSD-3-Clause
// Answers each line of its input with one line: what the shipped C++ makes of it.
//
//   decode HEX, decode_fcs HEX  ->  means GROUPS, or refused NAME
//   encode GROUPS               ->  hex HEX
//   run MACHINE | STEP | STEP   ->  said SAYS | SAYS
#include "tests/differential/codec.h"

#include <iostream>

#include "proto/drop.h"

namespace ethlink::differential {
namespace {

std::string decoded(std::string_view hex, bool with_fcs) {
    const auto groups = decode(from_hex(hex), with_fcs);
    return groups ? "means " + line(*groups) : "refused " + std::string(name(groups.error()));
}

std::string ran(std::string_view rest) {
    Groups steps = parse_groups(rest);
    const std::string machine = steps.front().word();
    steps.erase(steps.begin());
    std::string said = "said";
    for (const std::string& words : run_machine(machine, steps)) {
        said += (said.size() == 4 ? " " : " | ") + words;
    }
    return said;
}

std::string answer(std::string_view request) {
    const std::size_t space = request.find(' ');
    const std::string_view verb = request.substr(0, space);
    const std::string_view rest =
        space == std::string_view::npos ? std::string_view() : request.substr(space + 1);
    if (verb == "decode") return decoded(rest, false);
    if (verb == "decode_fcs") return decoded(rest, true);
    if (verb == "encode") return "hex " + to_hex(encode(parse_groups(rest)));
    if (verb == "run") return ran(rest);
    return "what?";
}

}  // namespace
}  // namespace ethlink::differential

int main() {
    for (std::string request; std::getline(std::cin, request);) {
        std::cout << ethlink::differential::answer(request) << '\n';
    }
    return 0;
}
