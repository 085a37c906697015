// SPDX-License-Identifier: BSD-3-Clause
// One GPU's end of the transaction layer: its channels, its memory windows, whom it answers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/channel_map.h"
#include "dataplane/ready_set.h"
#include "dataplane/secret_random.h"
#include "proto/counter.h"
#include "proto/drop.h"
#include "proto/ids.h"
#include "proto/txn/initiator.h"
#include "proto/txn/open_body.h"
#include "proto/txn/target.h"
#include "proto/wire/frame.h"

namespace ethlink {

/// The VCs of one class of channels. A request and its response never share one (S10).
struct ClassVcs {
    Vc request{};
    Vc response{};
    std::uint8_t request_dscp = 0;
    std::uint8_t response_dscp = 0;
};

struct TxnIdentity {
    GpuId self{};
    Tenant tenant{};
    std::uint64_t epoch = 0;            // random: tells this life from the last one
    std::uint16_t ports = 1;            // at most 32; tracks: any of them leads to every peer
    std::array<ClassVcs, 2> classes{};  // by txn::ChannelClass
};

struct TxnLimits {
    std::uint32_t initiators = 64;          // channels opened from here
    std::uint32_t targets = 64;             // channels opened to here ...
    std::uint32_t targets_per_source = 16;  // ... by one GPU (T7)
    std::uint32_t windows = 1024;           // a power of two
};

enum class TxnStat : std::uint8_t {
    kServed,  // items executed for others: transactions, or parts of messages
    kTxFrames,
    kRxFrames,
    kRetries,
    kPathChanges,
    kChannelsOpened,
    kChannelsFailed,
    kChannelsRefused,
    kKeyErrors,
    kCount
};

constexpr std::string_view name(TxnStat stat) {
    switch (stat) {
        case TxnStat::kServed: return "served";
        case TxnStat::kTxFrames: return "tx_frames";
        case TxnStat::kRxFrames: return "rx_frames";
        case TxnStat::kRetries: return "retries";
        case TxnStat::kPathChanges: return "path_changes";
        case TxnStat::kChannelsOpened: return "channels_opened";
        case TxnStat::kChannelsFailed: return "channels_failed";
        case TxnStat::kChannelsRefused: return "channels_refused";
        case TxnStat::kKeyErrors: return "key_errors";
        case TxnStat::kCount: break;
    }
    return {};
}

/// A channel from here. The generation tells a closed one from its successor.
struct ChannelHandle {
    std::uint16_t index = 0;
    std::uint16_t generation = 0;
    friend bool operator==(const ChannelHandle&, const ChannelHandle&) = default;
};

/// What happens to a channel besides completions.
class ChannelEvents : public txn::CompletionSink {
public:
    /// The target has answered, or (with an error) the channel has ended; after an error nothing
    /// more is heard of it and it is closed.
    virtual void on_channel(ChannelHandle channel, wire::TxnStatus status) = 0;

protected:
    ~ChannelEvents() = default;
};

/// Belongs to one worker. All memory is taken at construction.
class TxnEndpoint {
public:
    TxnEndpoint(const TxnIdentity& identity, const txn::TxnProfile& profile,
                const TxnLimits& limits, txn::ReceiveQueue& receives, const SecretRandom& random);

    /// What the constructor takes for channels.
    static std::uint64_t bytes_needed(const txn::TxnProfile& profile, const TxnLimits& limits);

    // Channels from here.

    /// Begins to open a channel; nothing if there is no room. `events` outlives the channel.
    std::optional<ChannelHandle> open(GpuId peer, txn::ChannelClass kind, ChannelEvents& events,
                                      Time now);
    /// Ends the channel: what is outstanding completes with kCancelled.
    void close(ChannelHandle channel, Time now);
    bool is_open(ChannelHandle channel) const { return find(channel) != nullptr; }
    /// Whether submit() may be called: the channel runs and has room.
    bool has_room(ChannelHandle channel) const;
    /// False if the request contradicts itself; then it was not taken.
    [[nodiscard]] bool submit(ChannelHandle channel, const txn::Request& request, Time now) {
        return submit(channel, now, [&](txn::Request& to) { to = request; });
    }
    /// The same for a request that `fill(txn::Request&)` writes in its place; it writes all of it.
    template <class Fill>
    [[nodiscard]] bool submit(ChannelHandle channel, Time now, Fill fill) {
        if (!from_[channel.index].initiator->submit(now, fill)) return false;
        ready_from_.add(channel.index);
        return true;
    }

