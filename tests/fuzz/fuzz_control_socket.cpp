// SPDX-License-Identifier: BSD-3-Clause
// The control socket as a stream of bytes: however they are cut, merged or broken off, each whole
// line is answered once, in order, and nothing else is (X2, X4).
#include <deque>
#include <string>

#include "control/runtime/control_socket.h"
#include "tests/fuzz/socket_place.h"

namespace ethlink::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLineMax = 64;

constexpr std::size_t kConnections = 3;

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
        limits.requests_per_turn = 1 + input.u8() % 4;
        auto opened = control::ControlSocket::open(socket_place(), "fuzz", limits);
        must(opened.has_value(), "the place is free");
        socket_ = std::move(*opened);
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
    /// What must have come: an echo of each whole line, up to the first that is too long.
    static void check(const Peer& peer) {
        if (peer.one_too_many) {
            must(peer.heard.find('\n') == peer.heard.size() - 1, "X2: told so in one line, once");
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
            must(peer.heard.starts_with(expected), "X2: what came before is answered");
            // Who hangs up in the middle of it may be gone before he is told.
            must(!is_whole || peer.heard.find("longer than", expected.size()) != std::string::npos,
                 "X2: an endless line is told so");
        } else {
            must(peer.heard == expected, "X4: each whole line once, in order, nothing else");
        }
    }

    Input* input_;
    std::unique_ptr<control::ControlSocket> socket_;
    std::deque<Peer> peers_;
    int told_ = 0;
};

}  // namespace

void run(Input& input) {
    Socket(input).play();
}

}  // namespace ethlink::fuzz
