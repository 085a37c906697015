// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/topo_draw.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <spawn.h>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/topo_live.h"
#include "control/config.h"
#include "control/topo_picture.h"

extern char** environ;

namespace ethlink::cli {
namespace {

struct Arguments {
    std::string file;
    std::string format = "svg";
    std::string output;  // empty: stdout
    bool all = false;
    bool live = false;
};

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// Runs `dot -Tsvg` from one file to another. Returns what waitpid() says, or the reason why it did
/// not start as a negative errno.
int run_graphviz(std::FILE* from, std::FILE* to) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(from), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(to), STDOUT_FILENO);
    char program[] = "dot";
    char format[] = "-Tsvg";
    char* argv[] = {program, format, nullptr};
    pid_t pid = 0;
    const int failure = posix_spawnp(&pid, program, &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) return -failure;
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return -errno;
    }
    return status;
}

int write_svg(const std::string& dot, std::FILE* out) {
    const File text(std::tmpfile());
    if (!text || std::fwrite(dot.data(), 1, dot.size(), text.get()) != dot.size() ||
        std::fflush(text.get()) != 0) {
        complain(std::string("no temporary file: ") + std::strerror(errno));
        return kCannotRun;
    }
    std::rewind(text.get());
    const int status = run_graphviz(text.get(), out);
    if (status == 0) return kOk;
    if (status == -ENOENT) {
        complain(
            "SVG is drawn by Graphviz, which is not installed: apt-get install graphviz; without "
            "it, --format dot and --format mermaid work");
    } else if (status < 0) {
        complain(std::string("Graphviz (dot) cannot be started: ") + std::strerror(-status));
    } else {
        complain("Graphviz (dot -Tsvg) failed; --format dot shows what it was given");
    }
    return kCannotRun;
}

int write_text(const std::string& text, std::FILE* out) {
    if (std::fwrite(text.data(), 1, text.size(), out) == text.size()) return kOk;
    complain(std::string("cannot be written: ") + std::strerror(errno));
    return kCannotRun;
}

int write_picture(const control::Picture& picture, const Arguments& arguments, std::FILE* out) {
    if (arguments.format == "mermaid") return write_text(control::to_mermaid(picture), out);
    const std::string dot = control::to_dot(picture);
    return arguments.format == "dot" ? write_text(dot, out) : write_svg(dot, out);
}

int draw(const Arguments& arguments) {
    const auto fabric = load_or_complain(arguments.file);
    if (!fabric) return kUsage;
    const auto gpus = static_cast<std::size_t>(std::ranges::count(
        fabric->nodes, control::NodeKind::kEndpoint, &control::FabricNode::kind));
    const bool fold = !arguments.all && gpus > control::kDrawnGpusMax;
    control::Picture picture = control::make_picture(*fabric, fold);
    if (arguments.live) {
        const auto live = ask_links(*fabric);
        if (!live) return kCannotRun;
        control::overlay(picture, *live);
    }
    if (arguments.output.empty()) return write_picture(picture, arguments, stdout);
    const File out(std::fopen(arguments.output.c_str(), "wb"));
    if (!out) {
        complain(arguments.output + " cannot be written: " + std::strerror(errno));
        return kUsage;
    }
    return write_picture(picture, arguments, out.get());
}

}  // namespace

void add_topo_draw(CLI::App& topo, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& draw_app = *topo.add_subcommand("draw", "Draw a fabric file: SVG, dot or Mermaid");
    draw_app.add_option("file", arguments->file, "Fabric file (YAML); - reads the standard input")
        ->required();
    draw_app.add_option("--format", arguments->format, "svg (needs Graphviz), dot or mermaid")
        ->check(CLI::IsMember({"svg", "dot", "mermaid"}))
        ->capture_default_str();
    draw_app.add_option("-o,--output", arguments->output, "Write to this file, not to stdout");
    draw_app.add_flag("--all", arguments->all,
                      "Draw each GPU; otherwise, of more than 16, those that are joined alike are "
                      "one box");
    draw_app.add_flag("--live", arguments->live,
                      "Ask the running processes of this fabric: rates, replays, links that are "
                      "down");
    draw_app.callback([arguments, &exit_code] { exit_code = draw(*arguments); });
}

}  // namespace ethlink::cli