    txn::WindowTable& windows() { return window_table_; }
    /// Gives back the receive buffers of incoming messages for which `is_it(buffer)`.
    template <class IsIt>
    void drop_receives(IsIt is_it) {
        for (To& to : to_) {
            if (to.used && to.target->receive() && is_it(*to.target->receive())) {
                to.target->drop_receive();
            }
        }
    }

    // The wire.

    /// A frame for this GPU whose ICRC is good.
    Drop on_frame(const wire::FrameView& view, const wire::TxnView& frame, PortId from, Vc vc,
                  Time now);
    /// Timers. `is_up(port)`: whether a path can be used.
    template <class IsUp>
    void on_time(Time now, IsUp is_up);
    /// Writes all that may go. `sender.begin(port, vc)` gives room for one frame or an empty span;
    /// `sender.commit(bytes)` takes what was written there. True if anything was.
    template <class Sender>
    bool send(Sender& sender, Time now);

    const CounterSet<TxnStat>& stats() const { return *stats_; }
    const TxnIdentity& identity() const { return identity_; }
    /// Transactions under way from here; responses that a peer has not acknowledged.
    std::uint32_t outstanding() const;

private:
    enum class State : std::uint8_t { kFree, kOpening, kOpen };
    /// A path is a port and an entropy: the port chooses the track, the entropy the spine.
    struct Path {
        PortId port{};
        std::uint16_t entropy = 0;
    };
    struct From {
        State state = State::kFree;
        std::uint16_t generation = 0;
        GpuId peer{};
        txn::ChannelClass kind{};
        Path path;
        std::uint64_t nonce = 0;
        txn::Psn first;
        Time opened_at{}, open_again{}, keep_alive{};
        ChannelEvents* events = nullptr;
        std::unique_ptr<txn::Transaction[]> ring;
        std::optional<txn::Initiator> initiator;
    };
    struct To {
        bool used = false;
        std::uint16_t channel = 0;  // the initiator's number
        GpuId peer{};
        txn::ChannelClass kind{};
        Path path;
        std::uint64_t nonce = 0;
        txn::Psn first;  // of the responses
        Time heard{};
        std::unique_ptr<txn::Response[]> ring;
        std::unique_ptr<std::byte[]> store;
        std::optional<txn::Target> target;
    };
    /// A frame without items that waits to go out.
    struct Reply {
        GpuId peer{};
        Path path;
        Vc vc{};
        std::uint8_t dscp = 0;
        wire::TxnHeader header;
        std::array<std::byte, txn::OpenBody::kOpenedSize> body{};
        std::size_t body_size = 0;
    };

    const From* find(ChannelHandle channel) const;
    From* find(ChannelHandle channel);
    ChannelHandle handle(std::size_t index) const;
    const ClassVcs& vcs(txn::ChannelClass kind) const {
        return identity_.classes[static_cast<std::size_t>(kind)];
    }
    /// What the links take, with the tag that ours carry.
    std::size_t frame_bytes_max() const {
        return profile_.frame_bytes_max + (identity_.tenant.value != 0 ? wire::VlanTag::kSize : 0);
    }
    Path fresh_path(PortId port) { return {port, static_cast<std::uint16_t>(random_.next())}; }

    Drop on_response(const wire::FrameView& view, const wire::TxnView& frame, PortId port,
                     Time now);
    Drop on_opened(From& from, std::size_t index, const wire::TxnView& frame, Time now);
    Drop on_refused(From& from, std::size_t index, const wire::TxnView& frame);
    Drop on_request(const wire::FrameView& view, const wire::TxnView& frame, PortId port, Vc vc,
                    Time now);
    Drop on_open(const wire::FrameView& view, const wire::TxnView& frame, Path path, Time now);
    To* make_target(GpuId peer, std::uint16_t channel, Time now);
    void end_target(std::size_t index);
    void end(std::size_t index, wire::TxnStatus sent, wire::TxnStatus unsent);
    void reset(GpuId peer, std::uint16_t channel, std::uint8_t flags, Path path, Vc arrived,
               txn::Psn echo, wire::ResetReason reason);
    void queue_open(const From& from, std::size_t index);
    void queue_opened(const To& to);
    bool push_reply(const Reply& reply);
    void keep_time(std::size_t index, From& from, std::uint32_t usable, Time now);
    void keep_time(std::size_t index, To& to, std::uint32_t usable, Time now);
    void keep_opening(std::size_t index, From& from, std::uint32_t usable, Time now);
    Path next_path(const Path& path, std::uint32_t usable);
    template <class Half>
    void keep_path(Half& half, Path& path, std::uint32_t usable, bool retried, Time now);

