// SPDX-License-Identifier: BSD-3-Clause
// The control socket against peers that are slow, loud, many, or gone (threats X1 to X6).
#include "control/runtime/control_socket.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/runtime/control_socket_client.h"
#include "tests/unit/runtime/temporary_directory.h"

namespace ethlink::control {
namespace {

using namespace std::chrono_literals;

/// A peer that does as it likes with its bytes.
class Peer {
public:
    explicit Peer(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
        connected_ = ::connect(socket_.get(), generic, sizeof address) == 0;
    }

    bool connected() const { return connected_; }
    /// How many bytes the socket took.
    std::size_t send(std::string_view bytes) {
        const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return n < 0 ? 0 : static_cast<std::size_t>(n);
    }
    void end_sending() { shutdown(socket_.get(), SHUT_WR); }
    /// What has arrived so far.
    const std::string& received() {
        char bytes[4096];
        ssize_t n = 0;
        while ((n = recv(socket_.get(), bytes, sizeof bytes, 0)) > 0) {
            received_.append(bytes, static_cast<std::size_t>(n));
        }
        closed_ = n == 0 || (n < 0 && errno != EAGAIN);
        return received_;
    }
    bool closed() {
        received();
        return closed_;
    }

private:
    FileDescriptor socket_;
    bool connected_ = false;
    bool closed_ = false;
    std::string received_;
};

class ControlSocketTest : public ::testing::Test {
protected:
    void listen(ControlLimits limits = {}) {
        auto opened = ControlSocket::open(directory_.path(), "main", limits);
        ASSERT_TRUE(opened) << opened.error();
        socket_ = std::move(*opened);
    }
    void turn(int times = 8) {
        for (int i = 0; i < times; ++i) {
            socket_->serve(0ms, [this](std::string_view line) {
                lines_.emplace_back(line);
                return answer_.empty() ? "<" + std::string(line) + ">" : answer_;
            });
        }
    }

