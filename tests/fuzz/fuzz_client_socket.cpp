// SPDX-License-Identifier: BSD-3-Clause
// Programs at the socket of an endpoint that send any records, and a backend that is slow or says
// no. Each request has one reply, quotas hold, and in the end all memory is given back (T7, X2).
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <sys/stat.h>
#include <utility>

#include "control/runtime/client_server.h"
#include "tests/fuzz/socket_place.h"

namespace ethlink::fuzz {
namespace {

using namespace std::chrono_literals;
using client::MessageType;
using client::Reply;
using client::Request;
using control::ClientServer;
using control::SessionId;
using control::Verdict;

constexpr std::uint64_t kWindowBytes = 1 << 16;

control::ClientQuota quota() {
    control::ClientQuota quota;
    quota.connections = 3;
    quota.session_window_bytes = kWindowBytes;
    quota.all_window_bytes = kWindowBytes * 3 / 2;
    quota.depth = client::kDepthMin;
    return quota;
}

/// Answers when and how the input says, in the order of a session's calls; never for one that has
/// been detached.
class Backend final : public control::ClientBackend {
public:
    explicit Backend(Input& input) : input_(&input) {}

    bool ready = true;  // carries out what waits

    void turn() override {
        while (ready && !waiting_.empty()) {
            const auto work = std::move(waiting_.front());
            waiting_.pop_front();
            work();
        }
    }
    GpuId gpu() const override { return {0x201}; }
    void attach_session(SessionId id, std::span<std::byte> memory, std::uint32_t depth,
                        Done done) override {
        must(memory.size() == client::session_bytes(depth), "a session's memory is whole");
        must(!sessions_.contains(id.value), "a session is attached once");
        later([this, id, memory, done = std::move(done)] {
            const bool good = says_yes();
            if (good) sessions_[id.value][kSession] = memory;
            done(good ? Verdict{} : Verdict::quota("no"));
        });
    }
    void detach_session(SessionId id, Done done) override {
        later([this, id, done = std::move(done)] {
            const auto known = sessions_.find(id.value);
            // Everything of it can still be touched: none of it may be unmapped yet.
            if (known != sessions_.end()) {
                for (const auto& [number, bytes] : known->second) touch(bytes);
                sessions_.erase(known);
            }
            done(Verdict{});
        });
    }
    void add_window(SessionId id, std::uint16_t window, std::span<std::byte> bytes,
                    std::uint8_t rights, Registered done) override {
        must(rights <= client::WindowRight::kAll, "rights that exist");
        must(window < client::kWindowsMax && !bytes.empty(), "a window that can be");
        later([this, id, window, bytes, done = std::move(done)] {
            const bool good = says_yes();
            touch(bytes);
            if (good) {
                must(!sessions_[id.value].contains(window), "a number is given once");
                sessions_[id.value][window] = bytes;
            }
            done(good ? Verdict{} : Verdict::quota("no"), good ? 77 : 0);
        });
    }
    void remove_window(SessionId id, std::uint16_t window, Done done) override {
        later([this, id, window, done = std::move(done)] {
            must(sessions_[id.value].contains(window), "only what is there is removed");
            touch(sessions_[id.value][window]);
            sessions_[id.value].erase(window);
            done(Verdict{});
        });
    }
    void open_channel(SessionId id, std::uint16_t peer, GpuId, client::PeerClass, Duration timeout,
                      Done done) override {
        must(timeout > Duration::zero() && timeout <= 1h, "a time that can be waited");
        must(peers_.insert({id.value, peer}).second, "a peer's number is given once");
        later([this, id, peer, done = std::move(done)] {
            const bool good = says_yes();
            if (!good) peers_.erase({id.value, peer});
            done(good ? Verdict{} : Verdict::of(client::Status::kTimeout));
        });
    }
    void close_channel(SessionId id, std::uint16_t peer, Done done) override {
        later([this, id, peer, done = std::move(done)] {
            must(peers_.erase({id.value, peer}) == 1, "only what is open is closed");
            done(Verdict{});
        });
    }
    const char* broken(SessionId) override {
        return broken_now ? "the program damaged what only it writes" : nullptr;
    }

    bool broken_now = false;
    bool empty() const { return sessions_.empty() && waiting_.empty(); }

private:
    static constexpr std::uint16_t kSession = 0xFFFF;

    void later(std::function<void()> work) {
        waiting_.push_back(std::move(work));
        if (input_->u8() % 2 == 0) turn();
    }
    bool says_yes() { return input_->u8() < 230; }
    static void touch(std::span<std::byte> bytes) { bytes.front() = bytes.back() = std::byte{1}; }

