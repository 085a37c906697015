// SPDX-License-Identifier: BSD-3-Clause
// Does the table find the ports of a GPU-ID, and does entropy spread over them evenly?
#include "dataplane/forwarding_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
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

TEST(ForwardingTable, NeighbouringEntropiesSpreadToo) {
    // Eight flows that count their entropies up must not end on one port of four.
    const ForwardingTable table = towards_one(ports(0, 4));
    for (std::uint32_t first = 0; first < 60'000; first += 997) {
        std::array<int, 4> uses{};
        for (std::uint32_t i = 0; i < 8; ++i) ++uses[choice(table, first + i).value];
        EXPECT_LE(*std::ranges::max_element(uses), 4) << first;
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
