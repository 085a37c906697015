// SPDX-License-Identifier: BSD-3-Clause
// The control socket as a stream of bytes: however they are cut, merged or broken off, each whole
// line is answered once, in order, and nothing else is; who is silent is told and let go (X2, X4).
#include <deque>
#include <string>

#include "control/runtime/control_socket.h"
#include "control/runtime/unix_socket.h"
#include "tests/fuzz/socket_place.h"

namespace ethlink::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLineMax = 64;

constexpr std::size_t kConnections = 3;

const std::string kTooSilent = control::error_line("no request for too long: connect again") + "\n";

struct Peer {
    control::FileDescriptor socket;
    std::string sent, heard;
    bool ended = false;
    bool one_too_many = false;
};

class Socket {
public:
    explicit Socket(Input& input) : input_(&input) {
        control::ControlLimits limits;
        limits.line_bytes = kLineMax;
        limits.connections = kConnections;
        const std::uint8_t how = input.u8();
        limits.requests_per_turn = 1 + how % 4;
        is_patient_ = how < 0xF0;
        if (!is_patient_) limits.idle = 0s;
        if (how / 16 == 0xE) leave_dead_socket();
        auto opened = control::ControlSocket::open(socket_place(), "fuzz", limits);
        must(opened.has_value(), "the place is free");
        socket_ = std::move(*opened);
        if (how / 16 == 0xE) check_place();
        socket_->set_log([this](const std::string& line) {
            must(line.find("refused") != std::string::npos, "the log says what it is about");
            ++told_;
        });
    }

    void play() {
        for (int i = 0; i < 100 && !input_->empty(); ++i) act();
        for (Peer& peer : peers_) {
            if (!peer.ended) shutdown(peer.socket.get(), SHUT_WR);
            peer.ended = true;
        }
        turn();  // Who has connected only now is let in.
        for (int i = 0; i < 2000 && socket_->connections() > 0; ++i) turn();
        must(socket_->connections() == 0, "X2: who ends his half is let go");
        must(told_ <= 1, "X2: a storm of refusals is no storm of lines");
        for (const Peer& peer : peers_) check(peer);
    }

private:
    static std::string dead_path() { return control::socket_path(socket_place(), "killed"); }

    /// As a process leaves it that is killed.
    static void leave_dead_socket() {
        const control::FileDescriptor dead = control::new_unix_socket(SOCK_STREAM);
        const auto address = control::unix_address(dead_path());
        must(address && bind(dead.get(), control::generic(*address), sizeof *address) == 0,
             "the place is free");
    }
    /// Of any names: ours is taken, and most are none.
    void check_place() {
        must(access(dead_path().c_str(), F_OK) != 0, "what the killed left is removed");
        std::string name(as_text(input_->take(input_->u8() % 8)));
        if (control::is_instance_name(name)) name = "fuzz";
        must(!control::ControlSocket::open(socket_place(), name), "a name is that of one process");
    }

    void act() {
        const std::uint8_t what = input_->u8();
        if (peers_.empty() || what % 16 == 0) {
            if (peers_.size() > kConnections) return turn();
            turn();  // Whoever came before is in, or gone.
            return connect(socket_->connections() == kConnections);
        }
        if (what % 16 < 4) return turn();
        Peer& peer = peers_[what / 16 % peers_.size()];
        if (peer.ended) return;
        if (what % 16 == 4) {
            shutdown(peer.socket.get(), SHUT_WR);
            peer.ended = true;
            return;
        }
        const auto bytes = input_->take(1 + what / 4u);
        const ssize_t n = send(peer.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n > 0) peer.sent += as_text(bytes.first(static_cast<std::size_t>(n)));
    }
    void connect(bool is_full) {
        Peer& peer = peers_.emplace_back();
        peer.socket = connect_to(socket_->path(), SOCK_STREAM);
        turn();
        peer.one_too_many = peer.heard.find("try again later") != std::string::npos;
        must(is_full || !peer.one_too_many, "X2: refused only if there are too many");
    }
    void turn() {
        socket_->serve(0s, [](std::string_view line) {
            must(line.find('\n') == std::string_view::npos, "a line ends where it ends");
            must(line.size() <= kLineMax, "X2: a line has its limit");
            std::string echo = "<";
            for (const char c : line) echo += c == '\0' ? '0' : c;
            return echo + ">";
        });
        for (Peer& peer : peers_) {
            std::array<char, 4096> buffer;
            const ssize_t n = recv(peer.socket.get(), buffer.data(), buffer.size(), 0);
            if (n > 0) peer.heard.append(buffer.data(), static_cast<std::size_t>(n));
        }
    }
    /// What must have come: an echo of each whole line, up to the first that is too long; at most a
    /// last word to who was silent.
    void check(const Peer& peer) const {
        std::string_view heard = peer.heard;
        if (!is_patient_ && heard.ends_with(kTooSilent)) heard.remove_suffix(kTooSilent.size());
        if (peer.one_too_many) {
            must(heard.find('\n') == heard.size() - 1, "X2: told so in one line, once");
            return;
        }
        std::string expected;
        std::string_view rest = peer.sent;
        bool too_long = false, is_whole = true;
        while (true) {
            const std::size_t end = rest.find('\n');
            too_long = std::min(end, rest.size()) > kLineMax;
            is_whole = end != std::string_view::npos;
            if (too_long || !is_whole) break;
            expected += "<";
            for (const char c : rest.substr(0, end)) expected += c == '\0' ? '0' : c;
            expected += ">\n";
            rest.remove_prefix(end + 1);
        }
        if (too_long) {
            must(heard.starts_with(expected), "X2: what came before is answered");
            // Who hangs up in the middle of it may be gone before he is told.
            must(!is_whole || heard.find("longer than", expected.size()) != std::string_view::npos,
                 "X2: an endless line is told so");
        } else {
            must(heard == expected, "X4: each whole line once, in order, nothing else");
        }
    }

    Input* input_;
    bool is_patient_ = true;
    std::unique_ptr<control::ControlSocket> socket_;
    std::deque<Peer> peers_;
    int told_ = 0;
};

}  // namespace

void run(Input& input) {
    Socket(input).play();
}

}  // namespace ethlink::fuzz
