// SPDX-License-Identifier: BSD-3-Clause
// The programs that use an endpoint: their requests go to its channels, its completions to them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/client/session_port.h"
#include "dataplane/spsc_ring.h"
#include "dataplane/txn_endpoint.h"
#include "proto/ids.h"
#include "proto/time.h"

namespace ethlink {

/// A program's session with what the poll thread keeps of it. Made and freed by the control thread.
struct ClientSession {
    ClientSession(std::uint64_t id_, std::span<std::byte> memory, std::uint32_t depth)
        : id(id_), port(memory, depth), receives(depth) {}

    static constexpr std::uint16_t kNone = 0xFFFF;
    struct Peer {
        enum class State : std::uint8_t { kFree, kOpening, kOpen, kEnded };
        State state = State::kFree;
        ChannelHandle channel;
        txn::ChannelClass kind{};
        GpuId gpu{};
        std::uint64_t call = 0;  // whom to tell that it has opened
        Time open_until{};
        std::uint16_t first = kNone, last = kNone;  // posted receives, by slot
    };
    struct Receive {
        std::span<std::byte> bytes;
        std::uint16_t next = kNone;
    };

    std::uint64_t id;
    client::SessionPort port;
    std::array<Peer, client::kPeersMax> peers;
    std::array<std::uint64_t, client::kWindowsMax> keys{};  // 0: not open to others
    std::vector<Receive> receives;                          // by slot
};

/// What the control thread asks of the poll thread.
struct ClientCommand {
    enum class Type : std::uint8_t {
        kAttach,
        kDetach,
        kAddWindow,
        kRemoveWindow,
        kOpenChannel,
        kCloseChannel
    };
    Type type{};
    std::uint64_t call = 0;  // comes back in the answer
    std::uint64_t session = 0;
    std::uint16_t number = 0;  // window or peer
    std::unique_ptr<ClientSession> attached{};
    std::span<std::byte> bytes{};
    std::uint64_t key = 0;
    std::uint8_t rights = 0;
    GpuId gpu{};
    txn::ChannelClass kind{};
    Duration timeout{};
};

struct ClientAnswer {
    std::uint64_t call = 0;
    client::Status status{};
    bool key_is_taken = false;  // draw another one
    std::unique_ptr<ClientSession> detached{};
};

/// What programs had done for them.
struct ClientCounters {
    Counter transactions;  // completed, however; receives are not counted
    Counter errors;        // of these, not with ok
    Counter bytes;         // moved by those with ok
    Gauge sessions;
};

/// The poll thread's side belongs to one worker; commands() and answers() are how the control
/// thread reaches it.
class EndpointClients final : public ChannelEvents, public txn::ReceiveQueue {
public:
    static constexpr std::size_t kSessionsMax = 64;

    /// The endpoint that these are clients of is made with this as its ReceiveQueue.
    EndpointClients(Tenant tenant, std::uint32_t channels_max)
        : tenant_(tenant), owners_(channels_max), commands_(256), answers_(4096) {
        waiting_.reserve(kSessionsMax);  // Each program has one call under way.
    }
    void bind(TxnEndpoint& endpoint) { endpoint_ = &endpoint; }

    // Control thread.
    SpscRing<ClientCommand>& commands() { return commands_; }
    SpscRing<ClientAnswer>& answers() { return answers_; }
    const ClientCounters& counters() const { return counters_; }

    // Poll thread.

    /// Carries out commands and takes requests. True if there were any.
    bool poll(Time now);
    /// Answers that had to wait; call about every 50 us.
    void on_time(Time now);
    /// Once a turn, last: wakes programs that sleep.
    void flush() {
        for (std::size_t i = 0; i < sessions_end_; ++i) {
            if (sessions_[i]) sessions_[i]->port.flush();
        }
    }

    void on_completion(const txn::Completion& completion) override;
    void on_channel(ChannelHandle channel, wire::TxnStatus status) override;
    std::optional<txn::ReceiveBuffer> claim(GpuId from) override;
    void deliver(const txn::ReceiveBuffer& buffer, const txn::Received& received) override;

private:
    using Peer = ClientSession::Peer;
    struct Owner {
        std::uint32_t session = 0;  // index
        std::uint16_t peer = 0;
    };
    struct Waiting {  // a window that is to go once nobody uses it
        std::uint64_t call = 0;
        std::uint32_t session = 0;
        std::uint16_t window = 0;
    };
    // Requests a turn takes from all sessions, and at least from each: many share what a turn costs
    // (half the price of a small store, with 64 of them), and none waits long for the others.
    static constexpr std::size_t kTurn = 256;
    static constexpr std::size_t kShareMin = 32;

    void carry_out(ClientCommand& command, Time now);
    void attach(ClientCommand& command);
    void detach(const ClientCommand& command, std::size_t index, Time now);
    void add_window(const ClientCommand& command, ClientSession& session);
    void remove_window(const ClientCommand& command, std::size_t index);
    void open_channel(const ClientCommand& command, std::size_t index, Time now);
    void close_channel(const ClientCommand& command, ClientSession& session, Time now);
    bool take_requests(std::size_t index, std::size_t most, Time now);
    bool take(std::size_t index, const client::Submission& submission, Time now);
    void post(ClientSession& session, const client::Submission& submission);
    void cancel_receives(std::size_t index, std::span<std::byte> within);
    void cancel_posted(ClientSession& session, Peer& peer, std::span<std::byte> within);
    void answer(std::uint64_t call, client::Status status) { answer({call, status, false, {}}); }
    void answer(ClientAnswer&& answer);
    void give_up_opening(Time now);
    std::optional<std::size_t> find(std::uint64_t session) const;

    Tenant tenant_;
    TxnEndpoint* endpoint_ = nullptr;
    std::array<std::unique_ptr<ClientSession>, kSessionsMax> sessions_;
    std::size_t sessions_end_ = 0;  // behind the last one
    std::size_t opening_ = 0;       // channels
    std::vector<Owner> owners_;     // of channels, by index
    std::vector<Waiting> waiting_;
    ClientCounters counters_;
    SpscRing<ClientCommand> commands_;
    SpscRing<ClientAnswer> answers_;
};

}  // namespace ethlink
