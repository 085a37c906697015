// SPDX-License-Identifier: BSD-3-Clause
// Does the table find the ports of a GPU-ID, and does entropy spread over them evenly?
#include "dataplane/forwarding_table.h"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

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

TEST(ForwardingTable, TheSameEntropyTakesTheSamePort) {
    // S6: a flow keeps its path, whoever asks and how often.
    const auto list = ports(10, 7);
    for (std::uint32_t entropy = 0; entropy < 65'536; ++entropy) {
        const auto e = static_cast<std::uint16_t>(entropy);
        const PortId port = ForwardingTable::by_entropy(list, e);
        ASSERT_TRUE(std::ranges::find(list, port) != list.end());
        ASSERT_EQ(ForwardingTable::by_entropy(list, e), port);
    }
}

TEST(ForwardingTable, EntropySpreadsEvenly) {
    for (std::uint16_t paths = 1; paths <= ForwardingTable::kMaxPaths; ++paths) {
        const auto list = ports(0, paths);
        std::array<int, ForwardingTable::kMaxPaths> uses{};
        for (std::uint32_t entropy = 0; entropy < 65'536; ++entropy) {
            ++uses[ForwardingTable::by_entropy(list, static_cast<std::uint16_t>(entropy)).value];
        }
        for (std::uint16_t i = 0; i < paths; ++i) {
            ASSERT_NEAR(uses[i], 65'536.0 / paths, 65'536.0 / paths * 0.02 + 2) << paths;
        }
    }
}

TEST(ForwardingTable, NeighbouringEntropiesSpreadToo) {
    // Eight flows that count their entropies up must not end on one port of four.
    for (std::uint32_t first = 0; first < 60'000; first += 997) {
        std::array<int, 4> uses{};
        for (std::uint32_t i = 0; i < 8; ++i) {
            const auto entropy = static_cast<std::uint16_t>(first + i);
            ++uses[ForwardingTable::by_entropy(ports(0, 4), entropy).value];
        }
        EXPECT_LE(*std::ranges::max_element(uses), 4) << first;
    }
}

}  // namespace
}  // namespace ethlink
