// SPDX-License-Identifier: BSD-3-Clause
// The slow calls: what is asked of the daemon over the socket.
#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "dataplane/client/library/clock.h"
#include "dataplane/client/library/last_error.h"
#include "dataplane/client/library/session.h"

namespace ethlink::client {
namespace {

/// Beyond the time that the caller has given: for calls that have none, and for the daemon to tell
/// of a timeout. A control thread that is silent for so long is taken for dead.
constexpr std::int64_t kAnswerWithinUs = 10'000'000;

Request request_of(MessageType type, std::uint32_t number, std::uint64_t value = 0) {
    Request request;
    request.type = static_cast<std::uint16_t>(type);
    request.number = number;
    request.value = value;
    return request;
}

}  // namespace

Mapping::~Mapping() {
    if (bytes_ != nullptr) munmap(bytes_, size_);
}

bool Mapping::map(int descriptor, std::size_t bytes) {
    struct stat status {};
    const bool holds = descriptor >= 0 && fstat(descriptor, &status) == 0 &&
                       static_cast<std::uint64_t>(status.st_size) >= bytes;
    void* mapped = holds ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
                         : MAP_FAILED;
    if (descriptor >= 0) close(descriptor);
    if (mapped == MAP_FAILED) return false;
    bytes_ = static_cast<std::byte*>(mapped);
    size_ = bytes;
    return true;
}

void Mapping::keep_from_children() {
    madvise(bytes_, size_, MADV_DONTFORK);
}

int Session::ask(Request request, std::int64_t timeout_us, Reply& reply, int& passed) {
    if (ended_) return closed();
    const std::int64_t deadline = monotonic_ns() + timeout_us * 1000;
    const int status = channel_.ask(request, deadline, reply, passed);
    if (channel_.dead()) end();
    return status;
}

int Session::open(const char* where, std::int64_t timeout_us) {
    if (const int status = channel_.open(find_socket(where)); status != 0) return status;
    Reply reply;
    int passed = -1;
    const Request hello = request_of(MessageType::kHello, kAbiVersion);
    const std::int64_t deadline = monotonic_ns() + timeout_us * 1000;
    if (const int status = channel_.ask(hello, deadline, reply, passed); status != 0) {
        return status;
    }
    limits_ = reply.limits;
    return take_memory(passed);
}

int Session::take_memory(int descriptor) {
    const std::uint32_t depth = limits_.depth;
    if (!is_depth(depth) || !memory_.map(descriptor, session_bytes(depth))) {
        return fail(ETHLINK_SYSTEM, "the session's memory cannot be mapped");
    }
    memory_.keep_from_children();
    view_ = SessionView::at(memory_.bytes(), depth);
    const ControlBlock& control = *view_.control;
    if (control.magic != kSessionMagic || control.abi_version != kAbiVersion ||
        control.depth != depth) {
        return fail(ETHLINK_VERSION, "the session's memory is of another version");
    }
    pending_ = std::make_unique<Pending[]>(depth);
    free_ = std::make_unique<std::uint16_t[]>(depth);
    kept_ = std::make_unique<ethlink_completion[]>(depth);
    for (free_count_ = 0; free_count_ < depth; ++free_count_) {
        free_[free_count_] = static_cast<std::uint16_t>(depth - 1 - free_count_);
    }
    return ETHLINK_OK;
}

int Session::alloc_window(std::size_t bytes, unsigned rights, ethlink_window** window) {
    Reply reply;
    int passed = -1;
    const Request request = request_of(MessageType::kRegister, rights, bytes);
    const int status = ask(request, kAnswerWithinUs, reply, passed);
    if (status != ETHLINK_OK) return status;
    auto made = std::make_unique<ethlink_window>();
    made->session = this;
    made->key = reply.value;
    made->length = bytes;
    made->number = static_cast<std::uint16_t>(reply.number);
    if (!made->memory.map(passed, bytes)) {
        ask(request_of(MessageType::kDeregister, reply.number), kAnswerWithinUs, reply, passed);
        return fail(ETHLINK_SYSTEM, "the window's memory cannot be mapped");
    }
    *window = made.get();
    windows_.push_back(std::move(made));
    return ETHLINK_OK;
}

int Session::free_window(ethlink_window* window) {
    Reply reply;
    int passed = -1;
    const Request request = request_of(MessageType::kDeregister, window->number);
    const int status = ask(request, kAnswerWithinUs, reply, passed);
    std::erase_if(windows_, [window](const auto& other) { return other.get() == window; });
    return status;
}

int Session::connect(std::uint16_t gpu, PeerClass peer_class, std::int64_t timeout_us,
                     std::uint16_t* peer) {
    Reply reply;
    int passed = -1;
    const std::uint32_t number = gpu | static_cast<std::uint32_t>(peer_class) << 16;
    const Request request =
        request_of(MessageType::kConnect, number, static_cast<std::uint64_t>(timeout_us));
    const int status = ask(request, timeout_us + kAnswerWithinUs, reply, passed);
    if (status == ETHLINK_OK) *peer = static_cast<std::uint16_t>(reply.number);
    return status;
}

int Session::disconnect(std::uint16_t peer) {
    Reply reply;
    int passed = -1;
    return ask(request_of(MessageType::kDisconnect, peer), kAnswerWithinUs, reply, passed);
}

}  // namespace ethlink::client
