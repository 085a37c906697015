// SPDX-License-Identifier: BSD-3-Clause
// A program's end of a session: puts requests into shared memory and takes completions out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/client/abi.h"
#include "dataplane/client/include/ethlink/ethlink.h"
#include "dataplane/client/library/control_channel.h"

namespace ethlink::client {

class Session;

/// A mapped descriptor that the daemon has passed.
class Mapping {
public:
    Mapping() = default;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    /// Closes the descriptor. False if it holds less than `bytes`, or cannot be mapped.
    bool map(int descriptor, std::size_t bytes);
    /// A forked child does not get it.
    void keep_from_children();

    std::byte* bytes() const { return bytes_; }
    std::size_t size() const { return size_; }

private:
    std::byte* bytes_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ethlink::client

/// What the C API hands out.
struct ethlink_window {
    ethlink::client::Session* session = nullptr;
    ethlink::client::Mapping memory;
    std::uint64_t key = 0;
    std::size_t length = 0;
    std::uint16_t number = 0;
};

namespace ethlink::client {

/// One thread. A slot belongs to a request from its submission until its completion is taken out of
/// the ring; completions for poll() that come while run() waits are kept here, no more than depth.
class Session {
public:
    Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Slow calls: over the socket.

    int open(const char* where, std::int64_t timeout_us);
    int alloc_window(std::size_t bytes, unsigned rights, ethlink_window** window);
    int free_window(ethlink_window* window);
    int connect(std::uint16_t gpu, PeerClass peer_class, std::int64_t timeout_us,
                std::uint16_t* peer);
    int disconnect(std::uint16_t peer);
    const Limits& limits() const { return limits_; }

    void set_spin(std::uint32_t us) { spin_ns_ = std::int64_t{us} * 1000; }

    // Requests. `from`: data that travels in the request or its slot; `to`: where data of a Load
    // goes.

    /// Ends with a completion for poll().
    int post(RawSubmission& raw, const void* from, void* to);
    /// Waits for the end. `value`: what an atomic found.
    int run(RawSubmission& raw, const void* from, void* to, std::uint64_t* value,
            std::int64_t timeout_us);

    int poll(ethlink_completion* completions, int max);
    int wait(ethlink_completion* completions, int max, std::int64_t timeout_us);
    std::uint32_t outstanding() const { return posted_; }

private:
    enum class Owner : std::uint8_t {
        kNobody,
        kPoll,    // its end goes to poll()
        kCaller,  // run() waits for it
        kForgot,  // run() waits no longer
    };
    struct Pending {
        void* to = nullptr;
        std::uint64_t cookie = 0;
        std::uint32_t length = 0;
        std::uint8_t opcode = 0;
        Owner owner = Owner::kNobody;
    };
    enum class Settled : std::uint8_t { kNothing, kForPoll, kOther };
    /// One call that waits.
    struct Waiting {
        std::int64_t timeout_ns = 0;
        std::int64_t deadline = 0;  // 0: the clock has not been read yet
        std::int64_t spin_until = 0;
        std::int64_t sleep_ns = 0;
    };

    int submit(RawSubmission& raw, const void* from, void* to, Owner owner);
    int await(std::uint16_t slot, std::int64_t timeout_us, std::uint64_t* value);
    Settled settle(ethlink_completion& completion);
    void collect();
    void keep(const ethlink_completion& completion);
    bool pause(Waiting& waiting);
    void sleep(std::int64_t limit_ns);
    bool has_completion() const { return is_written(view_.completion(taken_), taken_); }
    void look_after_daemon(std::int64_t now);
    void end();
    int closed() const;
    int ask(Request request, std::int64_t timeout_us, Reply& reply, int& passed);
    int take_memory(int descriptor);

    // What the fast path touches.
    SessionView view_;
    std::uint32_t next_ = 0;   // submissions written
    std::uint32_t taken_ = 0;  // completions taken
    std::uint32_t free_count_ = 0;
    std::uint32_t posted_ = 0;  // for poll(), not yet given out
    bool ended_ = false;
    bool result_there_ = false;  // of the one request that run() waits for
    ethlink_completion result_{};
    std::unique_ptr<Pending[]> pending_;     // by slot
    std::unique_ptr<std::uint16_t[]> free_;  // slots; the last used is the next used

    std::uint32_t empty_polls_ = 0;
    std::int64_t looked_at_ = 0;  // when the daemon was last looked after
    std::int64_t spin_ns_ = 50'000;
    std::unique_ptr<ethlink_completion[]> kept_;  // a ring
    std::uint32_t kept_head_ = 0;
    std::uint32_t kept_tail_ = 0;

    ControlChannel channel_;
    Mapping memory_;
    Limits limits_;
    std::vector<std::unique_ptr<ethlink_window>> windows_;
};

}  // namespace ethlink::client

/// What the C API hands out.
struct ethlink_session {
    ethlink::client::Session session;
};