    Input* input_;
    std::deque<std::function<void()>> waiting_;
    std::map<std::uint64_t, std::map<std::uint16_t, std::span<std::byte>>> sessions_;
    std::set<std::pair<std::uint64_t, std::uint16_t>> peers_;
};

struct Program {
    control::FileDescriptor socket;
    std::uint32_t next_id = 1;
    std::uint32_t answered = 0;  // the id of the last reply
    bool ended = false;
};

class Socket {
public:
    explicit Socket(Input& input) : input_(&input), backend_(input) {
        control::ClientQuota odd = quota();
        odd.depth = client::kDepthMin + 1;
        must(!open(odd), "a depth is a power of two");
        auto opened = open(quota());
        must(opened.has_value(), "the place is free");
        server_ = std::move(*opened);
        server_->set_log([this](const std::string&) { ++told_; });
    }
    void play() {
        for (int i = 0; i < 150 && !input_->empty(); ++i) act();
        backend_.ready = true;
        server_->close_all();
        for (int i = 0; i < 100 && !server_->empty(); ++i) server_->serve(0s);
        must(server_->empty() && backend_.empty(), "all sessions are given back");
        must(server_->window_bytes() == 0, "R4: all windows are given back");
        must(told_ <= 1, "X2: a storm of refusals is no storm of lines");
    }

private:
    Expected<std::unique_ptr<ClientServer>, std::string> open(const control::ClientQuota& given) {
        return ClientServer::open(socket_place() + "/fuzz.client.sock", {}, given, backend_);
    }

    void act() {
        const std::uint8_t what = input_->u8();
        if (programs_.empty() || what % 16 == 0) {
            if (programs_.size() < 4) {
                programs_.push_back({connect_to(server_->path(), SOCK_SEQPACKET)});
            }
            return turn();
        }
        Program& program = programs_[what / 16 % programs_.size()];
        switch (what % 16) {
            case 1:
            case 2:
            case 3: return turn();
            case 4: backend_.ready = !backend_.ready; return turn();
            case 5: {
                const std::uint8_t how = input_->u8();
                if (how >= 240) return ask_for_many(program, how);
                if (how < 60) program = {connect_to(server_->path(), SOCK_SEQPACKET)};
                return turn();
            }
            case 6: {
                backend_.broken_now = input_->u8() < 30;
                turn();
                backend_.broken_now = false;
                return;
            }
            case 7: {
                const auto bytes = input_->bytes(input_->u8() % 40);
                (void)!::send(program.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
                return;
            }
            default: return ask(program, what);
        }
    }
    /// Counts have limits beside those of bytes.
    void ask_for_many(Program& program, std::uint8_t how) {
        static_assert(client::kWindowsMax == client::kPeersMax);
        const bool windows = how % 2 == 0;
        backend_.ready = true;
        for (std::size_t i = 0; i <= client::kWindowsMax; ++i) {
            Request request;
            request.type = static_cast<std::uint16_t>(windows ? MessageType::kRegister
                                                              : MessageType::kConnect);
            request.id = program.next_id++;
            request.number = windows ? client::WindowRight::kRead : 0x200u;
            request.value = 1;
            (void)!::send(program.socket.get(), &request, sizeof request, MSG_NOSIGNAL);
            turn();
        }
    }
    void ask(Program& program, std::uint8_t what) {
        Request request;
        const std::uint8_t how = input_->u8();
        request.type = static_cast<std::uint16_t>(1 + how % 7);
        request.id = program.next_id++;
        request.number = number(request, how);
        request.value = how >= 240 ? input_->edge() : std::uint64_t{input_->u8()} * 256;
        if (how >= 252) request.type = input_->u16();
        if (how == 251) request.magic ^= what;
        if (how == 250) request.zero = 1;
        (void)!::send(program.socket.get(), &request, sizeof request, MSG_NOSIGNAL);
        turn();
    }
    std::uint32_t number(const Request& request, std::uint8_t how) {
        if (how >= 245) return input_->u32();
        const std::uint8_t small = input_->u8();
        switch (static_cast<MessageType>(request.type)) {
            case MessageType::kHello: return client::kAbiVersion + (small == 255 ? 1 : 0);
            case MessageType::kRegister: return small % 9;
            case MessageType::kConnect: return 0x200u + small % 4 + ((small & 0x80u) << 9);
            case MessageType::kDeregister:
            case MessageType::kDisconnect:
            case MessageType::kInfo:
            case MessageType::kGoodbye: return small % 4;
        }
        return small;
    }
    void turn() {
        server_->serve(0s);
        must(server_->window_bytes() <= quota().all_window_bytes, "T7: the quota of all");
        for (Program& program : programs_) hear(program);
    }
    void hear(Program& program) {
        while (true) {
            Reply reply;
            const ssize_t n = recv(program.socket.get(), &reply, sizeof reply, 0);
            if (n <= 0) return;
            must(n == sizeof reply && reply.magic == client::kMessageMagic, "a whole reply");
            must(reply.text.back() == '\0', "its text ends");
            if (reply.type == static_cast<std::uint16_t>(MessageType::kGoodbye)) continue;
            must(reply.id > program.answered && reply.id < program.next_id,
                 "X2: each request is answered once, in order");
            program.answered = reply.id;
        }
    }

    Input* input_;
    Backend backend_;
    std::unique_ptr<ClientServer> server_;
    std::deque<Program> programs_;
    int told_ = 0;
};

}  // namespace

void run(Input& input) {
    Socket(input).play();
}

}  // namespace ethlink::fuzz
