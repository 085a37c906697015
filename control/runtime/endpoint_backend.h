// SPDX-License-Identifier: BSD-3-Clause
// Programs' calls at the control socket, carried to the poll thread that owns the endpoint.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "control/runtime/client_backend.h"
#include "dataplane/endpoint_clients.h"

namespace ethlink::control {

/// Belongs to the control thread. A call becomes a command in the ring to the poll thread; its
/// answer is looked for in turn().
///
/// Channels and windows are shared by a dynamic threshold: a program may have one more as long as
/// it has fewer than are left. Alone it gets half of all, and whoever comes later gets some (T7).
class EndpointBackend final : public ClientBackend {
public:
    /// `clients` outlives the backend, and its poll thread runs until all calls are answered.
    EndpointBackend(EndpointClients& clients, GpuId gpu, const TxnLimits& limits = {})
        : clients_(&clients), gpu_(gpu), limits_(limits) {}

    void turn() override;
    GpuId gpu() const override { return gpu_; }
    void attach_session(SessionId session, std::span<std::byte> memory, std::uint32_t depth,
                        Done done) override;
    void detach_session(SessionId session, Done done) override;
    void add_window(SessionId session, std::uint16_t window, std::span<std::byte> bytes,
                    std::uint8_t rights, Registered done) override;
    void remove_window(SessionId session, std::uint16_t window, Done done) override;
    void open_channel(SessionId session, std::uint16_t peer, GpuId gpu,
                      client::PeerClass peer_class, Duration timeout, Done done) override;
    void close_channel(SessionId session, std::uint16_t peer, Done done) override;
    const char* broken(SessionId session) override;

    /// Calls that the poll thread owes an answer.
    std::size_t open_calls() const { return calls_.size(); }

private:
    using Answered = std::function<void(ClientAnswer&)>;
    struct KnownWindow {
        std::span<std::byte> bytes;
        std::uint8_t rights = 0;
    };

    using PeerOf = std::pair<std::uint64_t, std::uint16_t>;  // session, number

    void send(ClientCommand command, Answered answered);
    bool may_open(SessionId session, GpuId gpu) const;
    bool may_register(SessionId session) const;
    void register_window(SessionId session, std::uint16_t window, KnownWindow known,
                         Registered done);

    EndpointClients* clients_;
    GpuId gpu_;
    TxnLimits limits_;
    std::uint64_t next_call_ = 1;
    std::map<std::uint64_t, Answered> calls_;
    std::vector<ClientCommand> waiting_;  // while the ring is full
    std::map<std::uint64_t, const client::SessionPort*> sessions_;
    std::map<PeerOf, KnownWindow> windows_;
    std::map<PeerOf, GpuId> channels_;  // open, or being opened
};

}  // namespace ethlink::control
