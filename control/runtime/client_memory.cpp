// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/client_memory.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

namespace ethlink::control {
namespace {

Unexpected<std::string> failure(const std::string& what) {
    return Unexpected<std::string>(what + ": " + std::strerror(errno));
}

/// The memory is taken now: later would be a signal instead of an error.
bool reserve(int descriptor, std::uint64_t bytes) {
    const auto size = static_cast<off_t>(bytes);
    if (ftruncate(descriptor, size) != 0) return false;
    int failed = 0;
    do {
        failed = fallocate(descriptor, 0, 0, size);
    } while (failed != 0 && errno == EINTR);
    return failed == 0;
}

}  // namespace

Expected<ClientMemory, std::string> ClientMemory::create(const std::string& name,
                                                         std::uint64_t bytes) {
    if (bytes == 0 || bytes > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
        return Unexpected<std::string>("no memory can have " + std::to_string(bytes) + " bytes");
    }
    ClientMemory memory;
    memory.descriptor_ =
        FileDescriptor(memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory.descriptor_) return failure("cannot create shared memory");
    const int descriptor = memory.descriptor();
    if (!reserve(descriptor, bytes)) {
        return failure("cannot get " + std::to_string(bytes) + " bytes of shared memory");
    }
    if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return failure("cannot seal shared memory");
    }
    void* mapped =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    if (mapped == MAP_FAILED) return failure("cannot map shared memory");
    memory.bytes_ = {static_cast<std::byte*>(mapped), bytes};
    return memory;
}

ClientMemory::~ClientMemory() {
    if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

}  // namespace ethlink::control
