// SPDX-License-Identifier: BSD-3-Clause
// `ethlink down [FILE|NAME]`: the end of what `ethlink up` has started.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/deploy/fabric_record.h"
#include "control/deploy/tear_down.h"

namespace ethlink::cli {
namespace {

namespace fs = std::filesystem;
using control::FabricDirectory;
using control::KnownFabric;

struct Arguments {
    std::string which;
    bool all = false;
};

std::string names_of(const std::vector<KnownFabric>& fabrics) {
    std::string names;
    for (const KnownFabric& fabric : fabrics) names += (names.empty() ? "" : ", ") + fabric.name;
    return names;
}

/// Those that the word stands for: a name, or else the file that they were started from.
std::vector<KnownFabric> choose(const std::vector<KnownFabric>& known, const std::string& which) {
    std::vector<KnownFabric> chosen;
    const auto take = [&](auto fits) {
        std::ranges::copy_if(known, std::back_inserter(chosen), fits);
    };
    take([&](const KnownFabric& fabric) { return fabric.name == which; });
    if (!chosen.empty()) return chosen;
    const std::string file = fs::absolute(which).lexically_normal();
    take([&](const KnownFabric& fabric) { return fabric.file == file; });
    return chosen;
}

int end(const KnownFabric& fabric) {
    auto directory = FabricDirectory::claim(fabric.socket_directory, fabric.name, false);
    if (!directory) {
        complain(directory.error());
        return kCannotRun;
    }
    if (!*directory) return kOk;  // Somebody else was faster.
    const auto notes = control::tear_down(**directory);
    if (!notes) {
        complain("fabric " + fabric.name + " is not quite gone: " + notes.error());
        return kCannotRun;
    }
    for (const std::string& note : *notes) complain(note);
    std::printf("fabric %s is down\n", fabric.name.c_str());
    return kOk;
}

int run(const Arguments& arguments) {
    const std::vector<KnownFabric> known = control::find_fabrics();
    std::vector<KnownFabric> chosen = known;
    if (!arguments.which.empty()) chosen = choose(known, arguments.which);
    if (chosen.empty()) {
        std::printf("%s\n",
                    known.empty()
                        ? "no fabric of this user is up"
                        : (arguments.which + " is not up; what is: " + names_of(known)).c_str());
        return kOk;
    }
    if (chosen.size() > 1 && !arguments.all) {
        complain("several fabrics are up; say which one, or --all: " + names_of(chosen));
        return kUsage;
    }
    int code = kOk;
    for (const KnownFabric& fabric : chosen) code = std::max(code, end(fabric));
    return code;
}

}  // namespace

void add_down(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& down = *app.add_subcommand("down", "End what `ethlink up` has started");
    CLI::Option* which = down.add_option("which", arguments->which,
                                         "Name of the fabric, or its file (default: the only one)");
    down.add_flag("--all", arguments->all, "Every fabric that this user has up")->excludes(which);
    down.footer(
        "Ends the processes that `up` has recorded and no others, removes namespaces, sockets and "
        "files, also after kill -9. What is not up is no error.");
    down.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
