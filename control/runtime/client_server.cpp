// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/client_server.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace ethlink::control {
namespace {

constexpr std::size_t kEventsPerTurn = 64;
constexpr std::size_t kAcceptsPerTurn = 64;
constexpr auto kNoDescriptorPause = std::chrono::seconds(1);
constexpr auto kAwaitedEvery = std::chrono::milliseconds(1);
constexpr auto kSweepEvery = std::chrono::seconds(1);
constexpr std::uint64_t kListenerTag = 0;

/// Sends a record, with a descriptor if there is one; 0, or errno.
int send_record(int socket, const client::Reply& reply, int passed) {
    client::Reply record = reply;
    iovec data{&record, sizeof record};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (passed >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

client::Reply reply_of(const Verdict& verdict) {
    client::Reply reply;
    reply.status = verdict.status;
    const std::size_t length = std::min(verdict.why.size(), reply.text.size() - 1);
    std::copy_n(verdict.why.data(), length, reply.text.data());
    return reply;
}

}  // namespace

Expected<std::unique_ptr<ClientServer>, std::string> ClientServer::open(const std::string& path,
                                                                        const ClientAccess& access,
                                                                        const ClientQuota& quota,
                                                                        ClientBackend& backend) {
    if (!client::is_depth(quota.depth)) {
        return Unexpected<std::string>("a session cannot have " + std::to_string(quota.depth) +
                                       " requests outstanding: use a power of two from " +
                                       std::to_string(client::kDepthMin) + " to " +
                                       std::to_string(client::kDepthMax));
    }
    auto listener = ClientListener::open(path, access);
    if (!listener) return Unexpected<std::string>(listener.error());
    FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return Unexpected<std::string>(std::string("epoll: ") + std::strerror(errno));
    return std::unique_ptr<ClientServer>(
        new ClientServer(std::move(*listener), std::move(epoll), quota, backend));
}

ClientServer::ClientServer(ClientListener listener, FileDescriptor epoll, const ClientQuota& quota,
                           ClientBackend& backend)
    : listener_(std::move(listener)), epoll_(std::move(epoll)), quota_(quota), backend_(&backend) {
    watch_listener(true);
}

ClientServer::~ClientServer() = default;

// Turning.

void ClientServer::serve(Duration timeout) {
    if (!listening_ && Clock::now() >= accept_after_) watch_listener(true);
    std::array<epoll_event, kEventsPerTurn> events;
    const int n =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience(timeout));
    const Clock::time_point now = Clock::now();
    for (int i = 0; i < n; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == kListenerTag) {
            accept_all(now);
        } else if (Connection* connection = find(SessionId{event.data.u64})) {
            on_events(*connection, event.events);
        }
    }
    backend_->turn();
    sweep(now);
}

int ClientServer::patience(Duration timeout) const {
    if (!connections_.empty()) timeout = std::min<Duration>(timeout, kSweepEvery);
    if (awaited_ != 0) timeout = std::min<Duration>(timeout, kAwaitedEvery);
    if (!listening_) timeout = std::min<Duration>(timeout, kNoDescriptorPause);
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
    return static_cast<int>(std::clamp<decltype(ms)>(ms, 0, 1 << 30));
}

void ClientServer::watch_listener(bool watch) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kListenerTag;
    epoll_ctl(epoll_.get(), watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener_.descriptor(), &event);
    listening_ = watch;
}

void ClientServer::accept_all(Clock::time_point now) {
    for (std::size_t n = 0; n < kAcceptsPerTurn; ++n) {
        FileDescriptor socket(
            accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket) {
            admit(std::move(socket), now);
            continue;
        }
        const bool exhausted =
            errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (exhausted) {
            accept_after_ = now + kNoDescriptorPause;
            watch_listener(false);
        }
        return;
    }
}

void ClientServer::admit(FileDescriptor socket, Clock::time_point now) {
    if (!listener_.admits(socket)) {
        refuse(socket, {client::Refusal::kPermission, "this user may not use this endpoint"});
        return;
    }
    if (connections_.size() >= quota_.connections) {
        refuse(socket, Verdict::quota(std::to_string(quota_.connections) +
                                      " programs are connected already: try again later"));
        return;
    }
    const SessionId id{next_id_++};
    auto connection = std::make_unique<Connection>();
    connection->id = id;
    connection->socket = std::move(socket);
    connection->since = now;
    epoll_event event{};
    event.events = connection->events = EPOLLIN | EPOLLRDHUP;
    event.data.u64 = id.value;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->socket.get(), &event) != 0) return;
    connections_.emplace(id, std::move(connection));
}

void ClientServer::refuse(const FileDescriptor& socket, Verdict verdict) {
    ++refused_;
    client::Reply reply = reply_of(verdict);
    reply.type = static_cast<std::uint16_t>(client::MessageType::kGoodbye);
    send_record(socket.get(), reply, -1);
    tell("refused: " + verdict.why);
}

