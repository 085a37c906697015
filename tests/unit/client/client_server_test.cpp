// SPDX-License-Identifier: BSD-3-Clause
// The socket for programs against peers that are wrong, loud, many, silent, or gone.
#include "control/runtime/client_server.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/client/include/ethlink/ethlink.h"
#include "tests/unit/client/fake_daemon.h"
#include "tests/unit/client/raw_peer.h"
#include "tests/unit/client/shared_memory.h"

namespace ethlink::client {
namespace {

using namespace std::chrono_literals;
using namespace test;

Request request_of(MessageType type, std::uint32_t number = 0, std::uint64_t value = 0) {
    Request request;
    request.type = static_cast<std::uint16_t>(type);
    request.number = number;
    request.value = value;
    request.id = 4711;
    return request;
}

constexpr auto kGoodbye = static_cast<std::uint16_t>(MessageType::kGoodbye);
constexpr auto kInvalid = static_cast<std::uint16_t>(Status::kInvalid);

class ClientServerTest : public testing::Test {
protected:
    /// The others notice nothing of what a test does.
    void TearDown() override {
        ethlink_session* session = nullptr;
        ASSERT_EQ(ethlink_open(daemon.path(), 5'000'000, &session), ETHLINK_OK)
            << ethlink_last_error();
        ethlink_window* window = nullptr;
        EXPECT_EQ(ethlink_window_alloc(session, 4096, ETHLINK_READ, &window), ETHLINK_OK);
        ethlink_close(session);
        EXPECT_TRUE(daemon.becomes_empty());
    }
    FakeDaemon daemon;
};

TEST_F(ClientServerTest, HelloGivesSealedMemoryWithTheHeader) {
    RawPeer peer(daemon.path());
    const auto reply = peer.hello();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 0);
    EXPECT_EQ(reply->limits.gpu, kOwnGpu);
    ASSERT_TRUE(peer.passed());
    const int descriptor = peer.passed().get();
    struct stat status {};
    ASSERT_EQ(fstat(descriptor, &status), 0);
    EXPECT_EQ(static_cast<std::size_t>(status.st_size), session_bytes(kDepthMin));
    EXPECT_NE(ftruncate(descriptor, 0), 0) << "a program cannot take the pages away";
    EXPECT_NE(ftruncate(descriptor, 1 << 30), 0);
    EXPECT_NE(fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE), 0);
    ControlBlock block{};
    ASSERT_EQ(pread(descriptor, &block, 32, 0), 32);
    EXPECT_EQ(block.magic, kSessionMagic);
    EXPECT_EQ(block.abi_version, kAbiVersion);
}

TEST_F(ClientServerTest, AnotherVersionIsToldOursAndClosed) {
    RawPeer peer(daemon.path());
    const auto reply = peer.hello(kAbiVersion + 1);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, Refusal::kVersion);
    EXPECT_EQ(reply->number, kAbiVersion);
    EXPECT_FALSE(peer.passed());
    EXPECT_TRUE(peer.closed());
}

