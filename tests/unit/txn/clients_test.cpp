// SPDX-License-Identifier: BSD-3-Clause
// Programs, control thread and poll thread of an endpoint, each as in production a thread of its
// own: what ThreadSanitizer is to look at.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/txn/clients_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using client::PeerClass;
using client::Status;

constexpr auto kMine = std::byte{0xA5};  // what the owner writes into memory that is its own again
constexpr std::uint64_t kEightOfMine = 0xA5A5'A5A5'A5A5'A5A5;

/// Runs until it is told to stop.
class Looping {
public:
    template <class Turn>
    explicit Looping(const Turn& turn)
        : thread_([this, turn] {
              while (!stop_.load(std::memory_order_relaxed)) {
                  turn();
                  std::this_thread::yield();
              }
          }) {}
    Looping(const Looping&) = delete;
    Looping& operator=(const Looping&) = delete;
    ~Looping() {
        stop_.store(true, std::memory_order_relaxed);
        thread_.join();
    }

private:
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

/// A program that uses a key until it hears that it is none any more, and then waits for another.
struct Asking {
    explicit Asking(const RigProgram& program, std::vector<std::byte>& local_)
        : traffic(program.raw(), false), local(&local_) {}

    void turn() {
        const std::uint64_t now = key.load(std::memory_order_acquire);
        if (now != used) {
            if (traffic.outstanding > 0) return take();
            used = now;
            revoked = false;
        }
        if (used != 0 && !revoked) traffic.submit(used);
        take();
        if (revoked && traffic.outstanding == 0) at_rest.store(used, std::memory_order_release);
    }
    void take() {
        traffic.take([this](const client::RawCompletion& completion) {
            const auto status = static_cast<Status>(completion.status);
            if (status == Status::kRemoteAccess) {
                revoked = true;
                ++refused;
            } else if (status != Status::kOk) {
                ++strange;
            } else {
                saw_mine += looks_mine(completion);
                done.fetch_add(1, std::memory_order_relaxed);
            }
        });
    }
    /// A load or read that found what stands there only after the window was gone.
    bool looks_mine(const client::RawCompletion& completion) const {
        const auto opcode = static_cast<client::Opcode>(completion.opcode);
        if (opcode == client::Opcode::kRead) {
            const std::byte* const bytes = local->data() + completion.slot * Traffic::kBulk;
            return std::find(bytes, bytes + Traffic::kBulk, kMine) != bytes + Traffic::kBulk;
        }
        return opcode == client::Opcode::kLoad && completion.value == kEightOfMine;
    }

    Traffic traffic;
    std::vector<std::byte>* local;
    std::uint64_t used = 0;
    bool revoked = false;
    std::uint64_t refused = 0, strange = 0, saw_mine = 0;
    std::atomic<std::uint64_t> key{0};      // to be used
    std::atomic<std::uint64_t> at_rest{0};  // of these nothing is under way any more
    std::atomic<std::uint64_t> done{0};
};

TEST(EndpointClients, AfterRemoveWindowNothingTouchesItsMemory) {
    constexpr int kRounds = 60;
    ClientsRig rig;
    const auto wait = [] { std::this_thread::yield(); };
    const Looping poll([&rig] { rig.turn(); });
    RigProgram program(rig.asker_backend, 1, wait), lender(rig.owner_backend, 2, wait);
    program.connect(0, kOwner, PeerClass::kLoadStore, wait);
    program.connect(1, kOwner, PeerClass::kRdma, wait);
    std::vector<std::byte> local(Traffic::kLocalBytes, std::byte{0x11});
    program.add_window(0, local, 0, wait);
    Asking asking(program, local);
    {
        const Looping asks([&asking] { asking.turn(); });
        for (std::uint16_t round = 0; round < kRounds; ++round) {
            const auto memory = std::make_unique<std::byte[]>(Traffic::kRemoteBytes);
            const std::span bytes(memory.get(), Traffic::kRemoteBytes);
            const std::uint64_t key =
                lender.add_window(round % 4, bytes, client::WindowRight::kAll, wait);
            const std::uint64_t before = asking.done.load();
            asking.key.store(key, std::memory_order_release);
            while (asking.done.load() < before + 50 + round * 7 % 100) wait();
            lender.remove_window(round % 4, wait);
            std::ranges::fill(bytes, kMine);
            const std::uint64_t after = asking.done.load();
            while (asking.at_rest.load(std::memory_order_acquire) != key) {
                wait();
                ASSERT_LT(asking.done.load(), after + 100'000) << "E6: the key still opens it";
            }
            ASSERT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == kMine; }))
                << "E6: written after remove_window(), round " << round;
        }  // The memory is gone: whoever still looks at it meets the sanitizer.
    }
    EXPECT_GE(asking.refused, static_cast<std::uint64_t>(kRounds)) << "E6: in flight, and refused";
    EXPECT_EQ(asking.strange, 0u) << "A2: the channel goes on";
    EXPECT_EQ(asking.saw_mine, 0u) << "E6: read after remove_window()";
    program.leave(wait);
    lender.leave(wait);
}

