// SPDX-License-Identifier: BSD-3-Clause
// Tables that change faster than frames pass: no frame sees a mixture, none is lost or leaked.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/forwarding_table.h"
#include "dataplane/snapshot.h"
#include "dataplane/switch_stage.h"
#include "tests/sim/profiles.h"
#include "tests/sim/switch_rig.h"

namespace ethlink::sim {
namespace {

constexpr std::size_t kDestinations = 4;
constexpr std::size_t kFirst = 10;  // their GPU-IDs: gpu(10) and on
constexpr std::uint64_t kVersions = 3;

/// ETHLINK_TABLE_UPDATES overrides it: a million takes half a minute, under TSan seven.
std::uint64_t updates() {
    const char* text = std::getenv("ETHLINK_TABLE_UPDATES");
    return text == nullptr ? 100'000 : std::strtoull(text, nullptr, 10);
}

/// The port is stamped at both ends of the table: all destinations, from 0x0000 to 0xFFFF, lead to
/// it.
ForwardingTable table_to(PortId port) {
    ForwardingTable table;
    bool done = true;
    for (const std::uint16_t end : {std::uint16_t{0}, std::uint16_t{0xFFFF}}) {
        done &= table.set(GpuId{end}, std::span(&port, 1));
    }
    const std::array several{port, port};  // by buckets
    for (std::size_t i = 0; i < kDestinations; ++i) {
        const bool one = i % 2 == 0;
        done &= table.set(SwitchRig::gpu(kFirst + i), one ? std::span<const PortId>(&port, 1)
                                                          : std::span<const PortId>(several));
    }
    EXPECT_TRUE(done);
    return table;
}

/// A table of its own for each version, which leads to port 1 + version % 3. They are copies: to
/// fill one takes three quarters of the time under TSan.
std::unique_ptr<const ForwardingTable> table_of(std::uint64_t version) {
    static const std::array<ForwardingTable, kVersions> made{
        table_to(PortId{1}), table_to(PortId{2}), table_to(PortId{3})};
    return std::make_unique<const ForwardingTable>(made[version % kVersions]);
}

/// What one poll core sees.
struct Seen {
    std::uint64_t turns = 0, mixed = 0, missing = 0;
};

/// Frames for all destinations in each turn: they must leave together, by one port.
void switch_frames(SwitchRig& rig, const std::atomic<bool>& stop, Seen& seen) {
    while (!stop.load(std::memory_order_relaxed) || seen.turns < 100) {
        for (std::size_t i = 0; i < 2 * kDestinations; ++i) {
            const Ghost ghost{.src = SwitchRig::gpu(0),
                              .dst = SwitchRig::gpu(kFirst + i % kDestinations)};
            const GhostLook look{.entropy = static_cast<std::uint16_t>(seen.turns * 7 + i)};
            rig.inject(0, make_ghost(rig.pool, ghost, 100, look));
        }
        rig.step();
        std::size_t all = 0, ports = 0;
        for (std::size_t port = 1; port <= kVersions; ++port) {
            const std::size_t n = rig.taken(port).size();
            all += n;
            ports += n > 0 ? 1 : 0;
        }
        seen.mixed += ports > 1 ? 1 : 0;
        seen.missing += 2 * kDestinations - all;
        ++seen.turns;
    }
}

/// Looks at both ends of the newest table, and at a list, again and again.
void look_up(Snapshot<ForwardingTable>::Reader reader, const std::atomic<bool>& stop, Seen& seen) {
    while (!stop.load(std::memory_order_relaxed) || seen.turns < 100) {
        const ForwardingTable* table = reader.observe();
        const PortId first = table->ports(GpuId{0})[0];
        const auto entropy = static_cast<std::uint16_t>(seen.turns);
        const auto several = table->paths(SwitchRig::gpu(kFirst + 1));
        const bool whole = first == table->ports(GpuId{0xFFFF})[0] &&
                           first == ForwardingTable::by_entropy(several, entropy);
        seen.mixed += whole ? 0 : 1;
        ++seen.turns;
    }
    reader.retire();
}

TEST(TableStorm, NoFrameSeesAMixtureAndNoneIsLost) {
    // S2, S3, S4, X5; also under TSan.
    RigOptions options;
    options.profile = quick_profile();
    options.ports = std::vector<RigPort>(1 + kVersions, RigPort{.plain = true});
    SwitchRig rig(options);
    Snapshot<ForwardingTable> tables(1);
    rig.tables.publish(table_of(0));
    tables.publish(table_of(0));
    std::atomic<bool> stop{false};
    Seen frames, look_ups;
    std::thread poll_core([&] { switch_frames(rig, stop, frames); });
    std::thread reader([&] { look_up(tables.reader(0), stop, look_ups); });
    std::size_t waiting = 0;
    const std::uint64_t wanted = updates();
    for (std::uint64_t version = 1; version <= wanted; ++version) {
        auto& one = version % 2 == 0 ? rig.tables : tables;
        one.publish(table_of(version));
        // A thread that is not scheduled holds what it has seen: give it a chance, not memory.
        while (one.reclaim() > 64) std::this_thread::yield();
        waiting = std::max(waiting, one.reclaim());
    }
    stop = true;
    poll_core.join();
    reader.join();
    EXPECT_EQ(frames.mixed + look_ups.mixed, 0u);
    EXPECT_EQ(frames.missing, 0u);
    EXPECT_EQ(rig.pool.in_use(), 0u);
    EXPECT_EQ(tables.reclaim(), 0u);
    EXPECT_LE(waiting, 64u);
    rig.expect_conservation();
    RecordProperty("turns", std::to_string(frames.turns));
    rig.step();  // It sees the last one.
    EXPECT_EQ(rig.tables.reclaim(), 0u);
}

}  // namespace
}  // namespace ethlink::sim
