// SPDX-License-Identifier: BSD-3-Clause
// Remote memory through real links, switches and poll loops: is every byte right, whatever happens
// to the cables?
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proto/wire/build.h"
#include "proto/wire/icrc.h"
#include "tests/sim/rack.h"
#include "tests/sim/seeds.h"
#include "tests/sim/txn_client.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using txn::ChannelClass;

constexpr std::size_t kGpus = 4;
constexpr std::uint32_t kSlice = 4096;

/// Four GPUs, each with a port on both of two switches.
std::string two_tracks(std::uint64_t seed, bool bad, const std::string& more) {
    return "fabric: sim\n"
           "topology:\n"
           "  kind: single-rack\n"
           "  gpus: 4\n"
           "  tracks: 2\n" +
           (bad ? "  faults: {seed: " + std::to_string(seed) +
                      ", both: {loss: 0.01, bit_error: 0.001, duplicate: 0.005, reorder: 0.005}}\n"
                : std::string()) +
           "profiles:\n"
           "  default:\n"
           "    llr: {max_outstanding_frames: 256, max_replay_timer_ns: 100000, ack_delay_us: 3,\n"
           "          init_interval_us: 20, pcs_lost_timeout_ns: 100000,\n"
           "          data_age_timeout_ns: 5000000}\n"
           "    cbfc: {cc_message_timer_us: 100, cf_update_interval_us: 50}\n" +
           more;
}

class RackMemory : public testing::Test {
protected:
    /// `more`: of the profile.
    void build(std::uint64_t seed, bool bad, const std::string& more = "") {
        rack = std::make_unique<Rack>(two_tracks(seed, bad, more), control::Workload{}, seed);
        random = std::make_unique<Random>(seed);
        rack->publish_tables();
        rack->run_for(300us);
        for (std::size_t i = 0; i < kGpus; ++i) {
            memories.push_back(std::make_unique<Bytes>(1 << 16));
            rack->memory_of(i).windows().add({.key = key(i),
                                              .bytes = memories[i]->data(),
                                              .size = memories[i]->size(),
                                              .rights = txn::Rights::kAll});
        }
    }
    /// A client of each class from each GPU to each other.
    void connect_all() {
        for (std::size_t to = 0; to < kGpus; ++to) {
            std::uint64_t slice = 0;
            for (std::size_t from = 0; from < kGpus; ++from) {
                if (from == to) continue;
                for (const ChannelClass kind : {ChannelClass::kLoadStore, ChannelClass::kRdma}) {
                    const TxnClient::Slice own{key(to), kSlice * ++slice, kSlice, 0, false, false};
                    clients.push_back(
                        {std::make_unique<TxnClient>(rack->memory_of(from), gpu(to), kind, own,
                                                     random->next(), rack->now),
                         to});
                }
            }
        }
    }
    void work(int turns) {
        for (int i = 0; i < turns; ++i) {
            for (auto& client : clients) {
                client.program->work(static_cast<std::uint32_t>(random->below(3)), rack->now);
            }
            rack->run_for(10us);
        }
    }
    /// E1, E2, E9: everything completes well, all memory is as it must be, nothing is left.
    void expect_all_kept() {
        ASSERT_TRUE(rack->run_until(
            [&] {
                return std::ranges::all_of(clients,
                                           [](const auto& c) { return c.program->idle(); });
            },
            900ms))
            << "E1: not everything completes";
        std::uint64_t added[kGpus] = {};
        for (const Client& client : clients) {
            ASSERT_GT(client.program->done, 0u);
            ASSERT_EQ(client.program->failed, 0u) << name(client.program->last_error);
            ASSERT_TRUE(client.program->matches(*memories[client.to])) << "E2, E9";
            added[client.to] += client.program->added;
        }
        for (std::size_t i = 0; i < kGpus; ++i) {
            std::uint64_t counter = 0;
            std::memcpy(&counter, memories[i]->data(), sizeof counter);
            ASSERT_EQ(counter, added[i]) << "E2: an atomic was lost or done twice";
        }
        EXPECT_TRUE(rack->run_until([&] { return rack->is_at_rest(); }, 50ms)) << "C3";
        EXPECT_EQ(rack->frames_leaked(), 0u) << "R1";
    }

