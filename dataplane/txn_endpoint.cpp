// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/txn_endpoint.h"

#include <algorithm>
#include <bit>

namespace ethlink {

using txn::ChannelClass;
using txn::OpenBody;
using txn::Psn;
using txn::TimeEvent;
using wire::Opcode;
using wire::ResetReason;
using wire::TxnHeader;
using wire::TxnStatus;

namespace {

constexpr std::size_t kRepliesMax = 64;  // more than that wait for their sender's retry
constexpr Duration kKeepAlive = std::chrono::seconds(1);

constexpr Duration kDeaf = 10 * kKeepAlive;  // not a sign of life: the initiator is gone

/// Load data of any order fits if this much is left over: one wrap, and a gap of a word.
constexpr std::uint32_t kStoreSlack = 2 * (wire::kLoadStoreMax + 16);

}  // namespace

TxnEndpoint::TxnEndpoint(const TxnIdentity& identity, const txn::TxnProfile& profile,
                         const TxnLimits& limits, txn::ReceiveQueue& receives,
                         const SecretRandom& random)
    : identity_(identity),
      profile_(profile),
      limits_(limits),
      receives_(&receives),
      random_(random),
      window_slots_(limits.windows),
      window_table_(window_slots_),
      from_(limits.initiators),
      to_(limits.targets),
      to_by_peer_(limits.targets),
      ready_from_(limits.initiators),
      ready_to_(limits.targets),
      stats_(std::make_unique<CounterSet<TxnStat>>()) {
    const std::size_t n = profile_.transactions_max;
    for (From& from : from_) {
        from.ring = std::make_unique_for_overwrite<txn::Transaction[]>(n);
        from.initiator.emplace(profile_, std::span(from.ring.get(), n));
    }
    for (To& to : to_) {
        to.ring = std::make_unique_for_overwrite<txn::Response[]>(n);
        to.store = std::make_unique_for_overwrite<std::byte[]>(profile_.response_bytes_max);
        to.target.emplace(profile_, txn::Target::Memory{&window_table_, receives_},
                          std::span(to.ring.get(), n),
                          std::span(to.store.get(), profile_.response_bytes_max));
    }
    replies_.reserve(kRepliesMax);
}

std::uint64_t TxnEndpoint::bytes_needed(const txn::TxnProfile& profile, const TxnLimits& limits) {
    const std::uint64_t n = profile.transactions_max;
    return limits.initiators * n * sizeof(txn::Transaction) +
           limits.targets * (n * sizeof(txn::Response) + profile.response_bytes_max) +
           limits.windows * sizeof(txn::Window);
}

// Channels from here.

const TxnEndpoint::From* TxnEndpoint::find(ChannelHandle channel) const {
    if (channel.index >= from_.size()) return nullptr;
    const From& from = from_[channel.index];
    const bool is_it = from.generation == channel.generation && from.state != State::kFree;
    return is_it ? &from : nullptr;
}

TxnEndpoint::From* TxnEndpoint::find(ChannelHandle channel) {
    return const_cast<From*>(std::as_const(*this).find(channel));
}

ChannelHandle TxnEndpoint::handle(std::size_t index) const {
    return {static_cast<std::uint16_t>(index), from_[index].generation};
}

std::optional<ChannelHandle> TxnEndpoint::open(GpuId peer, ChannelClass kind, ChannelEvents& events,
                                               Time now) {
    const auto free = std::ranges::find(from_, State::kFree, &From::state);
    if (free == from_.end()) return std::nullopt;
    From& from = *free;
    from_end_ = std::max(from_end_, static_cast<std::size_t>(free - from_.begin()) + 1);
    from.state = State::kOpening;
    ++from.generation;
    from.peer = peer;
    from.kind = kind;
    from.path = fresh_path(PortId{static_cast<std::uint16_t>(first_path_++ % identity_.ports)});
    from.nonce = OpenBody::make_nonce(identity_.epoch, ++opens_);
    from.first = Psn{static_cast<std::uint32_t>(random_.next())};
    from.opened_at = from.open_again = now;
    from.events = &events;
    return handle(static_cast<std::size_t>(free - from_.begin()));
}

void TxnEndpoint::close(ChannelHandle channel, Time now) {
    From* const from = find(channel);
    if (from == nullptr) return;
    if (from->state == State::kOpen) {
        // If this gets lost, the target hears nothing more and ends the channel by itself.
        reset(from->peer, channel.index, 0, from->path, vcs(from->kind).response, from->first,
              ResetReason::kClosed);
    }
    from->opened_at = now;
    end(channel.index, TxnStatus::kCancelled, TxnStatus::kCancelled);
}

bool TxnEndpoint::has_room(ChannelHandle channel) const {
    const From* const from = find(channel);
    return from != nullptr && from->state == State::kOpen && from->initiator->has_room();
}

std::uint32_t TxnEndpoint::outstanding() const {
    std::uint32_t n = 0;
    for (const From& from : from_)
        n += from.state == State::kOpen ? from.initiator->outstanding() : 0;
    for (const To& to : to_) n += to.used ? to.target->pending() : 0;
    return n;
}

/// A channel from here is over; nothing more is heard of it after its completions and this event.
void TxnEndpoint::end(std::size_t index, TxnStatus sent, TxnStatus unsent) {
    From& from = from_[index];
    ready_from_.remove(index);
    const ChannelHandle channel = handle(index);
    const bool was_open = from.state == State::kOpen;
    from.state = State::kFree;
    if (was_open) from.initiator->fail(sent, unsent, *from.events);
    if (sent != TxnStatus::kCancelled) stats_->add(TxnStat::kChannelsFailed);
    from.events->on_channel(channel, was_open ? sent : unsent);
}

// From the wire.

Drop TxnEndpoint::on_frame(const wire::FrameView& view, const wire::TxnView& frame, PortId from,
                           Vc vc, Time now) {
    stats_->add(TxnStat::kRxFrames);
    return frame.from_target() ? on_response(view, frame, from, now)
                               : on_request(view, frame, from, vc, now);
}

Drop TxnEndpoint::on_response(const wire::FrameView& view, const wire::TxnView& frame, PortId port,
                              Time now) {
    const std::size_t index = frame.channel();
    if (index >= from_.size()) return Drop::kTxnUnknownChannel;
    From& from = from_[index];
    // Only the peer itself answers for it (T5).
    if (from.state == State::kFree || view.src() != from.peer) return Drop::kTxnUnknownChannel;
    switch (frame.opcode()) {
        case Opcode::kOpened: return on_opened(from, index, frame, now);
        case Opcode::kReset: return on_refused(from, index, frame);
        case Opcode::kResponse:
        case Opcode::kAck:
        case Opcode::kNack: {
            if (from.state != State::kOpen) return Drop::kTxnUnknownChannel;
            const Drop verdict = from.initiator->on_frame(frame, now, *from.events);
            // Who repeats has not heard us, and we may have nothing to repeat: answer by its way.
            if (verdict == Drop::kTxnDuplicate) from.path.port = port;
            ready_from_.add(index);
            return verdict;
        }
        case Opcode::kInvalid:
        case Opcode::kRequest:
        case Opcode::kOpen:
        case Opcode::kTest: break;
    }
    return Drop::kTxnMalformed;
}

Drop TxnEndpoint::on_opened(From& from, std::size_t index, const wire::TxnView& frame, Time now) {
    const auto body = OpenBody::parse(frame.payload(), OpenBody::kOpenedSize);
    if (!body || body->kind != from.kind || body->transactions == 0) return Drop::kTxnMalformed;
    if (body->nonce != from.nonce || Psn{frame.ack()} != from.first) return Drop::kTxnStale;
    if (from.state != State::kOpening) return Drop::kTxnDuplicate;
    from.initiator->start(from.first, Psn{frame.psn()}, {body->transactions, body->response_bytes},
                          now);
    from.state = State::kOpen;
    from.keep_alive = now + kKeepAlive;
    stats_->add(TxnStat::kChannelsOpened);
    from.events->on_channel(handle(index), TxnStatus::kOk);
    return Drop::kCount;
}

/// The target knows no such channel. It says so of a frame that must be one of ours.
Drop TxnEndpoint::on_refused(From& from, std::size_t index, const wire::TxnView& frame) {
    const Psn about{frame.ack()};
    const bool ours =
        from.state == State::kOpening ? about == from.first : from.initiator->has_sent(about);
    if (!ours) return Drop::kTxnStale;
    end(index, TxnStatus::kPeerRestarted,
        from.state == State::kOpening ? TxnStatus::kUnreachable : TxnStatus::kPeerRestarted);
    return Drop::kCount;
}

Drop TxnEndpoint::on_request(const wire::FrameView& view, const wire::TxnView& frame, PortId port,
                             Vc vc, Time now) {
    const Path path{port, view.entropy()};
    if (frame.opcode() == Opcode::kOpen) return on_open(view, frame, path, now);
    const auto index = to_by_peer_.find(view.src(), frame.channel());
    if (!index) {
        // Never in answer to a RESET, or two strangers would go on for ever.
        if (frame.opcode() != Opcode::kReset) {
            reset(view.src(), frame.channel(), TxnHeader::kFromTarget, path, vc, Psn{frame.psn()},
                  ResetReason::kUnknownChannel);
        }
        return Drop::kTxnUnknownChannel;
    }
    To& to = to_[*index];
    if (frame.opcode() == Opcode::kReset) {
        if (Psn{frame.psn()} != to.target->first()) return Drop::kTxnStale;
        end_target(*index);
        return Drop::kCount;
    }
    if (frame.opcode() != Opcode::kRequest && frame.opcode() != Opcode::kAck &&
        frame.opcode() != Opcode::kNack) {
        return Drop::kTxnMalformed;
    }
    const std::uint64_t errors = to.target->keys().errors();
    const std::uint64_t executed = to.target->executed();
    const Drop verdict = to.target->on_frame(frame, now);
    if (const std::uint64_t more = to.target->keys().errors() - errors; more > 0) [[unlikely]] {
        stats_->add(TxnStat::kKeyErrors, more);
    }
    stats_->add(TxnStat::kServed, to.target->executed() - executed);
    if (verdict == Drop::kCount) to.heard = now;
    // The way back is the way by which good frames come. Who repeats one has not heard us: our path
    // may be dead, and with nothing to repeat ourselves we should never notice.
    if (verdict == Drop::kCount || verdict == Drop::kTxnDuplicate) to.path.port = port;
    ready_to_.add(*index);
    return verdict;
}

Drop TxnEndpoint::on_open(const wire::FrameView& view, const wire::TxnView& frame, Path path,
                          Time now) {
    const auto body = OpenBody::parse(frame.payload(), OpenBody::kOpenSize);
    if (!body) return Drop::kTxnMalformed;
    if (const auto index = to_by_peer_.find(view.src(), frame.channel())) {
        To& known = to_[*index];
        if (known.nonce == body->nonce) {  // Our answer was lost, or this is a late copy.
            queue_opened(known);
            return Drop::kCount;
        }
        if (OpenBody::is_older(body->nonce, known.nonce)) return Drop::kTxnStale;
        end_target(*index);  // The initiator began a new life.
    }
    To* const to = make_target(view.src(), frame.channel(), now);
    if (to == nullptr) {
        stats_->add(TxnStat::kChannelsRefused);
        reset(view.src(), frame.channel(), TxnHeader::kFromTarget, path, vcs(body->kind).request,
              Psn{frame.psn()}, ResetReason::kNoRoom);
        return Drop::kTxnNoRoom;
    }
    to->kind = body->kind;
    to->nonce = body->nonce;
    to->path = path;
    to->first = Psn{static_cast<std::uint32_t>(random_.next())};
    to->target->start({view.src(), view.tenant()}, Psn{frame.psn()}, to->first, now);
    queue_opened(*to);
    return Drop::kCount;
}

TxnEndpoint::To* TxnEndpoint::make_target(GpuId peer, std::uint16_t channel, Time now) {
    const auto of_peer =
        std::ranges::count_if(to_, [&](const To& to) { return to.used && to.peer == peer; });
    if (of_peer >= static_cast<std::ptrdiff_t>(limits_.targets_per_source)) return nullptr;
    const auto free = std::ranges::find(to_, false, &To::used);
    if (free == to_.end()) return nullptr;
    to_end_ = std::max(to_end_, static_cast<std::size_t>(free - to_.begin()) + 1);
    free->used = true;
    free->peer = peer;
    free->channel = channel;
    free->heard = now;
    to_by_peer_.insert(peer, channel, static_cast<std::size_t>(free - to_.begin()));
    return &*free;
}

void TxnEndpoint::end_target(std::size_t index) {
    To& to = to_[index];
    to.target->stop();
    to.used = false;
    to_by_peer_.erase(to.peer, to.channel);
    ready_to_.remove(index);
}

// Replies.

bool TxnEndpoint::push_reply(const Reply& reply) {
    if (replies_.size() >= kRepliesMax) return false;
    replies_.push_back(reply);
    return true;
}

void TxnEndpoint::reset(GpuId peer, std::uint16_t channel, std::uint8_t flags, Path path,
                        Vc arrived, Psn echo, ResetReason reason) {
    // An answer to a request must not travel with requests.
    Reply reply{.peer = peer, .path = path, .vc = arrived, .header = {}};
    for (const ClassVcs& known : identity_.classes) {
        if (known.request == arrived) {
            reply.vc = known.response;
            reply.dscp = known.response_dscp;
        } else if (known.response == arrived) {
            reply.vc = known.request;
            reply.dscp = known.request_dscp;
        }
    }
    const bool from_target = (flags & TxnHeader::kFromTarget) != 0;
    reply.header = {.opcode = Opcode::kReset,
                    .flags = flags,
                    .channel = channel,
                    .psn = from_target ? 0 : echo.value,
                    .ack = from_target ? echo.value : 0};
    reply.body[0] = static_cast<std::byte>(reason);
    reply.body_size = 1;
    push_reply(reply);
}

void TxnEndpoint::queue_open(const From& from, std::size_t index) {
    const ClassVcs& classes = vcs(from.kind);
    Reply reply{.peer = from.peer,
                .path = from.path,
                .vc = classes.request,
                .dscp = classes.request_dscp,
                .header = {.opcode = Opcode::kOpen,
                           .channel = static_cast<std::uint16_t>(index),
                           .psn = from.first.value}};
    OpenBody{.nonce = from.nonce,
             .kind = from.kind,
             .transactions = static_cast<std::uint16_t>(profile_.transactions_max)}
        .emit(std::span(reply.body));
    reply.body_size = OpenBody::kOpenSize;
    push_reply(reply);
}

void TxnEndpoint::queue_opened(const To& to) {
    const ClassVcs& classes = vcs(to.kind);
    Reply reply{.peer = to.peer,
                .path = to.path,
                .vc = classes.response,
                .dscp = classes.response_dscp,
                .header = {.opcode = Opcode::kOpened,
                           .flags = TxnHeader::kFromTarget,
                           .channel = to.channel,
                           .psn = to.first.value,
                           .ack = to.target->first().value}};
    OpenBody{.nonce = to.nonce,
             .kind = to.kind,
             .transactions = static_cast<std::uint16_t>(profile_.transactions_max),
             .response_bytes = profile_.response_bytes_max - kStoreSlack,
             .epoch = identity_.epoch}
        .emit(std::span(reply.body));
    reply.body_size = OpenBody::kOpenedSize;
    push_reply(reply);
}

std::size_t TxnEndpoint::write_reply(std::span<std::byte> buffer, const Reply& reply) {
    wire::TxnWriter writer(buffer, identity_.tenant);
    std::copy_n(reply.body.begin(), reply.body_size, writer.claim(reply.body_size));
    return write(writer, reply.header, reply.path, reply.dscp, reply.peer);
}

std::size_t TxnEndpoint::write(wire::TxnWriter& writer, const TxnHeader& header, const Path& path,
                               std::uint8_t dscp, GpuId peer) {
    stats_->add(TxnStat::kTxFrames);
    return writer.finish({.dst = peer,
                          .src = identity_.self,
                          .tenant = identity_.tenant,
                          .entropy = path.entropy,
                          .dscp = dscp},
                         header);
}

// Time.

void TxnEndpoint::keep_time(std::size_t index, From& from, std::uint32_t usable, Time now) {
    if (from.state == State::kOpening) return keep_opening(index, from, usable, now);
    const TimeEvent event = from.initiator->on_time(now, *from.events);
    if (event == TimeEvent::kFailed) {
        return end(index, from.initiator->failure(), TxnStatus::kUnreachable);
    }
    if (now >= from.keep_alive) {
        from.keep_alive = now + kKeepAlive;
        from.initiator->say_alive(now);
    }
    ready_from_.add(index);
    keep_path(*from.initiator, from.path, usable, event == TimeEvent::kRetried, now);
}

/// Asks again, each time by another path, until the target answers or it has been too long.
void TxnEndpoint::keep_opening(std::size_t index, From& from, std::uint32_t usable, Time now) {
    if (now - from.opened_at >= profile_.give_up_after) {
        return end(index, TxnStatus::kUnreachable, TxnStatus::kUnreachable);
    }
    if (now < from.open_again) return;
    if (now != from.opened_at) from.path = next_path(from.path, usable);
    from.open_again = now + profile_.retry_min;
    queue_open(from, index);
}

void TxnEndpoint::keep_time(std::size_t index, To& to, std::uint32_t usable, Time now) {
    const TimeEvent event = to.target->on_time(now);
    if (event == TimeEvent::kFailed || now - to.heard >= kDeaf) return end_target(index);
    ready_to_.add(index);
    keep_path(*to.target, to.path, usable, event == TimeEvent::kRetried, now);
}

/// Moves a channel to another path if its own is down, or has had its tries.
template <class Half>
void TxnEndpoint::keep_path(Half& half, Path& path, std::uint32_t usable, bool retried, Time now) {
    if (retried) stats_->add(TxnStat::kRetries);
    const bool is_up = (usable >> path.port.value & 1) != 0;
    const bool stuck = retried && half.retries() % profile_.path_retries == 0;
    if (usable == 0 || (is_up && !stuck)) return;
    path = next_path(path, usable);
    stats_->add(TxnStat::kPathChanges);
    half.on_new_path(now);
}

/// The next port that is up, if any is, and another entropy: another track, another spine.
TxnEndpoint::Path TxnEndpoint::next_path(const Path& path, std::uint32_t usable) {
    std::uint16_t port = path.port.value;
    for (std::uint16_t i = 0; i < identity_.ports; ++i) {
        port = static_cast<std::uint16_t>((port + 1) % identity_.ports);
        if ((usable >> port & 1) != 0) break;
    }
    return fresh_path(PortId{port});
}

}  // namespace ethlink
