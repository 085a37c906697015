// SPDX-License-Identifier: BSD-3-Clause
// What programs ask for over their socket, within their quota: sessions, windows, channels.
#include <algorithm>
#include <chrono>
#include <utility>

#include "control/runtime/client_server.h"

namespace ethlink::control {

void ClientServer::handle(Connection& connection, const client::Request& request) {
    using client::MessageType;
    const auto type = static_cast<MessageType>(request.type);
    const bool greeting = connection.stage == Stage::kGreeting;
    if (greeting != (type == MessageType::kHello)) {
        say_goodbye(connection,
                    Verdict::of(client::Status::kInvalid, "hello comes first, and only once"));
        return;
    }
    switch (type) {
        case MessageType::kHello: return on_hello(connection, request);
        case MessageType::kRegister: return on_register(connection, request);
        case MessageType::kDeregister: return on_deregister(connection, request);
        case MessageType::kConnect: return on_connect(connection, request);
        case MessageType::kDisconnect: return on_disconnect(connection, request);
        case MessageType::kInfo: {
            client::Reply reply;
            reply.limits = limits();
            return answer(connection, request, {}, reply);
        }
        case MessageType::kGoodbye: break;
    }
    say_goodbye(connection, Verdict::of(client::Status::kInvalid, "there is no such request"));
}

client::Limits ClientServer::limits() const {
    client::Limits limits;
    limits.window_bytes_max = quota_.session_window_bytes;
    limits.message_bytes_max = client::kMessageBytesMax;
    limits.depth = quota_.depth;
    limits.windows_max = client::kWindowsMax;
    limits.peers_max = client::kPeersMax;
    limits.gpu = backend_->gpu().value;
    return limits;
}

void ClientServer::on_hello(Connection& connection, const client::Request& request) {
    if (request.number != client::kAbiVersion) {
        client::Reply reply;
        reply.number = client::kAbiVersion;
        connection.closing = true;
        answer(connection, request,
               {client::Refusal::kVersion,
                "the daemon speaks version " + std::to_string(client::kAbiVersion) +
                    ", the program's libethlink version " + std::to_string(request.number)},
               reply);
        return;
    }
    auto memory = ClientMemory::create("ethlink-session", client::session_bytes(quota_.depth));
    if (!memory) {
        connection.closing = true;
        answer(connection, request, Verdict::quota(memory.error()));
        return;
    }
    connection.memory = std::move(*memory);
    format_session(client::SessionView::at(connection.memory.bytes().data(), quota_.depth));
    connection.stage = Stage::kSession;
    connection.attached = true;
    connection.awaiting = true;
    backend_->attach_session(
        connection.id, connection.memory.bytes(), quota_.depth,
        awaited(connection, [this, request](Connection& known, const Verdict& verdict) {
            client::Reply reply;
            reply.limits = limits();
            known.attached = verdict.ok();
            known.closing |= !verdict.ok();
            answer(known, request, verdict, reply, verdict.ok() ? known.memory.descriptor() : -1);
        }));
}

std::optional<Verdict> ClientServer::over_quota(const Connection& connection,
                                                std::uint64_t bytes) const {
    if (connection.windows.size() >= client::kWindowsMax) {
        return Verdict::quota("a session has " + std::to_string(client::kWindowsMax) +
                              " windows at most: free one");
    }
    if (bytes > quota_.session_window_bytes - connection.window_bytes) {
        return Verdict::quota("the windows of a session have " +
                              std::to_string(quota_.session_window_bytes) +
                              " bytes at most: free some");
    }
    if (bytes > quota_.all_window_bytes - window_bytes_) {
        return Verdict::quota("the windows of all programs here have " +
                              std::to_string(quota_.all_window_bytes) +
                              " bytes at most: try again later");
    }
    return std::nullopt;
}

void ClientServer::on_register(Connection& connection, const client::Request& request) {
    const std::uint64_t bytes = request.value;
    if (bytes == 0 || request.number > client::WindowRight::kAll) {
        answer(connection, request,
               Verdict::of(client::Status::kInvalid, "no such window: bytes or rights are wrong"));
        return;
    }
    if (const auto over = over_quota(connection, bytes)) {
        answer(connection, request, *over);
        return;
    }
    auto memory = ClientMemory::create("ethlink-window", bytes);
    if (!memory) {
        answer(connection, request, Verdict::quota(memory.error()));
        return;
    }
    std::uint16_t window = 0;
    while (connection.windows.contains(window)) ++window;
    Window& made = connection.windows[window];
    made.memory = std::move(*memory);
    connection.window_bytes += bytes;
    window_bytes_ += bytes;
    connection.awaiting = true;
    backend_->add_window(
        connection.id, window, made.memory.bytes(), static_cast<std::uint8_t>(request.number),
        awaited(connection, [this, request, window](Connection& known, const Verdict& verdict,
                                                    std::uint64_t key) {
            registered(known, request, window, verdict, key);
        }));
}

void ClientServer::registered(Connection& connection, const client::Request& request,
                              std::uint16_t window, const Verdict& verdict, std::uint64_t key) {
    if (connection.stage != Stage::kSession) return;
    if (!verdict.ok()) {
        forget_window(connection, window);
        answer(connection, request, verdict);
        return;
    }
    Window& made = connection.windows[window];
    made.key = key;
    made.busy = false;
    client::Reply reply;
    reply.number = window;
    reply.value = key;
    answer(connection, request, verdict, reply, made.memory.descriptor());
}

void ClientServer::on_deregister(Connection& connection, const client::Request& request) {
    const auto window = static_cast<std::uint16_t>(request.number);
    const auto found = connection.windows.find(window);
    if (request.number >= client::kWindowsMax || found == connection.windows.end() ||
        found->second.busy) {
        answer(connection, request,
               Verdict::of(client::Status::kInvalid, "this session has no such window"));
        return;
    }
    found->second.busy = true;
    connection.awaiting = true;
    backend_->remove_window(
        connection.id, window,
        awaited(connection, [this, request, window](Connection& known, const Verdict& verdict) {
            if (known.stage != Stage::kSession) return;
            forget_window(known, window);
            answer(known, request, verdict);
        }));
}

void ClientServer::forget_window(Connection& connection, std::uint16_t window) {
    const auto found = connection.windows.find(window);
    if (found == connection.windows.end()) return;
    const std::uint64_t bytes = found->second.memory.bytes().size();
    connection.window_bytes -= bytes;
    window_bytes_ -= bytes;
    connection.windows.erase(found);
}

void ClientServer::on_connect(Connection& connection, const client::Request& request) {
    const std::uint32_t peer_class = request.number >> 16;
    const Duration timeout = std::chrono::microseconds(std::min<std::uint64_t>(
        request.value,
        static_cast<std::uint64_t>(
            std::chrono::ceil<std::chrono::microseconds>(quota_.connect_timeout_max).count())));
    if (peer_class > static_cast<std::uint32_t>(client::PeerClass::kRdma) || request.value == 0) {
        answer(connection, request,
               Verdict::of(client::Status::kInvalid, "no such class, or no time to connect"));
        return;
    }
    if (connection.peers.all()) {
        answer(connection, request,
               Verdict::quota("a session has " + std::to_string(client::kPeersMax) +
                              " peers at most: disconnect one"));
        return;
    }
    std::uint16_t peer = 0;
    while (connection.peers[peer]) ++peer;
    connection.peers.set(peer);
    connection.peers_busy.set(peer);
    connection.awaiting = true;
    backend_->open_channel(
        connection.id, peer, GpuId{static_cast<std::uint16_t>(request.number)},
        static_cast<client::PeerClass>(peer_class), timeout,
        awaited(connection, [this, request, peer](Connection& known, const Verdict& verdict) {
            known.peers_busy.reset(peer);
            if (!verdict.ok()) known.peers.reset(peer);
            client::Reply reply;
            reply.number = peer;
            answer(known, request, verdict, reply);
        }));
}

void ClientServer::on_disconnect(Connection& connection, const client::Request& request) {
    if (request.number >= client::kPeersMax || !connection.peers[request.number] ||
        connection.peers_busy[request.number]) {
        answer(connection, request,
               Verdict::of(client::Status::kInvalid, "this session has no such peer"));
        return;
    }
    const auto peer = static_cast<std::uint16_t>(request.number);
    connection.peers_busy.set(peer);
    connection.awaiting = true;
    backend_->close_channel(
        connection.id, peer,
        awaited(connection, [this, request, peer](Connection& known, const Verdict& verdict) {
            known.peers.reset(peer);
            known.peers_busy.reset(peer);
            answer(known, request, verdict);
        }));
}

}  // namespace ethlink::control
