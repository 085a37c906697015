// SPDX-License-Identifier: BSD-3-Clause
// What the socket for programs asks of the endpoint behind it: sessions, windows, channels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "dataplane/client/abi.h"
#include "dataplane/client/control_messages.h"
#include "proto/ids.h"
#include "proto/time.h"

namespace ethlink::control {

/// A program that is connected. Never used twice in the life of a process.
using SessionId = Id<struct SessionIdTag, std::uint64_t>;

/// How a call ended: a client::Status or client::Refusal, and for people, why.
struct Verdict {
    std::uint16_t status = 0;
    std::string why;

    static Verdict of(client::Status status, std::string why = {}) {
        return {static_cast<std::uint16_t>(status), std::move(why)};
    }
    static Verdict quota(std::string why) { return {client::Refusal::kQuota, std::move(why)}; }
    bool ok() const { return status == 0; }
};

/// All calls come from the control thread and return at once. The end is told by calling `done`
/// once, on the control thread: within the call, or later in turn(). Calls of one session are
/// carried out in their order; after detach_session()'s `done` none of its others may come.
///
/// Memory stays mapped until the `done` of the call that ends its use: remove_window() for a
/// window, detach_session() for the session and whatever windows it still has.
class ClientBackend {
public:
    using Done = std::function<void(Verdict)>;
    using Registered = std::function<void(Verdict, std::uint64_t key)>;

    ClientBackend() = default;
    ClientBackend(const ClientBackend&) = delete;
    ClientBackend& operator=(const ClientBackend&) = delete;
    virtual ~ClientBackend() = default;

    /// Called in each ClientServer::serve(): the place to call what has become due.
    virtual void turn() = 0;

    virtual GpuId gpu() const = 0;

    /// `memory` is formatted; for a client::SessionPort.
    virtual void attach_session(SessionId session, std::span<std::byte> memory, std::uint32_t depth,
                                Done done) = 0;
    /// Closes its channels, removes its windows, ends its requests. It cannot fail.
    virtual void detach_session(SessionId session, Done done) = 0;

    /// From `done` on the key opens the window for remote peers, and requests may name `window`.
    /// Rights are client::WindowRight; 0 = nothing for remote peers.
    virtual void add_window(SessionId session, std::uint16_t window, std::span<std::byte> bytes,
                            std::uint8_t rights, Registered done) = 0;
    /// Receives that name it are cancelled. Done when nothing accesses it any more.
    virtual void remove_window(SessionId session, std::uint16_t window, Done done) = 0;

    /// From `done` on requests may name `peer`. Done no later than after `timeout`.
    virtual void open_channel(SessionId session, std::uint16_t peer, GpuId gpu,
                              client::PeerClass peer_class, Duration timeout, Done done) = 0;
    /// Its outstanding requests end, at worst as cancelled. Done when the number may be used again.
    virtual void close_channel(SessionId session, std::uint16_t peer, Done done) = 0;

    /// Why the session cannot go on (SessionPort::broken()), nullptr if it can.
    virtual const char* broken(SessionId session) = 0;
};

}  // namespace ethlink::control
