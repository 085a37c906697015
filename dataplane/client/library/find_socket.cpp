// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/client/library/find_socket.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <dirent.h>

namespace ethlink::client {
namespace {

constexpr std::string_view kSuffix = ".client.sock";

/// The same places in the same order as for the control socket.
std::vector<std::string> directories() {
    std::vector<std::string> found;
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && runtime[0] == '/') found.push_back(std::string(runtime) + "/ethlink");
    if (geteuid() == 0) found.emplace_back("/run/ethlink");
    found.push_back("/tmp/ethlink-" + std::to_string(geteuid()));
    return found;
}

std::vector<std::string> names_in(const std::string& path) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
    while (directory) {
        const dirent* entry = readdir(directory.get());
        if (entry == nullptr) break;
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    }
    std::ranges::sort(names);
    return names;
}

/// Sockets of this instance and node; an empty name stands for any.
std::vector<std::string> candidates(std::string_view instance, std::string_view node) {
    std::vector<std::string> found;
    for (const std::string& directory : directories()) {
        for (const std::string& name : names_in(directory)) {
            if (!instance.empty() && name != instance) continue;
            const std::string folder = directory + "/" + name;
            for (const std::string& file : names_in(folder)) {
                if (!file.ends_with(kSuffix)) continue;
                const std::string_view stem(file.data(), file.size() - kSuffix.size());
                if (node.empty() || stem == node) found.push_back(folder + "/" + file);
            }
        }
    }
    return found;
}

}  // namespace

FoundSocket find_socket(const char* where) {
    if (where == nullptr) where = std::getenv("ETHLINK_SOCKET");
    const std::string_view name = where == nullptr ? "" : where;
    if (name.starts_with('/') || name.starts_with('.')) return {std::string(name), true, {}};
    const std::size_t slash = name.find('/');
    const bool whole = slash != std::string_view::npos;
    const std::vector<std::string> found =
        whole ? candidates(name.substr(0, slash), name.substr(slash + 1)) : candidates("", name);
    if (found.size() == 1) return {found.front(), false, {}};
    const std::string what = name.empty() ? "an endpoint" : "\"" + std::string(name) + "\"";
    if (found.empty()) {
        return {
            {}, false, what + " is not running here: start `ethlink endpoint`, or name its socket"};
    }
    return {{},
            false,
            "there are " + std::to_string(found.size()) + " sockets for " + what +
                ": say instance/node, or set ETHLINK_SOCKET"};
}

}  // namespace ethlink::client