void ClientServer::on_events(Connection& connection, std::uint32_t events) {
    if (connection.stage == Stage::kLeaving || connection.stage == Stage::kGone) return;
    if ((events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0) {
        leave(connection);
        return;
    }
    if ((events & EPOLLOUT) != 0) send_reply(connection);
    if ((events & EPOLLIN) != 0 && !connection.awaiting && !connection.reply) receive(connection);
}

/// Reads only from who has no request pending: level-triggered events would never end.
void ClientServer::watch(Connection& connection) {
    if (!connection.socket) return;
    std::uint32_t events = EPOLLRDHUP;
    if (connection.reply) events |= EPOLLOUT;
    if (!connection.reply && !connection.awaiting && !connection.closing) events |= EPOLLIN;
    if (events == connection.events) return;
    epoll_event event{};
    event.events = connection.events = events;
    event.data.u64 = connection.id.value;
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.socket.get(), &event);
}

void ClientServer::receive(Connection& connection) {
    client::Request request;
    // Without room for control messages: descriptors that a program sends are closed by the kernel.
    const ssize_t n =
        recv(connection.socket.get(), &request, sizeof request, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n <= 0) {
        leave(connection);
        return;
    }
    const bool formed =
        n == sizeof request && request.magic == client::kMessageMagic && request.zero == 0;
    if (formed) {
        handle(connection, request);
    } else {
        say_goodbye(connection, Verdict::of(client::Status::kInvalid, "that was no request"));
    }
    watch(connection);
}

/// Ends who is silent, damaged, or has his last reply; forgets who is gone.
void ClientServer::sweep(Clock::time_point now) {
    for (const auto& [id, connection] : connections_) {
        if (connection->stage == Stage::kGreeting &&
            now - connection->since > quota_.hello_within) {
            leave(*connection);
        }
        if (connection->stage != Stage::kSession || connection->closing) continue;
        if (!connection->attached || connection->reply) continue;
        if (const char* why = backend_->broken(id)) {
            tell(std::string("session ended: ") + why);
            say_goodbye(*connection, Verdict::of(client::Status::kInvalid, why));
            watch(*connection);
        }
    }
    std::erase_if(connections_,
                  [](const auto& item) { return item.second->stage == Stage::kGone; });
}

void ClientServer::tell(const std::string& line) {
    ++untold_;
    const Clock::time_point now = Clock::now();
    if (!log_ || now < log_after_) return;
    log_after_ = now + kLogEvery;
    log_("programs: " + line +
         (untold_ > 1 ? " (" + std::to_string(untold_) + " since the last such line)" : ""));
    untold_ = 0;
}

void ClientServer::close_all() {
    for (const auto& [id, connection] : connections_) leave(*connection);
    std::erase_if(connections_,
                  [](const auto& item) { return item.second->stage == Stage::kGone; });
}

// Replies.

ClientServer::Connection* ClientServer::find(SessionId id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : found->second.get();
}

void ClientServer::answer(Connection& connection, const client::Request& request,
                          const Verdict& verdict, client::Reply reply, int passed) {
    connection.awaiting = false;
    if (!connection.socket) return;
    const client::Reply reason = reply_of(verdict);
    reply.status = reason.status;
    reply.text = reason.text;
    reply.type = request.type;
    reply.id = request.id;
    connection.reply = reply;
    connection.passed = passed;
    send_reply(connection);
    watch(connection);
}

void ClientServer::say_goodbye(Connection& connection, const Verdict& verdict) {
    client::Request none;
    none.type = static_cast<std::uint16_t>(client::MessageType::kGoodbye);
    connection.closing = true;
    answer(connection, none, verdict);
}

/// The descriptor is ours no longer once it is on its way: the mapping is all we keep.
void ClientServer::send_reply(Connection& connection) {
    if (!connection.reply) return;
    const int failed = send_record(connection.socket.get(), *connection.reply, connection.passed);
    if (failed == EAGAIN || failed == EWOULDBLOCK || failed == EINTR) return;
    if (connection.passed >= 0) {
        if (connection.passed == connection.memory.descriptor()) {
            connection.memory.close_descriptor();
        }
        for (auto& [number, window] : connection.windows) {
            if (connection.passed == window.memory.descriptor()) window.memory.close_descriptor();
        }
    }
    connection.reply.reset();
    connection.passed = -1;
    if (failed != 0 || connection.closing) leave(connection);
    watch(connection);
}

/// The program is gone, or has to go. Its memory goes when the backend has let go of it.
void ClientServer::leave(Connection& connection) {
    if (connection.stage == Stage::kLeaving || connection.stage == Stage::kGone) return;
    connection.socket = FileDescriptor();  // epoll forgets it, too
    connection.reply.reset();
    const bool attached = connection.attached;
    connection.stage = attached ? Stage::kLeaving : Stage::kGone;
    if (!attached) return;
    backend_->detach_session(connection.id,
                             awaited(connection, [this](Connection& known, const Verdict&) {
                                 while (!known.windows.empty())
                                     forget_window(known, known.windows.begin()->first);
                                 known.memory = {};
                                 known.stage = Stage::kGone;
                             }));
}

}  // namespace ethlink::control
