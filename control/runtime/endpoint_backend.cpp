// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/endpoint_backend.h"

#include <algorithm>

#include "control/runtime/system_random.h"

namespace ethlink::control {

using Type = ClientCommand::Type;

namespace {

Verdict verdict_of(const ClientAnswer& answer) {
    return Verdict::of(answer.status);
}

/// Whether somebody may have one more of `size` things: he has fewer than are left.
struct Share {
    std::size_t size = 0;
    std::size_t own = 0;
    std::size_t all = 0;
    void count(bool is_own) {
        ++all;
        own += is_own ? 1 : 0;
    }
    bool has_room() const { return own + all < size; }
};

}  // namespace

void EndpointBackend::send(ClientCommand command, Answered answered) {
    command.call = next_call_++;
    calls_.emplace(command.call, std::move(answered));
    waiting_.push_back(std::move(command));
    turn();
}

void EndpointBackend::turn() {
    auto& commands = clients_->commands();
    std::size_t sent = 0;
    for (; sent < waiting_.size() && commands.room() > 0; ++sent) {
        commands.push(std::move(waiting_[sent]));
        commands.publish();
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent));
    auto& answers = clients_->answers();
    while (answers.size() > 0) {
        ClientAnswer answer = std::move(answers.front());
        answers.pop();
        answers.release();
        const auto call = calls_.extract(answer.call);
        if (!call.empty()) call.mapped()(answer);
    }
}

void EndpointBackend::attach_session(SessionId session, std::span<std::byte> memory,
                                     std::uint32_t depth, Done done) {
    auto attached = std::make_unique<ClientSession>(session.value, memory, depth);
    sessions_[session.value] = &attached->port;
    send({.type = Type::kAttach, .session = session.value, .attached = std::move(attached)},
         [this, session, done = std::move(done)](ClientAnswer& answer) {
             if (answer.status == client::Status::kOk) return done(Verdict{});
             sessions_.erase(session.value);
             done(Verdict::quota("the endpoint has as many sessions as it can serve"));
         });
}

void EndpointBackend::detach_session(SessionId session, Done done) {
    sessions_.erase(session.value);
    const auto is_his = [&](const auto& entry) { return entry.first.first == session.value; };
    std::erase_if(windows_, is_his);
    std::erase_if(channels_, is_his);
    // The answer brings the session back, and it is freed here, not on the poll thread.
    send({.type = Type::kDetach, .session = session.value},
         [done = std::move(done)](ClientAnswer&) { done(Verdict{}); });
}

/// A key that falls on a taken slot is drawn again, so the table is never filled up.
bool EndpointBackend::may_register(SessionId session) const {
    Share share{.size = limits_.windows - limits_.windows / 4};
    for (const auto& [name, window] : windows_) {
        if (window.rights != 0) share.count(name.first == session.value);
    }
    return share.has_room();
}

void EndpointBackend::add_window(SessionId session, std::uint16_t window,
                                 std::span<std::byte> bytes, std::uint8_t rights, Registered done) {
    if (rights != 0 && !may_register(session)) {
        return done(Verdict::quota("this program has its share of the endpoint's windows; free one "
                                   "of them first"),
                    0);
    }
    register_window(session, window, {bytes, rights}, std::move(done));
}

void EndpointBackend::register_window(SessionId session, std::uint16_t window, KnownWindow known,
                                      Registered done) {
    const std::uint64_t key = draw_key();
    send({.type = Type::kAddWindow,
          .session = session.value,
          .number = window,
          .bytes = known.bytes,
          .key = key,
          .rights = known.rights},
         [this, session, window, known, key, done = std::move(done)](ClientAnswer& answer) {
             if (answer.key_is_taken) return register_window(session, window, known, done);
             if (answer.status == client::Status::kOk) {
                 windows_[{session.value, window}] = known;
             }
             done(verdict_of(answer), key);
         });
}

void EndpointBackend::remove_window(SessionId session, std::uint16_t window, Done done) {
    const auto known = windows_.extract({session.value, window});
    send({.type = Type::kRemoveWindow,
          .session = session.value,
          .number = window,
          .bytes = known.empty() ? std::span<std::byte>() : known.mapped().bytes},
         [done = std::move(done)](ClientAnswer&) { done(Verdict{}); });
}

/// Of the channels that the endpoint can open, and of those that a peer grants to this GPU.
bool EndpointBackend::may_open(SessionId session, GpuId gpu) const {
    Share here{.size = limits_.initiators}, there{.size = limits_.targets_per_source};
    for (const auto& [name, peer] : channels_) {
        here.count(name.first == session.value);
        if (peer == gpu) there.count(name.first == session.value);
    }
    return here.has_room() && there.has_room();
}

void EndpointBackend::open_channel(SessionId session, std::uint16_t peer, GpuId gpu,
                                   client::PeerClass peer_class, Duration timeout, Done done) {
    if (!may_open(session, gpu)) {
        return done(
            Verdict::quota("this program has its share of the endpoint's channels, or of "
                           "those to this GPU; disconnect one of them first"));
    }
    channels_[{session.value, peer}] = gpu;
    const bool rdma = peer_class == client::PeerClass::kRdma;
    send({.type = Type::kOpenChannel,
          .session = session.value,
          .number = peer,
          .gpu = gpu,
          .kind = rdma ? txn::ChannelClass::kRdma : txn::ChannelClass::kLoadStore,
          .timeout = timeout},
         [this, session, peer, done = std::move(done)](ClientAnswer& answer) {
             const bool ok = answer.status == client::Status::kOk;
             if (!ok) channels_.erase({session.value, peer});
             done(Verdict::of(answer.status,
                              ok ? "" : "no endpoint with this GPU-ID answers, or it has no room"));
         });
}

void EndpointBackend::close_channel(SessionId session, std::uint16_t peer, Done done) {
    channels_.erase({session.value, peer});
    send({.type = Type::kCloseChannel, .session = session.value, .number = peer},
         [done = std::move(done)](ClientAnswer&) { done(Verdict{}); });
}

const char* EndpointBackend::broken(SessionId session) {
    const auto known = sessions_.find(session.value);
    return known == sessions_.end() ? nullptr : known->second->broken();
}

}  // namespace ethlink::control