TEST_F(ClientServerTest, WhatIsNoRequestEndsTheConnection) {
    std::mt19937 random(3);
    std::vector<std::vector<char>> messages{{'x'},
                                            std::vector<char>(sizeof(Request) - 1),
                                            std::vector<char>(sizeof(Request) + 1),
                                            std::vector<char>(100'000, 'y')};
    for (int i = 0; i < 10; ++i) {
        std::vector<char> garbage(sizeof(Request));
        for (char& byte : garbage) byte = static_cast<char>(random());
        messages.push_back(garbage);
    }
    for (const bool greeted : {false, true}) {
        for (const std::vector<char>& message : messages) {
            RawPeer peer(daemon.path());
            if (greeted) {
                ASSERT_TRUE(peer.hello());
            }
            ASSERT_TRUE(peer.send(message.data(), message.size()));
            const auto goodbye = peer.receive();
            ASSERT_TRUE(goodbye);
            EXPECT_EQ(goodbye->type, kGoodbye);
            EXPECT_EQ(goodbye->status, kInvalid);
            EXPECT_TRUE(peer.closed());
        }
        ASSERT_TRUE(daemon.becomes_empty());
    }
}

TEST_F(ClientServerTest, RequestsOutOfOrderEndTheConnection) {
    for (const MessageType type : {MessageType::kRegister, MessageType::kInfo,
                                   MessageType::kDisconnect, MessageType::kGoodbye}) {
        RawPeer peer(daemon.path());
        const auto goodbye = peer.ask(request_of(type));
        ASSERT_TRUE(goodbye);
        EXPECT_EQ(goodbye->type, kGoodbye);
    }
    RawPeer twice(daemon.path());
    ASSERT_TRUE(twice.hello());
    EXPECT_EQ(twice.hello()->type, kGoodbye);
    RawPeer unknown(daemon.path());
    ASSERT_TRUE(unknown.hello());
    Request request = request_of(MessageType::kInfo);
    request.type = 999;
    EXPECT_EQ(unknown.ask(request)->type, kGoodbye);
}

TEST_F(ClientServerTest, WrongNumbersAreInvalidAndTheSessionGoesOn) {
    RawPeer peer(daemon.path());
    ASSERT_TRUE(peer.hello());
    for (const Request& request :
         {request_of(MessageType::kRegister, 8, 4096), request_of(MessageType::kRegister, 1, 0),
          request_of(MessageType::kDeregister, 0), request_of(MessageType::kDeregister, 256),
          request_of(MessageType::kDeregister, 0x10000),
          request_of(MessageType::kConnect, kPeerGpu),
          request_of(MessageType::kConnect, kPeerGpu | 2u << 16, 1),
          request_of(MessageType::kDisconnect, 0),
          request_of(MessageType::kDisconnect, 1u << 31)}) {
        const auto reply = peer.ask(request);
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->status, kInvalid) << request.type << " " << request.number;
        EXPECT_EQ(reply->id, 4711u);
        EXPECT_NE(reply->text[0], 0);
    }
    const auto info = peer.ask(request_of(MessageType::kInfo));
    ASSERT_TRUE(info);
    EXPECT_EQ(info->limits.windows_max, kWindowsMax);
    const auto window = peer.ask(request_of(MessageType::kRegister, 1, 4096));
    ASSERT_TRUE(window);
    EXPECT_EQ(window->status, 0);
    EXPECT_EQ(peer.ask(request_of(MessageType::kDeregister, 0x10000))->status, kInvalid)
        << "no number is cut to 16 bits";
}

TEST_F(ClientServerTest, AWindowsMemoryCannotBeTakenAway) {
    RawPeer peer(daemon.path());
    ASSERT_TRUE(peer.hello());
    ASSERT_EQ(peer.ask(request_of(MessageType::kRegister, 1, 10'000))->status, 0);
    EXPECT_NE(ftruncate(peer.passed().get(), 0), 0);
    EXPECT_NE(ftruncate(peer.passed().get(), 1 << 30), 0);
}

TEST_F(ClientServerTest, DescriptorsThatNobodyAskedForAreClosed) {
    RawPeer peer(daemon.path());
    ASSERT_TRUE(peer.hello());
    std::array<int, 2> pipe_ends{};
    ASSERT_EQ(pipe(pipe_ends.data()), 0);
    // Answered when the daemon has closed its own descriptor of the memory.
    ASSERT_TRUE(peer.ask(request_of(MessageType::kInfo)));
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(peer.send(request_of(MessageType::kInfo), pipe_ends[0]));
        ASSERT_TRUE(peer.receive());
    }
    EXPECT_TRUE(descriptors_become(before));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

TEST_F(ClientServerTest, WhoSaysNothingIsClosed) {
    RawPeer peer(daemon.path());
    EXPECT_TRUE(peer.closed());
}

TEST_F(ClientServerTest, AHalfClosedConnectionIsOver) {
    RawPeer peer(daemon.path());
    ASSERT_TRUE(peer.hello());
    ASSERT_EQ(peer.ask(request_of(MessageType::kRegister, 1, 1 << 20))->status, 0);
    peer.end_sending();
    EXPECT_TRUE(peer.closed());
    EXPECT_TRUE(daemon.becomes_empty());
}

TEST_F(ClientServerTest, WhoTakesNoRepliesGetsNoMoreAndHarmsNobody) {
    RawPeer peer(daemon.path());
    ASSERT_TRUE(peer.hello());
    int sent = 0;
    while (sent < 100'000 && peer.send(request_of(MessageType::kInfo))) ++sent;
    std::this_thread::sleep_for(20ms);
    while (sent < 100'000 && peer.send(request_of(MessageType::kInfo))) ++sent;
    EXPECT_LT(sent, 100'000) << "the daemon read without end";
    for (int i = 0; i < sent; ++i) ASSERT_TRUE(peer.receive()) << i << " of " << sent;
}

TEST_F(ClientServerTest, AThousandConnectionsLeaveNothingBehind) {
    const std::size_t before = open_descriptors();
    std::size_t refused = 0;
    {
        std::vector<std::unique_ptr<RawPeer>> peers;
        for (int i = 0; i < 1000; ++i) {
            peers.push_back(std::make_unique<RawPeer>(daemon.path()));
            // The queue of the listener is full for a moment.
            for (int again = 0; again < 1000 && !peers.back()->connected(); ++again) {
                std::this_thread::sleep_for(1ms);
                peers.back() = std::make_unique<RawPeer>(daemon.path());
            }
            ASSERT_TRUE(peers.back()->connected()) << i;
        }
        for (std::size_t i = small_quota().connections; i < peers.size(); ++i) {
            const auto goodbye = peers[i]->receive();
            refused += goodbye && goodbye->type == kGoodbye && goodbye->status == Refusal::kQuota;
        }
        EXPECT_LE(daemon.connections(), small_quota().connections);
    }
    EXPECT_GT(refused, 900u - small_quota().connections);
    EXPECT_TRUE(daemon.becomes_empty());
    EXPECT_TRUE(descriptors_become(before));
}

TEST_F(ClientServerTest, RegisteringAndDyingAtRandomLeavesNothingBehind) {
    const std::size_t before = open_descriptors();
    std::mt19937 random(5);
    for (int round = 0; round < 60; ++round) {
        RawPeer peer(daemon.path());
        Request hello = request_of(MessageType::kHello, kAbiVersion);
        peer.send(hello);
        for (int i = 0; i < 12; ++i) {
            const auto type = static_cast<MessageType>(2 + random() % 5);
            const auto number =
                type == MessageType::kConnect ? kPeerGpu | (random() % 2) << 16 : random() % 4;
            peer.send(
                request_of(type, static_cast<std::uint32_t>(number), 1 + random() % (1u << 20)));
        }
        // Replies or not: it dies somewhere in the middle.
        for (auto n = random() % 6; n > 0; --n) peer.receive();
    }
    EXPECT_TRUE(daemon.becomes_empty());
    EXPECT_TRUE(descriptors_become(before));
}

TEST_F(ClientServerTest, ASessionThatLiesAboutItsCompletionsIsEnded) {
    RawPeer peer(daemon.path());
    ASSERT_TRUE(peer.hello());
    void* mapped = mmap(nullptr, session_bytes(kDepthMin), PROT_READ | PROT_WRITE, MAP_SHARED,
                        peer.passed().get(), 0);
    ASSERT_NE(mapped, MAP_FAILED);
    const SessionView view = SessionView::at(static_cast<std::byte*>(mapped), kDepthMin);
    RawProgram program(view);
    view.control->completions_taken.store(0x80000000);
    for (std::uint32_t i = 0; i < kDepthMin; ++i) program.submit(load_of(0));
    while (!program.peek(kDepthMin - 1)) std::this_thread::sleep_for(1ms);
    program.submit(load_of(0));
    const auto goodbye = peer.receive();
    ASSERT_TRUE(goodbye);
    EXPECT_EQ(goodbye->type, kGoodbye);
    EXPECT_NE(std::string(goodbye->text.data()).find("completions"), std::string::npos);
    munmap(mapped, session_bytes(kDepthMin));
}

TEST(ClientListenerTest, TheFileIsPrivateUnlessAskedOtherwise) {
    const control::test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/x.client.sock";
    const auto mode = [&] {
        struct stat status {};
        return lstat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0u;
    };
    {
        const auto listener = control::ClientListener::open(path, {});
        ASSERT_TRUE(listener) << listener.error();
        EXPECT_EQ(mode(), 0600u);
        const auto second = control::ClientListener::open(path, {});
        ASSERT_FALSE(second);
        EXPECT_NE(second.error().find("another process"), std::string::npos) << second.error();
    }
    EXPECT_EQ(mode(), 0u) << "gone with its owner";
    {
        const auto listener =
            control::ClientListener::open(path, {.group = getgid(), .everybody = false});
        ASSERT_TRUE(listener) << listener.error();
        EXPECT_EQ(mode(), 0660u);
    }
    const auto listener = control::ClientListener::open(path, {.group = {}, .everybody = true});
    ASSERT_TRUE(listener) << listener.error();
    EXPECT_EQ(mode(), 0666u);
}

TEST(ClientListenerTest, WhatADeadProcessLeftIsReplacedButNothingElse) {
    const control::test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/x.client.sock";
    {
        const control::FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
        ASSERT_EQ(bind(socket.get(), generic, sizeof address), 0);
    }
    EXPECT_TRUE(control::ClientListener::open(path, {}));
    const control::FileDescriptor file(open(path.c_str(), O_CREAT | O_WRONLY, 0600));
    const auto listener = control::ClientListener::open(path, {});
    ASSERT_FALSE(listener);
    EXPECT_NE(listener.error().find("remove it"), std::string::npos) << listener.error();
}

TEST(ClientListenerTest, NamesThatLeadElsewhereAreRefused) {
    const control::test::TemporaryDirectory directory;
    EXPECT_FALSE(control::make_client_socket_path(directory.path(), "../x", "gpu0"));
    EXPECT_FALSE(control::make_client_socket_path(directory.path(), "lab", "a/b"));
    EXPECT_FALSE(control::make_client_socket_path(directory.path(), "lab", ""));
    const auto path = control::make_client_socket_path(directory.path(), "lab", "gpu0");
    ASSERT_TRUE(path) << path.error();
    EXPECT_EQ(*path, directory.path() + "/lab/gpu0.client.sock");
}

TEST(ClientListenerTest, AnotherUserIsRefused) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
    const control::test::TemporaryDirectory directory;
    ASSERT_EQ(chmod(directory.path().c_str(), 0777), 0);
    const std::string path = directory.path() + "/x.client.sock";
    const auto listener = control::ClientListener::open(path, {});
    ASSERT_TRUE(listener);
    ASSERT_EQ(chmod(path.c_str(), 0666), 0) << "the file lets everybody in, the check does not";
    const auto admitted = [&](uid_t user) {
        const pid_t child = fork();
        if (child == 0) {
            if (setgid(user) != 0 || setuid(user) != 0) _exit(2);
            const RawPeer peer(path);
            pause();
        }
        control::FileDescriptor socket;
        for (int i = 0; i < 2000 && !socket; ++i) {
            socket = control::FileDescriptor(accept(listener->descriptor(), nullptr, nullptr));
            if (!socket) std::this_thread::sleep_for(1ms);
        }
        const bool good = socket && listener->admits(socket);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        return good;
    };
    EXPECT_TRUE(admitted(0));
    EXPECT_FALSE(admitted(65534));
}

}  // namespace
}  // namespace ethlink::client