TEST(EndpointClients, ASessionThatLeavesTakesItsWindowsAlong) {
    ClientsRig rig;
    const auto wait = [] { std::this_thread::yield(); };
    const Looping poll([&rig] { rig.turn(); });
    RigProgram program(rig.asker_backend, 1, wait);
    program.connect(0, kOwner, PeerClass::kLoadStore, wait);
    program.connect(1, kOwner, PeerClass::kRdma, wait);
    std::vector<std::byte> local(Traffic::kLocalBytes);
    program.add_window(0, local, 0, wait);
    Asking asking(program, local);
    {
        const Looping asks([&asking] { asking.turn(); });
        for (std::uint64_t round = 0; round < 20; ++round) {
            auto memory = std::make_unique<std::byte[]>(Traffic::kRemoteBytes);
            auto lender = std::make_unique<RigProgram>(rig.owner_backend, 2 + round, wait);
            const std::uint64_t key = lender->add_window(0, {memory.get(), Traffic::kRemoteBytes},
                                                         client::WindowRight::kAll, wait);
            const std::uint64_t before = asking.done.load();
            asking.key.store(key, std::memory_order_release);
            while (asking.done.load() < before + 50) wait();
            lender->leave(wait);
            memory.reset();
            lender.reset();
            while (asking.at_rest.load(std::memory_order_acquire) != key) wait();
        }
    }
    EXPECT_EQ(asking.strange, 0u) << "A2";
    EXPECT_EQ(rig.owner_backend.open_calls(), 0u);
    program.leave(wait);
}

// One thread is enough to see who gets what.

TEST(EndpointBackend, AProgramThatRegistersAllItCanLeavesWindowsToOthers) {
    ClientsRig rig;  // 64 slots, of which 48 are given out, most of them after several draws.
    const auto wait = [&rig] { rig.turn(); };
    std::vector<std::byte> memory(64);
    std::vector<std::unique_ptr<RigProgram>> programs;
    std::vector<std::uint64_t> keys;
    for (const std::size_t share : {24u, 12u, 6u, 3u, 2u, 1u, 0u}) {
        RigProgram& program = *programs.emplace_back(
            std::make_unique<RigProgram>(rig.owner_backend, programs.size() + 1, wait));
        std::uint64_t key = 0;
        std::uint16_t n = 0;
        const auto more = [&] {
            return program.try_add_window(n, memory, client::WindowRight::kRead, key, wait);
        };
        for (; more().ok(); ++n) keys.push_back(key);
        EXPECT_EQ(n, share) << "T7";
        EXPECT_EQ(more().status, client::Refusal::kQuota);
        program.add_window(200, memory, 0, wait);  // Those without rights need no slot.
    }
    for (const std::uint64_t key : keys) {
        EXPECT_EQ(rig.owner.endpoint.windows().find(key, 0, 64, Rights::kRead, Tenant{}),
                  memory.data());
    }
    programs.front()->remove_window(0, wait);
    programs.back()->add_window(0, memory, client::WindowRight::kRead, wait);
    for (const auto& program : programs) program->leave(wait);
    for (const std::uint64_t key : keys) {
        EXPECT_EQ(rig.owner.endpoint.windows().find(key, 0, 1, Rights::kRead, Tenant{}), nullptr);
    }
}

TEST(EndpointBackend, AProgramThatConnectsAllItCanLeavesChannelsToOthers) {
    ClientsRig rig;  // 8 channels
    const auto wait = [&rig] { rig.turn(); };
    std::vector<std::unique_ptr<RigProgram>> programs;
    for (const std::size_t share : {4u, 2u, 1u, 1u, 0u}) {
        RigProgram& program = *programs.emplace_back(
            std::make_unique<RigProgram>(rig.asker_backend, programs.size() + 1, wait));
        std::uint16_t n = 0;
        const auto more = [&] {
            return program.try_connect(n, kOwner, PeerClass::kRdma, std::chrono::seconds(3), wait);
        };
        while (more().ok()) ++n;
        EXPECT_EQ(n, share) << "T7";
        EXPECT_EQ(more().status, client::Refusal::kQuota);
    }
    programs.front()->disconnect(3, wait);
    programs.back()->connect(0, kOwner, PeerClass::kRdma, wait);
    programs.front()->leave(wait);
    programs.back()->connect(1, kOwner, PeerClass::kRdma, wait);
}

TEST(EndpointBackend, ConnectingEndsInItsTimeAndHoldsNothing) {
    ClientsRig rig;
    const auto wait = [&rig] { rig.turn(); };
    RigProgram program(rig.asker_backend, 1, wait);
    for (int i = 0; i < 20; ++i) {
        const Time begin = rig.now;
        const control::Verdict verdict =
            program.try_connect(0, GpuId{0x999}, PeerClass::kRdma, 5ms, wait);
        EXPECT_EQ(verdict.status, static_cast<std::uint16_t>(Status::kTimeout)) << verdict.why;
        EXPECT_GE(rig.now - begin, 5ms) << "E1";
        EXPECT_LE(rig.now - begin, 5ms + 10 * ClientsRig::kTurn) << "E1: in time";
    }
    EXPECT_EQ(rig.asker_backend.open_calls(), 0u);
}

}  // namespace
}  // namespace ethlink::txn::test
