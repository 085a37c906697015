// SPDX-License-Identifier: BSD-3-Clause
// `ethlink export ENGINE FILE`: what makes another engine start a fabric.
#include "control/deploy/export.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "control/cli/command.h"
#include "control/cli/common.h"

namespace ethlink::cli {
namespace {

namespace fs = std::filesystem;
using control::RenderedFile;

struct Arguments {
    std::string engine;
    std::string file;
    std::string directory;
    bool force = false;
    control::ExportOptions options;
};

using Render = control::Rendered (*)(control::Fabric, const control::ExportOptions&);

const std::map<std::string, Render>& engines() {
    static const std::map<std::string, Render> all{{"ansible", control::render_ansible},
                                                   {"containerlab", control::render_containerlab},
                                                   {"netns", control::render_netns},
                                                   {"systemd", control::render_systemd}};
    return all;
}

std::string content_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

int refuse(const std::string& why, int code) {
    complain(why);
    return code;
}

int write(const fs::path& path, const RenderedFile& file) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << file.text;
    out.close();
    if (!out) return refuse("cannot write " + path.string(), kCannotRun);
    std::error_code ignored;
    constexpr auto kRun = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
    if (file.executable) fs::permissions(path, kRun, fs::perm_options::add, ignored);
    std::printf("%s\n", path.c_str());
    return kOk;
}

/// All or nothing, as far as other people's files are concerned.
int write_all(const Arguments& arguments, const std::vector<RenderedFile>& files) {
    const fs::path directory(arguments.directory);
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) return refuse(directory.string() + ": " + error.message(), kCannotRun);
    for (const RenderedFile& file : files) {
        const fs::path path = directory / file.name;
        if (arguments.force || !fs::exists(path, error)) continue;
        if (content_of(path) != file.text) {
            return refuse(path.string() + " is there and different; --force replaces it", kUsage);
        }
    }
    for (const RenderedFile& file : files) {
        if (const int code = write(directory / file.name, file); code != kOk) return code;
    }
    return kOk;
}

int run(Arguments& arguments) {
    const auto fabric = load_or_complain(arguments.file);
    if (!fabric) return kUsage;
    const bool to_stdout = arguments.directory.empty();
    arguments.options.place =
        to_stdout ? control::FabricPlace::kAsGiven : control::FabricPlace::kBeside;
    auto files = engines().at(arguments.engine)(*fabric, arguments.options);
    if (!files) {
        for (const control::ConfigError& mistake : files.error()) complain(mistake.text());
        return kUsage;
    }
    if (!to_stdout) {
        files->push_back({control::fabric_file_name(*fabric), content_of(arguments.file)});
        return write_all(arguments, *files);
    }
    if (files->size() > 1) {
        return refuse("these are " + std::to_string(files->size()) +
                          " files: say where to put them, as in: ethlink export " +
                          arguments.engine + " " + arguments.file + " --dir " + fabric->name,
                      kUsage);
    }
    std::fputs(files->front().text.c_str(), stdout);
    return kOk;
}

}  // namespace

void add_export(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& command = *app.add_subcommand(
        "export", "Render what starts a fabric by netns, systemd, containerlab or ansible");
    std::vector<std::string> names;
    for (const auto& [name, render] : engines()) names.push_back(name);
    command.add_option("engine", arguments->engine, "netns, systemd, containerlab or ansible")
        ->required()
        ->check(CLI::IsMember(names));
    command.add_option("file", arguments->file, "Fabric file (YAML)")->required();
    command.add_option("--dir", arguments->directory,
                       "Write files there, the fabric file with them (default: one to stdout)");
    command.add_option("--program", arguments->options.program, "Where ethlink is on the hosts")
        ->capture_default_str();
    command.add_option("--image", arguments->options.image, "Container image (containerlab)")
        ->capture_default_str();
    command.add_flag("--force", arguments->force, "Replace files that are different");
    command.footer("Each file says in its first lines how to run it. Nothing is started.");
    command.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
