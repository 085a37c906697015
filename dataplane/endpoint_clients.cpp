// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/endpoint_clients.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ethlink {

using client::Opcode;
using client::Status;
using client::Submission;
using txn::Operation;
using wire::AtomicOp;

namespace {

/// A request's name within the endpoint: whose it is, and which of his.
std::uint64_t cookie(std::size_t session, std::uint16_t slot) {
    return std::uint64_t{session} << 16 | slot;
}
std::size_t session_of(std::uint64_t cookie) {
    return static_cast<std::size_t>(cookie >> 16);
}
std::uint16_t slot_of(std::uint64_t cookie) {
    return static_cast<std::uint16_t>(cookie);
}

Operation operation_of(Opcode opcode) {
    switch (opcode) {
        case Opcode::kLoad: return Operation::kLoad;
        case Opcode::kStore: return Operation::kStore;
        case Opcode::kFetchAdd:
        case Opcode::kSwap:
        case Opcode::kCompareSwap:
        case Opcode::kFetchAnd:
        case Opcode::kFetchOr:
        case Opcode::kFetchXor: return Operation::kAtomic;
        case Opcode::kWrite:
        case Opcode::kWriteImm: return Operation::kWrite;
        case Opcode::kRead: return Operation::kRead;
        case Opcode::kSend: return Operation::kSend;
        case Opcode::kRecv:
        case Opcode::kFence: break;
    }
    return Operation::kFence;
}

AtomicOp atomic_of(Opcode opcode) {
    const bool is_atomic = opcode >= Opcode::kFetchAdd && opcode <= Opcode::kFetchXor;
    return is_atomic ? static_cast<AtomicOp>(static_cast<int>(opcode) -
                                             static_cast<int>(Opcode::kFetchAdd))
                     : AtomicOp::kFetchAdd;
}
static_assert(static_cast<int>(Opcode::kFetchXor) - static_cast<int>(Opcode::kFetchAdd) ==
              static_cast<int>(AtomicOp::kFetchXor));
static_assert(static_cast<int>(Opcode::kCompareSwap) - static_cast<int>(Opcode::kFetchAdd) ==
              static_cast<int>(AtomicOp::kCompareSwap));

client::OpcodeSet opcodes_of(txn::ChannelClass kind) {
    return client::opcodes_of(kind == txn::ChannelClass::kRdma ? client::PeerClass::kRdma
                                                               : client::PeerClass::kLoadStore);
}

Status status_of(wire::TxnStatus status) {
    return static_cast<Status>(status);
}
static_assert(static_cast<int>(wire::TxnStatus::kCount) == client::kStatusCount);
static_assert(client::WindowRight::kRead == txn::Rights::kRead &&
              client::WindowRight::kWrite == txn::Rights::kWrite &&
              client::WindowRight::kAtomic == txn::Rights::kAtomic);

/// Its data travel in the request, or in the completion.
bool is_value(const Submission& submission) {
    const bool small = submission.opcode == Opcode::kLoad || submission.opcode == Opcode::kStore;
    return small && submission.length <= client::kValueBytes;
}
static_assert(client::kValueBytes == txn::kValueBytes);

bool overlaps(std::span<std::byte> bytes, std::span<std::byte> within) {
    return bytes.data() < within.data() + within.size() &&
           within.data() < bytes.data() + bytes.size();
}

}  // namespace

bool EndpointClients::poll(Time now) {
    bool any = false;
    while (commands_.size() > 0) {
        ClientCommand command = std::move(commands_.front());
        commands_.pop();
        commands_.release();
        carry_out(command, now);
        any = true;
    }
    if (sessions_end_ == 0) return any;
    const std::size_t share = std::max(kTurn / sessions_end_, kShareMin);
    for (std::size_t i = 0; i < sessions_end_; ++i) {
        any |= sessions_[i] && take_requests(i, share, now);
    }
    return any;
}

