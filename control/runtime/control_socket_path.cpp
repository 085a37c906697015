// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/control_socket_path.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

#include "control/failure.h"

namespace ethlink::control {
namespace {

constexpr std::string_view kSuffix = ".sock";
constexpr std::size_t kInstanceMax = 32;

bool may_stand_in_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}

}  // namespace

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
}

std::vector<std::string> socket_directories() {
    std::vector<std::string> directories;
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && runtime[0] == '/') {
        directories.push_back(std::string(runtime) + "/ethlink");
    }
    if (geteuid() == 0) directories.emplace_back("/run/ethlink");
    directories.push_back("/tmp/ethlink-" + std::to_string(geteuid()));
    return directories;
}

Expected<FileDescriptor, std::string> open_private_directory(const std::string& path) {
    if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return failure("cannot create " + path + ": " + std::strerror(errno));
    }
    FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) return failure("cannot open " + path + ": " + std::strerror(errno));
    struct stat status {};
    if (fstat(directory.get(), &status) != 0) {
        return failure("cannot look at " + path + ": " + std::strerror(errno));
    }
    if (status.st_uid != geteuid()) {
        return failure(path + " belongs to user " + std::to_string(status.st_uid) +
                       "; remove it, or set XDG_RUNTIME_DIR to a directory of your own");
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return failure("others may enter " + path + "; make it private: chmod 700 " + path);
    }
    return directory;
}

Expected<std::string, std::string> choose_socket_directory() {
    std::string why;
    for (const std::string& path : socket_directories()) {
        const auto directory = open_private_directory(path);
        if (directory) return path;
        why += (why.empty() ? "" : "; ") + directory.error();
    }
    return failure("no place for the control socket: " + why);
}

bool is_instance_name(std::string_view name) {
    return !name.empty() && name.size() <= kInstanceMax && name.front() != '.' &&
           std::ranges::all_of(name, may_stand_in_name);
}

std::string socket_path(const std::string& directory, std::string_view instance) {
    return directory + "/" + std::string(instance) + std::string(kSuffix);
}

std::vector<std::string> sockets_in(const std::string& path) {
    std::vector<std::string> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
    if (!directory) return found;
    while (const dirent* entry = readdir(directory.get())) {
        const std::string_view name = entry->d_name;
        if (!name.ends_with(kSuffix)) continue;
        if (is_instance_name(name.substr(0, name.size() - kSuffix.size()))) {
            found.push_back(path + "/" + std::string(name));
        }
    }
    return found;
}

std::vector<std::string> find_sockets() {
    std::vector<std::string> found;
    for (const std::string& path : socket_directories()) {
        const std::vector<std::string> here = sockets_in(path);
        found.insert(found.end(), here.begin(), here.end());
    }
    std::ranges::sort(found);
    return found;
}

}  // namespace ethlink::control
