// SPDX-License-Identifier: BSD-3-Clause
// The Unix socket at which an endpoint waits for programs: its file, and who may connect.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "control/runtime/control_socket_path.h"
#include "proto/expected.h"

namespace ethlink::control {

/// Who may connect besides root and the user who runs the endpoint.
struct ClientAccess {
    std::optional<gid_t> group;  // members of this group, too: the file becomes 0660
    bool everybody = false;      // the file becomes 0666
};

/// "<directory>/<instance>/<node>.client.sock". Creates the private directory of the instance.
[[nodiscard]] Expected<std::string, std::string> make_client_socket_path(
    const std::string& directory, std::string_view instance, std::string_view node);

/// At the end, when its listeners are gone. A directory that is not empty stays.
void remove_client_socket_directory(const std::string& directory, std::string_view instance);

/// A listening SOCK_SEQPACKET socket and its file, which goes with it.
class ClientListener {
public:
    /// The file that a dead process left is replaced; with a living one it is an error.
    static Expected<ClientListener, std::string> open(const std::string& path,
                                                      const ClientAccess& access);
    ClientListener(ClientListener&& other) noexcept;
    ClientListener& operator=(ClientListener&&) = delete;
    ClientListener(const ClientListener&) = delete;
    ClientListener& operator=(const ClientListener&) = delete;
    /// Removes the file.
    ~ClientListener();

    int descriptor() const { return socket_.get(); }
    const std::string& path() const { return path_; }

    /// Whether who stands behind this connection may use the endpoint: by its credentials, whatever
    /// the file's mode let through.
    bool admits(const FileDescriptor& connection) const;

private:
    ClientListener(std::string path, FileDescriptor socket, ClientAccess access);

    std::string path_;
    FileDescriptor socket_;
    ClientAccess access_;
    ino_t inode_ = 0;
};

}  // namespace ethlink::control