void EndpointClients::on_time(Time now) {
    std::erase_if(waiting_, [&](const Waiting& waiting) {
        if (sessions_[waiting.session]->port.window_uses(waiting.window) > 0) return false;
        answer(waiting.call, Status::kOk);
        return true;
    });
    if (opening_ > 0) give_up_opening(now);
}

void EndpointClients::give_up_opening(Time now) {
    for (std::size_t i = 0; i < sessions_end_; ++i) {
        if (!sessions_[i]) continue;
        for (Peer& peer : sessions_[i]->peers) {
            if (peer.state != Peer::State::kOpening || now < peer.open_until) continue;
            peer.state = Peer::State::kFree;
            --opening_;
            endpoint_->close(peer.channel, now);
            answer(peer.call, Status::kTimeout);
        }
    }
}

// Commands.

std::optional<std::size_t> EndpointClients::find(std::uint64_t session) const {
    for (std::size_t i = 0; i < sessions_end_; ++i) {
        if (sessions_[i] && sessions_[i]->id == session) return i;
    }
    return std::nullopt;
}

void EndpointClients::answer(ClientAnswer&& answer) {
    // The control thread keeps fewer calls open than the ring holds.
    if (answers_.room() == 0) return;
    answers_.push(std::move(answer));
    answers_.publish();
}

void EndpointClients::carry_out(ClientCommand& command, Time now) {
    if (command.type == ClientCommand::Type::kAttach) return attach(command);
    const auto index = find(command.session);
    if (!index) return answer(command.call, Status::kClosed);
    ClientSession& session = *sessions_[*index];
    switch (command.type) {
        case ClientCommand::Type::kAttach: break;
        case ClientCommand::Type::kDetach: return detach(command, *index, now);
        case ClientCommand::Type::kAddWindow: return add_window(command, session);
        case ClientCommand::Type::kRemoveWindow: return remove_window(command, *index);
        case ClientCommand::Type::kOpenChannel: return open_channel(command, *index, now);
        case ClientCommand::Type::kCloseChannel: return close_channel(command, session, now);
    }
}

void EndpointClients::attach(ClientCommand& command) {
    const auto free = std::ranges::find_if(sessions_, [](const auto& s) { return !s; });
    if (free == sessions_.end()) {
        return answer({command.call, Status::kUnreachable, false, std::move(command.attached)});
    }
    *free = std::move(command.attached);
    sessions_end_ = std::max(sessions_end_, static_cast<std::size_t>(free - sessions_.begin()) + 1);
    counters_.sessions.set(counters_.sessions.read() + 1);
    answer(command.call, Status::kOk);
}

void EndpointClients::detach(const ClientCommand& command, std::size_t index, Time now) {
    ClientSession& session = *sessions_[index];
    for (std::uint16_t i = 0; i < session.peers.size(); ++i) {
        Peer& peer = session.peers[i];
        if (peer.state == Peer::State::kFree) continue;
        const bool alive = peer.state != Peer::State::kEnded;
        if (peer.state == Peer::State::kOpening) {
            --opening_;
            answer(peer.call, Status::kClosed);
        }
        peer.state = Peer::State::kFree;  // First: what the channel still says is for nobody.
        if (alive) endpoint_->close(peer.channel, now);
    }
    for (std::uint64_t& key : session.keys) endpoint_->windows().remove(std::exchange(key, 0));
    endpoint_->drop_receives(
        [&](const txn::ReceiveBuffer& buffer) { return session_of(buffer.cookie) == index; });
    std::erase_if(waiting_, [&](const Waiting& waiting) {
        if (waiting.session != index) return false;
        answer(waiting.call, Status::kOk);
        return true;
    });
    session.port.shut();
    counters_.sessions.set(counters_.sessions.read() - 1);
    answer({command.call, Status::kOk, false, std::move(sessions_[index])});
    while (sessions_end_ > 0 && !sessions_[sessions_end_ - 1]) --sessions_end_;
}