    template <class Sender>
    bool send_replies(Sender& sender);
    template <class Sender, class Half>
    bool send_channel(Sender& sender, Half& half, const Path& path, Vc vc, std::uint8_t dscp,
                      GpuId peer, std::uint16_t channel, Time now);
    std::size_t write_reply(std::span<std::byte> buffer, const Reply& reply);
    std::size_t write(wire::TxnWriter& writer, const wire::TxnHeader& header, const Path& path,
                      std::uint8_t dscp, GpuId peer);

    TxnIdentity identity_;
    txn::TxnProfile profile_;
    TxnLimits limits_;
    txn::ReceiveQueue* receives_;
    SecretRandom random_;  // first PSNs, and the entropy of paths
    std::vector<txn::Window> window_slots_;
    txn::WindowTable window_table_;
    std::size_t from_end_ = 0;  // behind the last one that was ever used: they fill from the front
    std::size_t to_end_ = 0;
    std::vector<From> from_;
    std::vector<To> to_;
    ChannelMap to_by_peer_;
    ReadySet ready_from_, ready_to_;
    std::vector<Reply> replies_;
    std::uint32_t first_path_ = 0;
    std::uint32_t opens_ = 0;
    std::unique_ptr<CounterSet<TxnStat>> stats_;
};

// Sending.

template <class Sender>
bool TxnEndpoint::send(Sender& sender, Time now) {
    bool any = !replies_.empty() && send_replies(sender);
    ready_to_.for_each([&](std::size_t i) {  // Responses first: they free what others wait for.
        To& to = to_[i];
        any |= send_channel(sender, *to.target, to.path, vcs(to.kind).response,
                            vcs(to.kind).response_dscp, to.peer, to.channel, now);
        return !to.target->is_idle();
    });
    ready_from_.for_each([&](std::size_t i) {
        From& from = from_[i];
        any |= send_channel(sender, *from.initiator, from.path, vcs(from.kind).request,
                            vcs(from.kind).request_dscp, from.peer, static_cast<std::uint16_t>(i),
                            now);
        return !from.initiator->is_idle();
    });
    return any;
}

template <class Sender, class Half>
bool TxnEndpoint::send_channel(Sender& sender, Half& half, const Path& path, Vc vc,
                               std::uint8_t dscp, GpuId peer, std::uint16_t channel, Time now) {
    bool any = false;
    while (half.wants_to_send(now)) {
        const std::span<std::byte> buffer = sender.begin(path.port, vc);
        if (buffer.empty()) break;
        wire::TxnWriter writer(buffer.first(std::min(buffer.size(), frame_bytes_max())),
                               identity_.tenant);
        const wire::TxnHeader header = half.fill(writer, channel, now);
        sender.commit(write(writer, header, path, dscp, peer));
        any = true;
    }
    return any;
}

/// What cannot go now waits, and holds up nobody else's.
template <class Sender>
bool TxnEndpoint::send_replies(Sender& sender) {
    return std::erase_if(replies_, [&](const Reply& reply) {
               const std::span<std::byte> buffer = sender.begin(reply.path.port, reply.vc);
               if (buffer.empty()) return false;
               sender.commit(write_reply(buffer, reply));
               return true;
           }) > 0;
}

// Time.

template <class IsUp>
void TxnEndpoint::on_time(Time now, IsUp is_up) {
    std::uint32_t usable = 0;
    for (std::uint16_t port = 0; port < identity_.ports; ++port) {
        if (is_up(PortId{port})) usable |= 1u << port;
    }
    for (std::size_t i = 0; i < from_end_; ++i) {
        if (from_[i].state != State::kFree) keep_time(i, from_[i], usable, now);
    }
    for (std::size_t i = 0; i < to_end_; ++i) {
        if (to_[i].used) keep_time(i, to_[i], usable, now);
    }
}

}  // namespace ethlink