    static std::uint64_t key(std::size_t i) { return 0x1000 + i; }
    GpuId gpu(std::size_t i) const { return rack->planned.identities[i].self; }

    struct Client {
        std::unique_ptr<TxnClient> program;
        std::size_t to;
    };
    std::vector<std::unique_ptr<Bytes>> memories;
    std::vector<Client> clients;
    std::unique_ptr<Random> random;
    std::unique_ptr<Rack> rack;
};

TEST_F(RackMemory, EveryByteIsRightOverBadCables) {
    for_each_seed(4, [&](std::uint64_t seed) {
        clients.clear();
        memories.clear();
        build(seed, true);
        connect_all();
        work(300);
        expect_all_kept();
    });
}

TEST_F(RackMemory, ADeadTrackMovesItsChannelsWithoutALoss) {
    build(1, false);
    connect_all();
    work(100);
    // The cable of each GPU's first port is pulled, one after the other, and put back.
    for (std::size_t link = 0; link < rack->planned.fabric.links.size(); link += 2) {
        rack->wire(link).set_up(false);
        work(100);
        rack->wire(link).set_up(true);
        work(20);
    }
    std::uint64_t moved = 0;
    for (std::size_t i = 0; i < kGpus; ++i) {
        moved += rack->memory_of(i).stats().read(TxnStat::kPathChanges);
    }
    EXPECT_GT(moved, 0u);
    expect_all_kept();
}

TEST_F(RackMemory, ChannelsGiveUpWhenTheirProfileSaysSo) {
    build(1, false, "    transport: {retry_timer_max_us: 5000, give_up_timer_ms: 20}\n");
    connect_all();
    work(20);
    ASSERT_TRUE(rack->run_until(
        [&] {
            return std::ranges::all_of(clients, [](const auto& c) { return c.program->idle(); });
        },
        50ms));
    for (std::size_t i = 0; i < rack->planned.fabric.links.size(); ++i) {
        rack->wire(i).set_up(false);
    }
    // Two of them: one may be a fence, which has nothing to wait for.
    for (const Client& client : clients) client.program->work(2, rack->now);
    const auto none_ended = [&] {
        return std::ranges::none_of(clients, [](const auto& c) { return c.program->ended; });
    };
    const auto all_ended = [&] {
        return std::ranges::all_of(clients, [](const auto& c) { return c.program->ended; });
    };
    rack->run_for(19ms);
    EXPECT_TRUE(none_ended()) << "E1: too early";
    EXPECT_TRUE(rack->run_until(all_ended, 2ms)) << "E1: in time";
    for (const Client& client : clients) EXPECT_GE(client.program->failed, 1u);
}

TEST_F(RackMemory, FramesThatAreNotForItOrDamagedChangeNothing) {
    build(1, false);
    // E11, D10: what an endpoint gets from its cable, its links being no help.
    const auto frame = [&](GpuId dst) {
        Bytes bytes(2048);
        std::vector<std::byte> payload(24);
        const wire::DataFrame repr{.dst = dst,
                                   .src = gpu(1),
                                   .vlan = {},
                                   .net = {.ttl = 5, .dscp = 32},
                                   .txn = {.opcode = wire::Opcode::kOpen, .channel = 1},
                                   .payload = std::span(payload).first(16)};
        bytes.resize(repr.emit(bytes));
        return bytes;
    };
    Bytes damaged = frame(gpu(0));
    damaged[40] ^= std::byte{1};
    rack->deliver(0, damaged);
    EXPECT_EQ(rack->drops(Drop::kBadIcrc), 1u);
    rack->deliver(0, frame(gpu(3)));
    EXPECT_EQ(rack->drops(Drop::kNotForMe), 1u);
    EXPECT_EQ(rack->memory_of(0).stats().read(TxnStat::kRxFrames), 0u);
    rack->deliver(0, frame(gpu(0)));
    EXPECT_EQ(rack->memory_of(0).stats().read(TxnStat::kRxFrames), 1u);
}

}  // namespace
}  // namespace ethlink::sim
