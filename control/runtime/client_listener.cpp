// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/client_listener.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "control/failure.h"
#include "control/runtime/unix_socket.h"

namespace ethlink::control {
namespace {

constexpr int kBacklog = 64;
constexpr std::string_view kSuffix = ".client.sock";
constexpr std::string_view kAdvice = "end it, or choose another instance or node name";

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

mode_t mode_of(const ClientAccess& access) {
    constexpr mode_t kOwner = S_IRUSR | S_IWUSR;
    if (access.everybody) return kOwner | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
    return access.group ? kOwner | S_IRGRP | S_IWGRP : kOwner;
}

/// The main group is in the credentials, the others are asked for.
bool is_member(const FileDescriptor& connection, gid_t own, gid_t group) {
    if (own == group) return true;
    std::vector<gid_t> groups(64);
    socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
        if (errno != ERANGE) return false;
        groups.resize(size / sizeof(gid_t));
        if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
            return false;
        }
    }
    groups.resize(size / sizeof(gid_t));
    return std::ranges::find(groups, group) != groups.end();
}

}  // namespace

Expected<std::string, std::string> make_client_socket_path(const std::string& directory,
                                                           std::string_view instance,
                                                           std::string_view node) {
    for (const std::string_view name : {instance, node}) {
        if (is_instance_name(name)) continue;
        return failure("\"" + std::string(name) +
                       "\" cannot name a socket: use 1 to 32 letters, digits, '-', '_' or '.', "
                       "and no '.' first");
    }
    const std::string own = directory + "/" + std::string(instance);
    if (const auto opened = open_private_directory(own); !opened) return failure(opened.error());
    return own + "/" + std::string(node) + std::string(kSuffix);
}

void remove_client_socket_directory(const std::string& directory, std::string_view instance) {
    if (is_instance_name(instance)) rmdir((directory + "/" + std::string(instance)).c_str());
}

Expected<ClientListener, std::string> ClientListener::open(const std::string& path,
                                                           const ClientAccess& access) {
    const auto address = unix_address(path);
    if (!address) return failure(path + " is too long for a Unix socket: set XDG_RUNTIME_DIR");
    const FileDescriptor directory(
        ::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return failure("cannot open the directory of " + path);
    flock(directory.get(), LOCK_EX);  // Until we listen: another one must not find us dead.
    if (auto removed = remove_if_stale(path, SOCK_SEQPACKET, kAdvice); !removed) {
        return failure(removed.error());
    }
    FileDescriptor socket = new_unix_socket(SOCK_SEQPACKET);
    // Before bind: the file never has another mode.
    if (!socket || fchmod(socket.get(), mode_of(access)) != 0 ||
        bind(socket.get(), generic(*address), sizeof *address) != 0) {
        return failure("cannot serve programs at " + path + ": " + std::strerror(errno));
    }
    ClientListener listener(path, std::move(socket), access);
    // The mask took bits away, and the file has our group.
    const bool opened = (!access.group || chown(path.c_str(), uid_t(-1), *access.group) == 0) &&
                        chmod(path.c_str(), mode_of(access)) == 0 &&
                        listen(listener.descriptor(), kBacklog) == 0;
    if (!opened) return failure("cannot serve programs at " + path + ": " + std::strerror(errno));
    return listener;
}

ClientListener::ClientListener(std::string path, FileDescriptor socket, ClientAccess access)
    : path_(std::move(path)), socket_(std::move(socket)), access_(access) {
    struct stat status {};
    if (lstat(path_.c_str(), &status) == 0) inode_ = status.st_ino;
}

ClientListener::ClientListener(ClientListener&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      socket_(std::move(other.socket_)),
      access_(other.access_),
      inode_(other.inode_) {}

ClientListener::~ClientListener() {
    if (path_.empty()) return;
    struct stat status {};
    if (lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_) unlink(path_.c_str());
}

bool ClientListener::admits(const FileDescriptor& connection) const {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    if (access_.everybody || peer.uid == 0 || peer.uid == geteuid()) return true;
    return access_.group && is_member(connection, peer.gid, *access_.group);
}

}  // namespace ethlink::control
