// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/runtime_directory.h"

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ethlink::dpdk {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "ethlink-";
constexpr std::string_view kMark = "ethlink.lock";

/// A descriptor with an exclusive lock, or none.
class Lock {
public:
    enum class Wait : std::uint8_t { kYes, kNo };

    Lock(const fs::path& path, int flags, Wait wait)
        : fd_(open(path.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR)) {
        if (fd_ < 0) return;
        locked_ = flock(fd_, LOCK_EX | (wait == Wait::kNo ? LOCK_NB : 0)) == 0;
    }
    ~Lock() {
        if (fd_ >= 0) close(fd_);
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    explicit operator bool() const { return locked_; }
    /// Never closed: held until the process ends.
    void keep() { fd_ = -1; }

private:
    int fd_;
    bool locked_ = false;
};

void remove_if_dead(const fs::path& folder) {
    const Lock mark(folder / kMark, O_RDWR, Lock::Wait::kNo);
    std::error_code ignored;
    if (mark) fs::remove_all(folder, ignored);
}

}  // namespace

void choose_runtime_directory() {
    // RUNTIME_DIRECTORY is systemd's variable, which EAL honours.
    if (std::getenv("RUNTIME_DIRECTORY") != nullptr || getuid() != 0) return;
    if (access("/var/run", W_OK) == 0) return;
    const char* fallback = std::getenv("XDG_RUNTIME_DIR");
    setenv("RUNTIME_DIRECTORY", fallback != nullptr ? fallback : "/tmp", 0);
}

bool telemetry_socket_fits(const std::string& file_prefix) {
    // As eal_create_runtime_dir() does it.
    const char* base = std::getenv("RUNTIME_DIRECTORY");
    if (base == nullptr) base = getuid() == 0 ? "/var/run" : std::getenv("XDG_RUNTIME_DIR");
    if (base == nullptr) base = "/tmp";
    const std::string path = std::string(base) + "/dpdk/" + file_prefix + "/dpdk_telemetry.v2";
    return path.size() < sizeof(sockaddr_un::sun_path);
}

void claim_runtime_directory(const std::string& path) {
    const fs::path own(path);
    std::error_code error;
    if (path.empty() || !fs::is_directory(own, error)) return;
    // One at a time: nobody finds a mark that is not locked yet.
    const Lock turn(own.parent_path(), O_RDONLY | O_DIRECTORY, Lock::Wait::kYes);
    if (!turn) return;
    Lock mark(own / kMark, O_RDWR | O_CREAT, Lock::Wait::kNo);
    mark.keep();
    for (const auto& folder : fs::directory_iterator(own.parent_path(), error)) {
        const bool ours = folder.path().filename().string().starts_with(kPrefix);
        if (ours && folder.path() != own) remove_if_dead(folder.path());
    }
}

void leave_runtime_directory(const std::string& path) {
    if (path.empty()) return;
    unlink((fs::path(path) / kMark).c_str());
    rmdir(path.c_str());
}

}  // namespace ethlink::dpdk
