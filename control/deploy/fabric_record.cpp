// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/fabric_record.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/failure.h"

namespace ethlink::control {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kFolder = "/fabrics";
constexpr const char* kRecord = "/record.json";

json to_json(const FabricRecord& record) {
    json nodes = json::array();
    for (const NodeRecord& node : record.nodes) {
        json entry{{"node", node.node},
                   {"kind", node.kind},
                   {"instance", node.instance},
                   {"argv", node.argv},
                   {"network_namespace", node.network_namespace}};
        if (node.process) {
            entry["pid"] = node.process->pid;
            entry["start_ticks"] = node.process->start_ticks;
        }
        nodes.push_back(std::move(entry));
    }
    return {{"name", record.name},
            {"file", record.file},
            {"medium", record.medium},
            {"boot_id", record.boot_id},
            {"nodes", std::move(nodes)}};
}

/// Throws json::exception.
FabricRecord from_json(const json& all) {
    FabricRecord record{.name = all.at("name"),
                        .file = all.at("file"),
                        .medium = all.at("medium"),
                        .boot_id = all.at("boot_id"),
                        .nodes = {}};
    for (const json& entry : all.at("nodes")) {
        NodeRecord node{.node = entry.at("node"),
                        .kind = entry.at("kind"),
                        .instance = entry.at("instance"),
                        .argv = entry.at("argv"),
                        .network_namespace = entry.at("network_namespace"),
                        .process = {}};
        if (entry.contains("pid")) {
            node.process = RecordedProcess{entry.at("pid"), entry.at("start_ticks")};
        }
        record.nodes.push_back(std::move(node));
    }
    return record;
}

/// Whether the path still leads to the directory behind the descriptor.
bool is_same(const FileDescriptor& directory, const std::string& path) {
    struct stat held {};
    struct stat there {};
    return fstat(directory.get(), &held) == 0 && lstat(path.c_str(), &there) == 0 &&
           held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

}  // namespace

std::vector<RecordedProcess> FabricRecord::processes() const {
    std::vector<RecordedProcess> list;
    if (boot_id != control::boot_id()) return list;
    for (const NodeRecord& node : nodes) {
        if (node.process) list.push_back(*node.process);
    }
    return list;
}

bool FabricRecord::any_alive() const {
    return std::ranges::any_of(processes(), is_alive);
}

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
}

std::string FabricDirectory::path_of(const std::string& socket_directory, const std::string& name) {
    return socket_directory + kFolder + "/" + name;
}

Expected<std::optional<FabricDirectory>, std::string> FabricDirectory::claim(
    const std::string& socket_directory, const std::string& name, bool create) {
    const std::string folder = socket_directory + kFolder;
    const std::string path = path_of(socket_directory, name);
    // Between looking and locking another process may remove it: then once more.
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (!create && access(path.c_str(), F_OK) != 0) return std::nullopt;
        const auto outer = open_private_directory(folder);
        if (!outer) return failure(outer.error());
        auto lock = open_private_directory(path);
        if (!lock) {
            if (access(folder.c_str(), F_OK) != 0) continue;
            return failure(lock.error());
        }
        if (flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
            return failure("fabric " + name +
                           " is just being started or ended by another process: try again when "
                           "that is done");
        }
        if (is_same(*lock, path)) {
            return FabricDirectory(socket_directory, path, std::move(*lock));
        }
    }
    return failure(path + " comes and goes: try again");
}

Expected<std::optional<FabricRecord>, std::string> FabricDirectory::read() const {
    const std::string file = path_ + kRecord;
    std::ifstream in(file);
    if (!in) return std::nullopt;
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    try {
        return from_json(json::parse(text));
    } catch (const json::exception& error) {
        return failure(file + " is no record of a fabric (" + error.what() +
                       "); end its processes by hand and remove " + path_);
    }
}

Expected<void, std::string> FabricDirectory::write(const FabricRecord& record) const {
    const std::string file = path_ + kRecord;
    const std::string fresh = file + ".new";
    std::ofstream out(fresh, std::ios::trunc);
    out << to_json(record).dump(2) << '\n';
    out.close();
    if (!out || std::rename(fresh.c_str(), file.c_str()) != 0) {
        return failure("cannot write " + file + ": " + std::strerror(errno));
    }
    return {};
}

Expected<void, std::string> FabricDirectory::remove() {
    std::error_code error;
    fs::remove_all(path_, error);
    if (error) return failure("cannot remove " + path_ + ": " + error.message());
    rmdir((socket_directory_ + kFolder).c_str());  // Only if this was the last one.
    return {};
}

std::vector<KnownFabric> find_fabrics() {
    std::vector<KnownFabric> known;
    for (const std::string& directory : socket_directories()) {
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(directory + kFolder, error)) {
            std::ifstream in(entry.path().string() + kRecord);
            const json record = json::parse(in, nullptr, false);
            const bool says =
                record.is_object() && record.contains("file") && record["file"].is_string();
            known.push_back({directory, entry.path().filename(),
                             says ? record["file"].get<std::string>() : std::string()});
        }
    }
    std::ranges::sort(known, {}, &KnownFabric::name);
    return known;
}

}  // namespace ethlink::control
