// SPDX-License-Identifier: BSD-3-Clause
// Does the table find the ports of a GPU-ID, and does entropy spread over them evenly?
#include "dataplane/forwarding_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "control/switch_table.h"

namespace ethlink {
namespace {

std::vector<PortId> ports(std::uint16_t first, std::uint16_t count) {
    std::vector<PortId> list;
    for (std::uint16_t i = 0; i < count; ++i)
        list.push_back(PortId{static_cast<std::uint16_t>(first + i)});
    return list;
}

TEST(ForwardingTable, IsEmptyAtFirst) {
    const ForwardingTable table;
    for (std::uint32_t id = 0; id < 65'536; ++id) {
        EXPECT_TRUE(table.ports(GpuId{static_cast<std::uint16_t>(id)}).empty());
    }
}

TEST(ForwardingTable, FindsWhatWasSet) {
    ForwardingTable table;
    EXPECT_TRUE(table.set(GpuId{0}, ports(3, 1)));
    EXPECT_TRUE(table.set(GpuId{0xFFFF}, ports(5, 4)));
    EXPECT_TRUE(table.set(GpuId{7}, ports(5, 4)));
    EXPECT_TRUE(std::ranges::equal(table.ports(GpuId{0}), ports(3, 1)));
    EXPECT_TRUE(std::ranges::equal(table.ports(GpuId{0xFFFF}), ports(5, 4)));
    // Equal sets are kept once.
    EXPECT_EQ(table.ports(GpuId{7}).data(), table.ports(GpuId{0xFFFF}).data());

    EXPECT_TRUE(table.set(GpuId{0}, ports(9, 2)));  // Anew,
    EXPECT_TRUE(std::ranges::equal(table.ports(GpuId{0}), ports(9, 2)));
    EXPECT_TRUE(table.set(GpuId{0}, {}));  // and away.
    EXPECT_TRUE(table.ports(GpuId{0}).empty());
}

TEST(ForwardingTable, HasLimits) {
    ForwardingTable table;
    EXPECT_TRUE(table.set(GpuId{1}, ports(0, ForwardingTable::kMaxPaths)));
    EXPECT_FALSE(table.set(GpuId{1}, ports(0, ForwardingTable::kMaxPaths + 1)));
    EXPECT_EQ(table.ports(GpuId{1}).size(), ForwardingTable::kMaxPaths);
}

/// A table with this list for GPU 1, made from another one or not.
ForwardingTable towards_one(const std::vector<PortId>& list,
                            const ForwardingTable* before = nullptr) {
    ForwardingTable table;
    EXPECT_TRUE(table.set(GpuId{1}, list, before));
    return table;
}

PortId choice(const ForwardingTable& table, std::uint32_t entropy) {
    return ForwardingTable::by_entropy(table.paths(GpuId{1}), static_cast<std::uint16_t>(entropy));
}

/// How many of all entropies each port gets.
std::map<std::uint16_t, int> uses(const ForwardingTable& table) {
    std::map<std::uint16_t, int> found;
    for (std::uint32_t e = 0; e < 65'536; ++e) ++found[choice(table, e).value];
    return found;
}

/// To within one bucket.
void expect_even(const ForwardingTable& table) {
    const auto list = table.ports(GpuId{1});
    const double bucket = 65'536.0 / static_cast<double>(list.size()) / 32;
    for (const auto& [port, n] : uses(table)) {
        const auto shares = std::ranges::count(list, PortId{port});
        const double fair =
            65'536.0 * static_cast<double>(shares) / static_cast<double>(list.size());
        ASSERT_NEAR(n, fair, bucket * static_cast<double>(shares) + 2) << list.size();
    }
}

TEST(ForwardingTable, TheSameEntropyTakesTheSamePort) {
    // S6: a flow keeps its path, whoever asks and how often.
    const auto list = ports(10, 7);
    const ForwardingTable table = towards_one(list), again = towards_one(list);
    for (std::uint32_t entropy = 0; entropy < 65'536; ++entropy) {
        const PortId port = choice(table, entropy);
        ASSERT_TRUE(std::ranges::find(list, port) != list.end());
        ASSERT_EQ(choice(again, entropy), port);
    }
}

TEST(ForwardingTable, EntropySpreadsEvenly) {
    for (std::uint16_t paths = 2; paths <= ForwardingTable::kMaxPaths;
         paths = static_cast<std::uint16_t>(paths + 1 + paths / 8)) {
        expect_even(towards_one(ports(0, paths)));
    }
}

TEST(ForwardingTable, APortThatStandsThereTwiceGetsTwiceAsMuch) {
    const ForwardingTable table = towards_one({{0}, {0}, {1}, {2}});
    expect_even(table);
    auto found = uses(table);
    EXPECT_NEAR(found[0], 2.0 * found[1], 4);
}

TEST(ForwardingTable, EntropiesInARowSpreadLikeAnyOthers) {
    // Whoever numbers his flows, in whatever steps: within six deviations of what chance would do.
    const ForwardingTable table = towards_one(ports(0, 4));
    constexpr std::uint32_t kFlows = 256;
    const double most = kFlows / 4.0 + 6 * std::sqrt(kFlows / 4.0 * 0.75);
    for (std::uint32_t step = 1; step < 2048; ++step) {
        std::array<int, 4> uses{};
        for (std::uint32_t i = 0; i < kFlows; ++i) ++uses[choice(table, 1 + i * step).value];
        // Beyond it entropies come again.
        if (std::gcd(step, 65'536u) > 65'536 / kFlows) continue;
        ASSERT_LE(*std::ranges::max_element(uses), most) << "step " << step;
    }
}

/// Which of `count` ports each entropy takes at a node with this salt.
std::vector<std::uint16_t> choices(std::uint32_t salt, std::uint16_t count) {
    ForwardingTable table(salt);
    EXPECT_TRUE(table.set(GpuId{1}, ports(0, count)));
    std::vector<std::uint16_t> found;
    for (std::uint32_t e = 0; e < 65'536; ++e) found.push_back(choice(table, e).value);
    return found;
}

/// How far the flows of any port of the first hop are from an even spread over the ports of the
/// next one, in deviations of what chance would do.
double worst_cell(const std::vector<std::uint16_t>& first, const std::vector<std::uint16_t>& next,
                  std::uint16_t count) {
    std::vector<int> cells(std::size_t{count} * count);
    for (std::size_t e = 0; e < first.size(); ++e) ++cells[first[e] * count + next[e]];
    const double fair = 65'536.0 / static_cast<double>(cells.size());
    double worst = 0;
    for (const int n : cells) worst = std::max(worst, std::abs(n - fair) / std::sqrt(fair));
    return worst;
}

TEST(ForwardingTableProperty, WhatOneHopSentToOnePortSpreadsEvenlyAtTheNext) {
    // No polarisation: of each pair of nodes, whatever they are called.
    std::vector<std::uint32_t> salts;
    for (int i = 0; i < 8; ++i) {
        salts.push_back(control::path_salt("leaf" + std::to_string(i)));
        salts.push_back(control::path_salt("r" + std::to_string(i) + "-leaf0"));
        salts.push_back(control::path_salt("spine" + std::to_string(i)));
    }
    for (const std::uint16_t count : std::to_array<std::uint16_t>({2, 3, 4, 8, 16})) {
        std::vector<std::vector<std::uint16_t>> nodes;
        for (const std::uint32_t salt : salts) nodes.push_back(choices(salt, count));
        double worst = 0;
        for (std::size_t a = 0; a < nodes.size(); ++a) {
            for (std::size_t b = 0; b < a; ++b) {
                worst = std::max(worst, worst_cell(nodes[a], nodes[b], count));
            }
        }
        // Over 276 pairs and up to 256 cells chance itself reaches four or five.
        EXPECT_LT(worst, 6) << count << " ports";
        std::cout << count << " ports: " << worst << " deviations at worst\n";
        EXPECT_GT(worst_cell(nodes[0], nodes[0], count), 100) << "the test sees polarisation";
    }
}

TEST(ForwardingTable, OnlyFlowsOfAPortThatIsGoneMove) {
    for (const std::uint16_t count : std::to_array<std::uint16_t>({2, 3, 8, 9, 33, 512})) {
        auto list = ports(0, count);
        const ForwardingTable full = towards_one(list);
        list.erase(list.begin() + count / 2);
        const ForwardingTable less = towards_one(list, &full);
        const ForwardingTable healed = towards_one(ports(0, count), &less);
        const PortId gone{static_cast<std::uint16_t>(count / 2)};
        for (std::uint32_t e = 0; e < 65'536; ++e) {
            const PortId now = less.paths(GpuId{1}).ports.size() == 1 ? list[0] : choice(less, e);
            ASSERT_NE(now, gone);
            ASSERT_TRUE(choice(full, e) == gone || choice(full, e) == now) << count;
            ASSERT_TRUE(choice(healed, e) == gone || choice(healed, e) == now) << count;
        }
        if (count > 2) expect_even(less);
        expect_even(healed);
    }
}

TEST(ForwardingTable, FlowsStayEvenHoweverManyTablesCome) {
    ForwardingTable table = towards_one(ports(0, 8));
    std::uint32_t state = 1;
    for (int round = 0; round < 200; ++round) {
        state = state * 1'664'525 + 1'013'904'223;
        std::vector<PortId> list;
        for (std::uint16_t p = 0; p < 16; ++p) {
            if ((state >> (p + 8) & 1) != 0 || p < 2) list.push_back({p});
        }
        table = towards_one(list, &table);
        expect_even(table);
    }
}

TEST(ForwardingTable, ATableStaysSmall) {
    // 1,024 GPUs behind 512 ports and 512 cables to the other rack.
    ForwardingTable table;
    for (std::uint16_t gpu = 0; gpu < 512; ++gpu) {
        EXPECT_TRUE(table.set(GpuId{gpu}, ports(gpu, 1)));
        EXPECT_TRUE(table.set(GpuId{static_cast<std::uint16_t>(512 + gpu)}, ports(512, 512)));
    }
    EXPECT_LT(table.memory_bytes(), 1u << 18);
}

}  // namespace
}  // namespace ethlink