void EndpointClients::add_window(const ClientCommand& command, ClientSession& session) {
    if (command.rights != 0) {
        if (!endpoint_->windows().has_room_for(command.key)) {
            return answer({command.call, Status::kInvalid, true, {}});
        }
        endpoint_->windows().add({.key = command.key,
                                  .bytes = command.bytes.data(),
                                  .size = command.bytes.size(),
                                  .rights = command.rights,
                                  .tenant = tenant_});
        session.keys[command.number] = command.key;
    }
    session.port.add_window(command.number, command.bytes);
    answer(command.call, Status::kOk);
}

void EndpointClients::remove_window(const ClientCommand& command, std::size_t index) {
    ClientSession& session = *sessions_[index];
    endpoint_->windows().remove(std::exchange(session.keys[command.number], 0));
    session.port.remove_window(command.number);
    cancel_receives(index, command.bytes);
    waiting_.push_back({command.call, static_cast<std::uint32_t>(index), command.number});
}

void EndpointClients::open_channel(const ClientCommand& command, std::size_t index, Time now) {
    ClientSession& session = *sessions_[index];
    Peer& peer = session.peers[command.number];
    const auto channel = endpoint_->open(command.gpu, command.kind, *this, now);
    if (!channel) return answer(command.call, Status::kUnreachable);
    peer = {.state = Peer::State::kOpening,
            .channel = *channel,
            .kind = command.kind,
            .gpu = command.gpu,
            .call = command.call,
            .open_until = now + command.timeout};
    ++opening_;
    owners_[channel->index] = {static_cast<std::uint32_t>(index), command.number};
}

void EndpointClients::close_channel(const ClientCommand& command, ClientSession& session,
                                    Time now) {
    Peer& peer = session.peers[command.number];
    session.port.close_peer(command.number);
    cancel_posted(session, peer, {});
    const Peer::State was = std::exchange(peer.state, Peer::State::kFree);
    if (was == Peer::State::kOpening) {
        --opening_;
        answer(peer.call, Status::kCancelled);
    }
    const bool alive = was == Peer::State::kOpening || was == Peer::State::kOpen;
    if (alive) endpoint_->close(peer.channel, now);
    answer(command.call, Status::kOk);
}

// Requests.

bool EndpointClients::take_requests(std::size_t index, std::size_t most, Time now) {
    client::SessionPort& port = sessions_[index]->port;
    if (!port.has_submissions()) return false;
    bool any = false;
    for (std::size_t n = 0; n < most; ++n) {
        const auto submission = port.front();
        if (!submission || !take(index, *submission, now)) break;
        any = true;
    }
    return any;
}

/// False if the request has to wait for room in its channel.
bool EndpointClients::take(std::size_t index, const Submission& submission, Time now) {
    ClientSession& session = *sessions_[index];
    const Peer& peer = session.peers[submission.peer];
    const std::uint16_t slot = submission.slot;
    if (submission.opcode == Opcode::kRecv) {
        post(session, submission);
        session.port.pop(submission);
        return true;
    }
    if (peer.state != Peer::State::kOpen) {  // Its channel has ended under the program.
        session.port.pop(submission);
        session.port.complete({.slot = slot, .status = Status::kClosed});
        return true;
    }
    if (!endpoint_->has_room(peer.channel)) return false;
    session.port.pop(submission);
    // Written where it stays: each copy on the way would wait for the stores of the one before.
    const bool sound = endpoint_->submit(peer.channel, now, [&](txn::Request& request) {
        request.operation = operation_of(submission.opcode);
        request.atomic = atomic_of(submission.opcode);
        request.has_immediate = submission.opcode == Opcode::kWriteImm;
        request.length = submission.length;
        request.key = submission.key;
        request.address = submission.address;
        request.operand = submission.operand;
        request.compare = submission.compare;
        request.immediate = submission.immediate;
        request.local = is_value(submission) ? nullptr : submission.local.data();
        request.cookie = cookie(index, slot);
    });
    if (!sound) session.port.complete({.slot = slot, .status = Status::kInvalid});
    return true;
}

