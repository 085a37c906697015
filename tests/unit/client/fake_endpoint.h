// SPDX-License-Identifier: BSD-3-Clause
// An endpoint without a fabric: one poll thread that carries requests out on the windows that
// programs have registered, whoever they belong to.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "control/runtime/client_backend.h"
#include "dataplane/client/session_port.h"

namespace ethlink::client::test {

/// Which GPUs answer, and how.
inline constexpr std::uint16_t kOwnGpu = 0x0201;
inline constexpr std::uint16_t kPeerGpu = 0x0202;         // what is sent to it comes back
inline constexpr std::uint16_t kUnreachableGpu = 0x0203;  // cannot be connected to
inline constexpr std::uint16_t kSilentGpu = 0x0204;       // connects, and answers no request
inline constexpr std::uint16_t kSlowGpu = 0x0205;         // answers after kSlow

inline constexpr std::chrono::milliseconds kSlow{30};

/// The poll thread owns all state but the two queues.
class FakeEndpoint : public control::ClientBackend {
public:
    FakeEndpoint();
    ~FakeEndpoint() override;

    void turn() override;
    GpuId gpu() const override { return GpuId{kOwnGpu}; }
    void attach_session(control::SessionId id, std::span<std::byte> memory, std::uint32_t depth,
                        Done done) override;
    void detach_session(control::SessionId id, Done done) override;
    void add_window(control::SessionId id, std::uint16_t window, std::span<std::byte> bytes,
                    std::uint8_t rights, Registered done) override;
    void remove_window(control::SessionId id, std::uint16_t window, Done done) override;
    void open_channel(control::SessionId id, std::uint16_t peer, GpuId gpu, PeerClass peer_class,
                      Duration timeout, Done done) override;
    void close_channel(control::SessionId id, std::uint16_t peer, Done done) override;
    const char* broken(control::SessionId id) override;

    std::uint64_t wakes() const { return wakes_.load(); }

private:
    using Clock = std::chrono::steady_clock;
    struct Slow {
        Clock::time_point due;
        Submission submission;
    };
    struct Channel {
        std::uint16_t gpu = 0;
        std::deque<Submission> receives;
    };
    struct RemoteWindow {
        std::span<std::byte> bytes;
        std::uint8_t rights = 0;
    };
    struct Session {
        SessionPort port;
        std::map<std::uint16_t, Channel> channels;
        std::map<std::uint16_t, std::uint64_t> keys;  // by window
        std::vector<Submission> silent;
        std::deque<Slow> slow;
        Session(std::span<std::byte> memory, std::uint32_t depth) : port(memory, depth) {}
    };

    void run();
    /// On the poll thread; `done` then comes in turn().
    void command(std::function<void()> work);
    void finish(std::function<void()> done);
    bool poll(Session& session);
    void carry_out(Session& session, const Submission& submission);
    Completion load(const Submission& submission);
    Completion store(const Submission& submission);
    Completion atomic(const Submission& submission);
    void bulk(Session& session, const Submission& submission);
    void deliver(Session& session, const Submission& submission);
    static void cancel(Session& session, const std::function<bool(const Submission&)>& which);
    std::byte* find(const Submission& submission, std::uint8_t right);

    std::mutex mutex_;  // of the queues and of broken_
    std::deque<std::function<void()>> commands_;
    std::deque<std::function<void()>> finished_;
    std::map<control::SessionId, const char*> broken_;

    std::map<control::SessionId, std::unique_ptr<Session>> sessions_;
    std::map<std::uint64_t, RemoteWindow> remote_;
    std::atomic<std::uint64_t> wakes_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace ethlink::client::test
