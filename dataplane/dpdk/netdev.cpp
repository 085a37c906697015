// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/netdev.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace ethlink::dpdk {
namespace {

class Socket {
public:
    Socket(int family, int type) : fd_(socket(family, type | SOCK_CLOEXEC, 0)) {}
    ~Socket() {
        if (fd_ >= 0) close(fd_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int fd() const { return fd_; }

private:
    int fd_;
};

ifreq request_for(const std::string& name) {
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    return request;
}

}  // namespace

bool Netdev::is_running() const {
    const Socket socket(AF_INET, SOCK_DGRAM);
    ifreq request = request_for(name_);
    if (ioctl(socket.fd(), SIOCGIFFLAGS, &request) != 0) return false;
    constexpr int kUpWithCarrier = IFF_UP | IFF_RUNNING;
    return (request.ifr_flags & kUpWithCarrier) == kUpWithCarrier;
}

Expected<void, std::string> Netdev::raise_mtu(std::uint32_t mtu) const {
    const Socket socket(AF_INET, SOCK_DGRAM);
    ifreq request = request_for(name_);
    if (ioctl(socket.fd(), SIOCGIFMTU, &request) != 0) {
        return Unexpected<std::string>("there is no interface " + name_ +
                                       " here: " + std::strerror(errno) + ".");
    }
    if (request.ifr_mtu >= static_cast<int>(mtu)) return {};
    const std::string was = std::to_string(request.ifr_mtu);
    request.ifr_mtu = static_cast<int>(mtu);
    if (ioctl(socket.fd(), SIOCSIFMTU, &request) == 0) return {};
    return Unexpected<std::string>("the MTU of interface " + name_ + " is " + was +
                                   " and could not be raised: " + std::strerror(errno) +
                                   ". Do it yourself: ip link set " + name_ + " mtu " +
                                   std::to_string(mtu));
}

void remove_stale_socket(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    const Socket socket(AF_UNIX, SOCK_SEQPACKET);
    const auto* target = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    if (connect(socket.fd(), target, sizeof address) == 0 || errno != ECONNREFUSED) return;
    unlink(path.c_str());
}

}  // namespace ethlink::dpdk
