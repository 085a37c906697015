// SPDX-License-Identifier: BSD-3-Clause
// Remote memory through real links, switches and poll loops: is every byte right, whatever happens
// to the cables?
#include "tests/sim/rack_memory.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proto/wire/build.h"
#include "proto/wire/icrc.h"
#include "tests/sim/sweep.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

/// Four GPUs, each with a port on both of two switches.
std::string two_tracks(std::uint64_t seed, bool bad, const std::string& more = {}) {
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

TEST(RackMemory, EveryByteIsRightOverBadCables) {
    sweep(20, [](const Trial& trial, Oracle& oracle) {
        RackMemory fabric(oracle, trial.seed, two_tracks(trial.seed, true));
        fabric.connect_all();
        fabric.work(static_cast<int>(trial.work(300, oracle)));
        fabric.check_all_kept();
    });
}

TEST(RackMemory, ADeadTrackMovesItsChannelsWithoutALoss) {
    Oracle oracle;
    RackMemory fabric(oracle, 1, two_tracks(1, false));
    Rack* const rack = fabric.rack.get();
    fabric.connect_all();
    fabric.work(100);
    // The cable of each GPU's first port is pulled, one after the other, and put back.
    for (std::size_t link = 0; link < rack->planned.fabric.links.size(); link += 2) {
        rack->wire(link).set_up(false);
        fabric.work(100);
        rack->wire(link).set_up(true);
        fabric.work(20);
    }
    std::uint64_t moved = 0;
    for (std::size_t i = 0; i < fabric.gpus(); ++i) {
        moved += rack->memory_of(i).stats().read(TxnStat::kPathChanges);
    }
    EXPECT_GT(moved, 0u);
    fabric.check_all_kept();
    EXPECT_EQ(oracle.broken(), "");
}

TEST(RackMemory, ChannelsGiveUpWhenTheirProfileSaysSo) {
    Oracle oracle;
    RackMemory fabric(
        oracle, 1,
        two_tracks(1, false, "    transport: {retry_timer_max_us: 5000, give_up_timer_ms: 20}\n"));
    Rack* const rack = fabric.rack.get();
    const auto& clients = fabric.clients;
    fabric.connect_all();
    fabric.work(20);
    ASSERT_TRUE(rack->run_until(
        [&] {
            return std::ranges::all_of(clients, [](const auto& c) { return c.program->idle(); });
        },
        50ms));
    for (std::size_t i = 0; i < rack->planned.fabric.links.size(); ++i) {
        rack->wire(i).set_up(false);
    }
    // Two of them: one may be a fence, which has nothing to wait for.
    for (const auto& client : clients) client.program->work(2, rack->now);
    const auto none_ended = [&] {
        return std::ranges::none_of(clients, [](const auto& c) { return c.program->ended; });
    };
    const auto all_ended = [&] {
        return std::ranges::all_of(clients, [](const auto& c) { return c.program->ended; });
    };
    rack->run_for(19ms);
    EXPECT_TRUE(none_ended()) << "E1: too early";
    EXPECT_TRUE(rack->run_until(all_ended, 2ms)) << "E1: in time";
    for (const auto& client : clients) EXPECT_GE(client.program->failed, 1u);
    EXPECT_EQ(oracle.broken(), "");
}

TEST(RackMemory, FramesThatAreNotForItOrDamagedChangeNothing) {
    Oracle oracle;
    RackMemory fabric(oracle, 1, two_tracks(1, false));
    Rack* const rack = fabric.rack.get();
    // E11, D10: what an endpoint gets from its cable, its links being no help.
    const auto frame = [&](GpuId dst) {
        Bytes bytes(2048);
        std::vector<std::byte> payload(24);
        const wire::DataFrame repr{.dst = dst,
                                   .src = fabric.gpu(1),
                                   .vlan = {},
                                   .net = {.ttl = 5, .dscp = 32},
                                   .txn = {.opcode = wire::Opcode::kOpen, .channel = 1},
                                   .payload = std::span(payload).first(16)};
        bytes.resize(repr.emit(bytes));
        return bytes;
    };
    Bytes damaged = frame(fabric.gpu(0));
    damaged[40] ^= std::byte{1};
    rack->deliver(0, damaged);
    EXPECT_EQ(rack->drops(Drop::kBadIcrc), 1u);
    rack->deliver(0, frame(fabric.gpu(3)));
    EXPECT_EQ(rack->drops(Drop::kNotForMe), 1u);
    EXPECT_EQ(rack->memory_of(0).stats().read(TxnStat::kRxFrames), 0u);
    rack->deliver(0, frame(fabric.gpu(0)));
    EXPECT_EQ(rack->memory_of(0).stats().read(TxnStat::kRxFrames), 1u);
}

}  // namespace
}  // namespace ethlink::sim
