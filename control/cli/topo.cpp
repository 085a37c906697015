// SPDX-License-Identifier: BSD-3-Clause
// `ethlink topo`: fabric files out of a few numbers, and pictures of fabrics.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/topo_draw.h"
#include "control/config_error.h"
#include "control/config_reader.h"
#include "control/topo_generate.h"

namespace ethlink::cli {
namespace {

/// The numbers of a shape: options here, keys of `topology` in the file.
struct Number {
    const char* key;
    const char* help;
};
constexpr Number kNumbers[] = {
    {"gpus", "GPUs of all racks together"},
    {"racks", "leaf-spine: racks"},
    {"tracks", "Ports of a GPU, and leaves of a rack"},
    {"spines", "leaf-spine: spines of all tracks together"},
    {"uplinks", "dual-rack, leaf-spine: ports of a leaf towards other racks"},
    {"oversubscription", "The same as a ratio: GPU ports of a leaf per uplink"},
    {"workers", "Poll loops of each switch"},
};

struct Arguments {
    std::string kind;
    std::string values[std::size(kNumbers)];  // as written; empty: not given
    std::string name;
    bool expand = false;
};

/// A mistake in a key, as one in an option.
void complain_of(const control::ConfigError& error, const std::string& kind) {
    constexpr std::string_view kPrefix = "topology.";
    const std::string key = error.key.substr(std::min(error.key.size(), kPrefix.size()));
    const std::string option = key == "kind" ? "KIND" : "--" + key;
    // A key that the file would not know.
    const bool foreign = error.why.ends_with("is unknown");
    complain(option + ": " + (foreign ? "a " + kind + " has no such number" : error.why) +
             (error.hint.empty() || foreign ? "" : " (" + error.hint + ")"));
}

int generate(const Arguments& arguments) {
    control::ShapeWords words{{"kind", arguments.kind}};
    for (std::size_t i = 0; i < std::size(kNumbers); ++i) {
        if (!arguments.values[i].empty()) words.emplace_back(kNumbers[i].key, arguments.values[i]);
    }
    const auto shape = control::shape_of(words);
    if (!shape) {
        for (const auto& error : shape.error()) complain_of(error, arguments.kind);
        return kUsage;
    }
    const std::string name = arguments.name.empty() ? arguments.kind : arguments.name;
    if (!control::is_name(name)) {
        complain("--name: `" + name +
                 "` cannot be a name (letters, digits, `-` and `_`, a letter "
                 "first, at most 31)");
        return kUsage;
    }
    const std::string text = arguments.expand ? control::explicit_text(*shape, name)
                                              : control::compact_text(*shape, name);
    std::fputs(text.c_str(), stdout);
    return kOk;
}

void add_generate(CLI::App& topo, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& generate_app =
        *topo.add_subcommand("generate", "Print a fabric file of a known shape");
    generate_app
        .add_option("kind", arguments->kind, "back-to-back, single-rack, dual-rack or leaf-spine")
        ->required();
    for (std::size_t i = 0; i < std::size(kNumbers); ++i) {
        generate_app.add_option(std::string("--") + kNumbers[i].key, arguments->values[i],
                                kNumbers[i].help);
    }
    generate_app.add_option("--name", arguments->name, "Name of the fabric (default: the kind)");
    generate_app.add_flag("--expand", arguments->expand, "Name each node and link");
    generate_app.footer(
        "What is left out fits the rest: as many uplinks as a rack has GPUs, two spines for each "
        "track. For example:\n"
        "  ethlink topo generate dual-rack --gpus 8 --tracks 4 | ethlink check - --json\n"
        "  ethlink topo generate leaf-spine --racks 16 --gpus 1024 --tracks 8 --oversubscription "
        "2");
    generate_app.callback([arguments, &exit_code] { exit_code = generate(*arguments); });
}

}  // namespace

void add_topo(CLI::App& app, const Context&, int& exit_code) {
    CLI::App& topo = *app.add_subcommand("topo", "Generate and draw fabrics");
    topo.require_subcommand(1);
    add_generate(topo, exit_code);
    add_topo_draw(topo, exit_code);
}

}  // namespace ethlink::cli