void EndpointClients::on_completion(const txn::Completion& completion) {
    counters_.transactions.add();
    counters_.bytes.add(completion.length);
    if (completion.status != wire::TxnStatus::kOk) counters_.errors.add();
    const auto& session = sessions_[session_of(completion.cookie)];
    session->port.complete({.slot = slot_of(completion.cookie),
                            .status = status_of(completion.status),
                            .length = completion.length,
                            .value = completion.value});
}

void EndpointClients::on_channel(ChannelHandle channel, wire::TxnStatus status) {
    const Owner owner = owners_[channel.index];
    ClientSession& session = *sessions_[owner.session];
    Peer& peer = session.peers[owner.peer];
    if (peer.state == Peer::State::kFree || peer.channel != channel) return;  // It is being closed.
    if (peer.state == Peer::State::kOpening) {
        const bool is_open = status == wire::TxnStatus::kOk;
        --opening_;
        peer.state = is_open ? Peer::State::kOpen : Peer::State::kFree;
        if (is_open) session.port.open_peer(owner.peer, opcodes_of(peer.kind));
        return answer(peer.call, status_of(status));
    }
    peer.state = Peer::State::kEnded;
}

// Receives.

void EndpointClients::post(ClientSession& session, const Submission& submission) {
    Peer& peer = session.peers[submission.peer];
    const std::uint16_t slot = submission.slot;
    session.receives[slot] = {submission.local, ClientSession::kNone};
    if (peer.first == ClientSession::kNone) {
        peer.first = slot;
    } else {
        session.receives[peer.last].next = slot;
    }
    peer.last = slot;
}

std::optional<txn::ReceiveBuffer> EndpointClients::claim(GpuId from) {
    for (std::size_t i = 0; i < sessions_end_; ++i) {
        if (!sessions_[i]) continue;
        ClientSession& session = *sessions_[i];
        for (Peer& peer : session.peers) {
            if (peer.state == Peer::State::kFree || peer.gpu != from ||
                peer.first == ClientSession::kNone) {
                continue;
            }
            const std::uint16_t slot = peer.first;
            peer.first = session.receives[slot].next;
            return txn::ReceiveBuffer{session.receives[slot].bytes, cookie(i, slot)};
        }
    }
    return std::nullopt;
}

void EndpointClients::deliver(const txn::ReceiveBuffer& buffer, const txn::Received& received) {
    const auto& session = sessions_[session_of(buffer.cookie)];
    session->port.complete({.slot = slot_of(buffer.cookie),
                            .status = status_of(received.status),
                            .length = received.length,
                            .value = received.immediate,
                            .immediate = received.is_write});
}

/// Ends all receives of a session whose buffers lie in these bytes.
void EndpointClients::cancel_receives(std::size_t index, std::span<std::byte> within) {
    ClientSession& session = *sessions_[index];
    for (Peer& peer : session.peers) cancel_posted(session, peer, within);
    endpoint_->drop_receives([&](const txn::ReceiveBuffer& buffer) {
        return session_of(buffer.cookie) == index && overlaps(buffer.bytes, within);
    });
}

/// Ends the posted receives of a peer that lie in these bytes; all of them if there are none.
void EndpointClients::cancel_posted(ClientSession& session, Peer& peer,
                                    std::span<std::byte> within) {
    std::uint16_t slot = std::exchange(peer.first, ClientSession::kNone);
    while (slot != ClientSession::kNone) {
        ClientSession::Receive& receive = session.receives[slot];
        const std::uint16_t next = std::exchange(receive.next, ClientSession::kNone);
        if (!within.empty() && !overlaps(receive.bytes, within)) {
            if (peer.first == ClientSession::kNone) {
                peer.first = slot;
            } else {
                session.receives[peer.last].next = slot;
            }
            peer.last = slot;
        } else {
            session.port.complete({.slot = slot, .status = Status::kCancelled});
        }
        slot = next;
    }
}

}  // namespace ethlink