    test::TemporaryDirectory directory_;
    std::unique_ptr<ControlSocket> socket_;
    std::vector<std::string> lines_;
    std::string answer_;
};

TEST_F(ControlSocketTest, AnswersEachLineInOrder) {
    listen();
    Peer peer(socket_->path());
    peer.send("one\ntwo\n\nthree\n");
    turn();
    EXPECT_EQ(peer.received(), "<one>\n<two>\n<>\n<three>\n");
}

TEST_F(ControlSocketTest, AFileOnlyForItsUser) {
    listen();
    struct stat status {};
    ASSERT_EQ(stat(socket_->path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    const std::string path = socket_->path();
    socket_.reset();
    EXPECT_NE(stat(path.c_str(), &status), 0) << "the file is still there";
}

TEST_F(ControlSocketTest, OnlyTheSameUserAndRootMayControl) {
    static_assert(may_control(1000, 1000));
    static_assert(may_control(0, 1000));
    static_assert(!may_control(1000, 0));
    static_assert(!may_control(1001, 1000));
}

TEST_F(ControlSocketTest, OneByteAtATime) {
    listen();
    Peer peer(socket_->path());
    for (const char c : std::string("{\"command\":\"help\"}\n")) {
        EXPECT_TRUE(lines_.empty());
        peer.send({&c, 1});
        turn(2);
    }
    ASSERT_EQ(lines_.size(), 1u);
    EXPECT_EQ(lines_[0], "{\"command\":\"help\"}");
}

TEST_F(ControlSocketTest, APartialLineIsNoRequest) {
    listen();
    Peer peer(socket_->path());
    peer.send("half a li");
    turn();
    peer.end_sending();
    turn();
    EXPECT_TRUE(lines_.empty());
    EXPECT_TRUE(peer.closed());
    EXPECT_EQ(socket_->connections(), 0u);
}

TEST_F(ControlSocketTest, HalfCloseStillGetsItsAnswers) {
    listen({.requests_per_turn = 1});
    Peer peer(socket_->path());
    peer.send("a\nb\nc\n");
    peer.end_sending();
    turn();
    EXPECT_EQ(peer.received(), "<a>\n<b>\n<c>\n");
    EXPECT_TRUE(peer.closed());
}

TEST_F(ControlSocketTest, ALineThatIsTooLongEndsTheConnection) {
    listen({.line_bytes = 1000});
    Peer longest(socket_->path());
    longest.send(std::string(1000, 'x') + "\n");
    Peer peer(socket_->path());
    peer.send(std::string(1001, 'y') + "\n");
    turn();
    EXPECT_EQ(longest.received(), "<" + std::string(1000, 'x') + ">\n");
    EXPECT_NE(peer.received().find("longer than 1000 bytes"), std::string::npos);
    EXPECT_TRUE(peer.closed());
    EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(ControlSocketTest, AnEndlessLineIsNotStored) {
    listen();
    Peer peer(socket_->path());
    std::size_t sent = 0;
    const std::string chunk(32u << 10, 'z');
    for (int i = 0; i < 200; ++i) {
        sent += peer.send(chunk);
        turn(1);
    }
    EXPECT_TRUE(peer.closed());
    EXPECT_LT(sent, 1u << 20) << "it was taken although no line can be so long";
    EXPECT_TRUE(lines_.empty());
}

TEST_F(ControlSocketTest, OneConnectionTooManyIsToldSo) {
    listen({.connections = 3});
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 5; ++i) {
        peers.push_back(std::make_unique<Peer>(socket_->path()));
        turn();
    }
    EXPECT_EQ(socket_->connections(), 3u);
    EXPECT_EQ(socket_->refused(), 2u);
    EXPECT_NE(peers[4]->received().find("3 control connections are open"), std::string::npos);
    EXPECT_TRUE(peers[4]->closed());
    peers[0].reset();
    turn();
    Peer late(socket_->path());
    late.send("x\n");
    turn();
    EXPECT_EQ(late.received(), "<x>\n");
}

TEST_F(ControlSocketTest, AStormOfConnections) {
    listen();
    for (int i = 0; i < 2000; ++i) {
        Peer peer(socket_->path());
        peer.send("garbage");
        turn(1);
        EXPECT_LE(socket_->connections(), 16u);
    }
    turn();
    Peer peer(socket_->path());
    peer.send("x\n");
    turn();
    EXPECT_EQ(peer.received(), "<x>\n");
}

TEST_F(ControlSocketTest, AStormOfRefusalsIsOneLineInTheLog) {
    listen({.connections = 0});
    int told = 0;
    socket_->set_log([&](const std::string&) { ++told; });
    for (int i = 0; i < 100; ++i) {
        Peer peer(socket_->path());
        turn(1);
    }
    EXPECT_EQ(socket_->refused(), 100u);
    EXPECT_EQ(told, 1);
}

TEST_F(ControlSocketTest, SilenceIsEnded) {
    listen({.idle = 20ms});
    Peer silent(socket_->path());
    Peer dripping(socket_->path());
    turn();
    EXPECT_EQ(socket_->connections(), 2u);
    for (int i = 0; i < 8; ++i) {
        dripping.send("a");  // Bytes are no progress, only whole requests are.
        std::this_thread::sleep_for(5ms);
        turn(1);
    }
    EXPECT_EQ(socket_->connections(), 0u);
    EXPECT_NE(silent.received().find("connect again"), std::string::npos);
}

TEST_F(ControlSocketTest, WhoTakesNoAnswersIsNotRead) {
    listen();
    answer_ = std::string(60'000, 'a');
    Peer peer(socket_->path());
    const std::string requests(40'000, '\n');  // 40,000 empty requests, 2.4 GB of answers
    peer.send(requests);
    turn(100);
    EXPECT_LT(lines_.size(), 100u);
    EXPECT_EQ(socket_->connections(), 1u);
    Peer other(socket_->path());
    other.send("x\n");
    turn(100);
    EXPECT_FALSE(other.received().empty()) << "others wait for the slow one";
}

TEST_F(ControlSocketTest, OneConnectionDoesNotHoldUpTheOthers) {
    listen({.requests_per_turn = 4});
    Peer storm(socket_->path());
    storm.send(std::string(1000, '\n'));
    Peer other(socket_->path());
    other.send("x\n");
    turn(3);
    EXPECT_EQ(other.received(), "<x>\n");
    EXPECT_LE(lines_.size(), 13u);
}

TEST_F(ControlSocketTest, AnyBytesAtAll) {
    listen();
    std::mt19937 random(1);
    for (int i = 0; i < 300; ++i) {
        Peer peer(socket_->path());
        std::string bytes(random() % 5000, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        peer.send(bytes);
        if (i % 2 == 0) peer.end_sending();
        turn(1 + static_cast<int>(random() % 4));
    }
    turn();
    Peer peer(socket_->path());
    peer.send("still there\n");
    turn();
    EXPECT_EQ(peer.received(), "<still there>\n");
}

/// A socket file without a listener, as a killed process leaves it.
void leave_dead_socket(const std::string& path) {
    const FileDescriptor dead(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    ASSERT_EQ(bind(dead.get(), generic, sizeof address), 0);
    ASSERT_EQ(access(path.c_str(), F_OK), 0);
}

TEST_F(ControlSocketTest, AFileThatADeadProcessLeftIsReplaced) {
    leave_dead_socket(socket_path(directory_.path(), "main"));
    listen();
    Peer peer(socket_->path());
    EXPECT_TRUE(peer.connected());
}

TEST_F(ControlSocketTest, FilesOfOtherDeadProcessesAreRemovedAndThoseOfTheLivingNot) {
    const std::string dead = socket_path(directory_.path(), "lab-77");
    leave_dead_socket(dead);
    const std::string endpoints = directory_.path() + "/lab-77";  // Where its programs spoke to it.
    ASSERT_EQ(mkdir(endpoints.c_str(), S_IRWXU), 0);
    leave_dead_socket(endpoints + "/gpu0.sock");
    const auto living = ControlSocket::open(directory_.path(), "living");
    ASSERT_TRUE(living);
    EXPECT_NE(access(dead.c_str(), F_OK), 0);
    EXPECT_NE(access(endpoints.c_str(), F_OK), 0);
    const std::string no_socket = socket_path(directory_.path(), "file");
    ASSERT_TRUE(std::ofstream(no_socket) << "mine");
    listen();
    EXPECT_TRUE(Peer((*living)->path()).connected());
    EXPECT_EQ(access(no_socket.c_str(), F_OK), 0);
}

TEST_F(ControlSocketTest, ThatOfALivingProcessIsNot) {
    listen();
    const auto second = ControlSocket::open(directory_.path(), "main");
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find("--instance"), std::string::npos) << second.error();
    Peer peer(socket_->path());
    peer.send("x\n");
    turn();
    EXPECT_EQ(peer.received(), "<x>\n");
}

TEST_F(ControlSocketTest, WhatIsNoSocketIsLeftAlone) {
    const std::string path = socket_path(directory_.path(), "main");
    const FileDescriptor file(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
    ASSERT_TRUE(file);
    EXPECT_FALSE(ControlSocket::open(directory_.path(), "main"));
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST_F(ControlSocketTest, TheEndRemovesOnlyItsOwnFile) {
    listen();
    const std::string path = socket_->path();
    ASSERT_EQ(unlink(path.c_str()), 0);
    const FileDescriptor other(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
    socket_.reset();
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST_F(ControlSocketTest, TheClientAsksAndIsAnswered) {
    listen();
    auto client = ControlClient::connect(socket_->path());
    ASSERT_TRUE(client) << client.error();
    std::atomic<bool> done{false};
    std::thread server([&] {
        while (!done.load()) {
            socket_->serve(5ms, [](std::string_view line) {
                return line.find("good") != std::string_view::npos
                           ? std::string(R"({"ok":true,"result":[1,2]})")
                           : std::string(R"({"ok":false,"error":"because"})");
            });
        }
    });
    const auto good = client->ask({{"command", "good"}});
    const auto bad = client->ask({{"command", "bad"}});
    done = true;
    server.join();
    ASSERT_TRUE(good) << good.error();
    EXPECT_EQ(good->dump(), "[1,2]");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), "because");
}

TEST_F(ControlSocketTest, TheClientDoesNotWaitForEver) {
    listen();
    auto client = ControlClient::connect(socket_->path());
    ASSERT_TRUE(client);
    const auto answer = client->ask({{"command", "x"}}, 20ms);
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().find("does not answer"), std::string::npos);
    EXPECT_FALSE(ControlClient::connect(directory_.path() + "/nobody.sock"));
}

}  // namespace
}  // namespace ethlink::control
