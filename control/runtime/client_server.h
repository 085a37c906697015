// SPDX-License-Identifier: BSD-3-Clause
// The socket by which programs get sessions, windows and channels of an endpoint.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/runtime/client_backend.h"
#include "control/runtime/client_listener.h"
#include "control/runtime/client_memory.h"
#include "dataplane/client/control_messages.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::control {

/// What programs may take of the endpoint. Beyond it they get an error, others notice nothing.
struct ClientQuota {
    std::size_t connections = 64;                          // sessions among them
    std::uint64_t session_window_bytes = 1ull << 30;       // windows of one session together
    std::uint64_t all_window_bytes = 4ull << 30;           // windows of all sessions together
    std::uint32_t depth = client::kDepthDefault;           // requests outstanding of one session
    Duration hello_within = std::chrono::seconds(5);       // else the connection is closed
    Duration connect_timeout_max = std::chrono::hours(1);  // what a program may ask for
};

/// Has no thread: the control thread turns it with serve().
///
/// One request of a connection at a time: nothing more is read before the reply has been taken.
/// Whoever sends anything but a well-formed request, or ends his half of the connection, loses the
/// session; so does whoever dies. All that a session had is then given back, memory last: when the
/// backend says that nothing touches it any more.
class ClientServer {
public:
    using Log = std::function<void(const std::string&)>;

    /// The backend outlives the server. Errors are sentences.
    static Expected<std::unique_ptr<ClientServer>, std::string> open(const std::string& path,
                                                                     const ClientAccess& access,
                                                                     const ClientQuota& quota,
                                                                     ClientBackend& backend);
    /// Unmaps everything: the backend must have stopped, or empty() must hold.
    ~ClientServer();
    ClientServer(const ClientServer&) = delete;
    ClientServer& operator=(const ClientServer&) = delete;

    /// Waits until there is something to do, at most `timeout`; does it, and returns.
    void serve(Duration timeout);
    /// Readable when serve() has something to do, for a poll() over several things.
    int descriptor() const { return epoll_.get(); }

    /// Ends all sessions; go on with serve() until empty().
    void close_all();
    bool empty() const { return connections_.empty(); }

    /// Refused connections and ended sessions are told here, one every kLogEvery at most.
    void set_log(Log log) { log_ = std::move(log); }
    static constexpr Duration kLogEvery = std::chrono::seconds(10);

    const std::string& path() const { return listener_.path(); }
    /// Those included that are being given back.
    std::size_t connections() const { return connections_.size(); }
    std::uint64_t window_bytes() const { return window_bytes_; }
    std::uint64_t refused() const { return refused_; }

private:
    using Clock = std::chrono::steady_clock;

    struct Window {
        ClientMemory memory;
        std::uint64_t key = 0;
        bool busy = true;  // being added or removed
    };
    enum class Stage : std::uint8_t {
        kGreeting,  // no session yet
        kSession,
        kLeaving,  // its memory awaits detach_session's done
        kGone,     // nothing is left
    };
    struct Connection {
        SessionId id;
        FileDescriptor socket;
        Clock::time_point since;
        Stage stage = Stage::kGreeting;
        bool attached = false;  // the backend knows the session
        bool awaiting = false;  // the backend has not called done for the request
        bool closing = false;   // the last reply is on its way
        ClientMemory memory;
        std::map<std::uint16_t, Window> windows;
        std::bitset<client::kPeersMax> peers;       // open, or being opened or closed
        std::bitset<client::kPeersMax> peers_busy;  // being opened or closed
        std::uint64_t window_bytes = 0;
        std::optional<client::Reply> reply;  // not yet taken by the socket
        int passed = -1;                     // the descriptor that goes with it
        std::uint32_t events = 0;            // as told to epoll
    };

    ClientServer(ClientListener listener, FileDescriptor epoll, const ClientQuota& quota,
                 ClientBackend& backend);

    int patience(Duration timeout) const;
    void watch_listener(bool watch);
    void accept_all(Clock::time_point now);
    void admit(FileDescriptor socket, Clock::time_point now);
    void refuse(const FileDescriptor& socket, Verdict verdict);
    void on_events(Connection& connection, std::uint32_t events);
    void watch(Connection& connection);
    void receive(Connection& connection);
    void sweep(Clock::time_point now);
    void tell(const std::string& line);

    /// What the backend is to call when it has done: `then(connection, verdict ...)` is called if
    /// the connection is still known.
    template <class Then>
    auto awaited(const Connection& connection, Then then) {
        ++awaited_;
        return [this, id = connection.id, then = std::move(then)](const Verdict& verdict,
                                                                  auto... more) {
            --awaited_;
            if (Connection* const known = find(id)) then(*known, verdict, more...);
        };
    }

    // Requests: client_requests.cpp.
    void handle(Connection& connection, const client::Request& request);
    void on_hello(Connection& connection, const client::Request& request);
    void on_register(Connection& connection, const client::Request& request);
    void on_deregister(Connection& connection, const client::Request& request);
    void on_connect(Connection& connection, const client::Request& request);
    void on_disconnect(Connection& connection, const client::Request& request);
    std::optional<Verdict> over_quota(const Connection& connection, std::uint64_t bytes) const;
    void registered(Connection& connection, const client::Request& request, std::uint16_t window,
                    const Verdict& verdict, std::uint64_t key);
    void forget_window(Connection& connection, std::uint16_t window);
    client::Limits limits() const;

    // Replies.
    Connection* find(SessionId id);
    void answer(Connection& connection, const client::Request& request, const Verdict& verdict,
                client::Reply reply = {}, int passed = -1);
    void say_goodbye(Connection& connection, const Verdict& verdict);
    void send_reply(Connection& connection);
    void leave(Connection& connection);

    ClientListener listener_;
    FileDescriptor epoll_;
    ClientQuota quota_;
    ClientBackend* backend_;
    std::map<SessionId, std::unique_ptr<Connection>> connections_;
    std::uint64_t next_id_ = 1;
    std::uint64_t window_bytes_ = 0;
    std::size_t awaited_ = 0;  // dones that the backend owes
    std::uint64_t refused_ = 0;
    Clock::time_point accept_after_{};  // no descriptors left: try again then
    bool listening_ = false;
    Clock::time_point log_after_{};
    std::uint64_t untold_ = 0;
    Log log_;
};

}  // namespace ethlink::control
