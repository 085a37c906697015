// SPDX-License-Identifier: BSD-3-Clause
// Which bytes a key opens: every edge of a window, and nothing else.
#include "proto/txn/window_table.h"

#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ethlink::txn {
namespace {

constexpr std::uint64_t kKey = 0x8000'0000'0000'0003;
constexpr Tenant kTenant{7};
constexpr std::uint64_t kTop = UINT64_MAX;
constexpr std::uint64_t kLargest = (std::uint64_t{1} << 63) + 2;  // beyond it pointers wrap

/// A window of `size` bytes that nobody touches: only addresses are looked at.
struct OneWindow {
    explicit OneWindow(std::uint64_t size, std::uint8_t rights = Rights::kAll) {
        table.add({kKey, bytes.data(), size, rights, kTenant});
    }
    bool finds(std::uint64_t address, std::uint64_t length) const {
        return table.find(kKey, address, length, Rights::kRead, kTenant) != nullptr;
    }
    std::vector<std::byte> bytes = std::vector<std::byte>(16);
    std::array<Window, 8> slots{};
    WindowTable table{slots};
};

bool inside(std::uint64_t address, std::uint64_t length, std::uint64_t size) {
    __extension__ using Wide = unsigned __int128;
    return Wide{address} + length <= size;
}

TEST(WindowTable, EveryCombinationOfEdgesIsAsTheSumSays) {
    std::vector<std::uint64_t> edges;
    for (const std::uint64_t base :
         {std::uint64_t{0}, std::uint64_t{1} << 12, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
          std::uint64_t{1} << 63}) {
        for (std::uint64_t d = 0; d < 5; ++d) edges.push_back(base + d - 2);
    }
    for (const std::uint64_t size : edges) {
        if (size > kLargest) continue;
        const OneWindow window(size);
        for (const std::uint64_t address : edges) {
            for (const std::uint64_t length : edges) {
                ASSERT_EQ(window.finds(address, length), inside(address, length, size))
                    << "E4, T2: " << address << " + " << length << " in " << size;
            }
        }
    }
}

RC_GTEST_PROP(WindowTableProperty, AnAccessIsInsideOrRefused,
              (std::uint64_t size, std::uint64_t address, std::uint64_t length,
               std::uint8_t near)) {
    size %= kLargest;
    // Also near to the end, where the mistakes are.
    if (near % 4 == 1) address = size - near;
    if (near % 4 == 2) length = size - address + near - 128;
    if (near % 4 == 3) length = 0 - address - near / 8;
    const OneWindow window(size);
    RC_ASSERT(window.finds(address, length) == inside(address, length, size));
}

TEST(WindowTable, AWindowOfNoBytesHoldsNone) {
    const OneWindow window(0);
    EXPECT_TRUE(window.finds(0, 0)) << "E4: nothing of nothing";
    EXPECT_FALSE(window.finds(0, 1)) << "E4";
    EXPECT_FALSE(window.finds(1, 0)) << "E4";
    EXPECT_FALSE(window.finds(kTop, 1)) << "E4: base + length wraps to 0";
    EXPECT_FALSE(window.finds(1, kTop)) << "E4";
}

TEST(WindowTable, TheAddressIsAnOffset) {
    OneWindow window(16);
    EXPECT_EQ(window.table.find(kKey, 5, 11, Rights::kRead, kTenant), window.bytes.data() + 5);
    EXPECT_EQ(window.table.find(kKey, 5, 12, Rights::kRead, kTenant), nullptr) << "E4, T2";
    EXPECT_EQ(window.table.find(kKey, 17, 0, Rights::kRead, kTenant), nullptr) << "E4, T2";
}

TEST(WindowTable, EveryRightIsNeededAndNoneImpliesAnother) {
    for (std::uint8_t has = 0; has <= Rights::kAll; ++has) {
        const OneWindow window(16, has);
        for (std::uint8_t wants = 1; wants <= Rights::kAll; ++wants) {
            const bool may = (has & wants) == wants;
            EXPECT_EQ(window.table.find(kKey, 0, 8, wants, kTenant) != nullptr, may)
                << "T3: " << +has << " for " << +wants;
        }
    }
}

TEST(WindowTable, AnotherKeyOrTenantFindsNothing) {
    OneWindow window(16);
    for (int bit = 0; bit < 64; ++bit) {
        const std::uint64_t near = kKey ^ std::uint64_t{1} << bit;
        EXPECT_EQ(window.table.find(near, 0, 1, Rights::kRead, kTenant), nullptr) << "E5: " << bit;
    }
    EXPECT_EQ(window.table.find(kKey, 0, 1, Rights::kRead, Tenant{8}), nullptr) << "E5, T3";
    EXPECT_EQ(window.table.find(kKey, 0, 1, Rights::kRead, Tenant{0}), nullptr) << "E5, T3";
    EXPECT_EQ(window.table.find(0, 0, 0, Rights::kRead, Tenant{}), nullptr) << "E5: a free slot";
    EXPECT_EQ(window.table.find(0, 0, 0, 0, Tenant{}), nullptr) << "E5: a free slot";
}

TEST(WindowTable, ARemovedWindowIsGoneAndItsSlotFree) {
    OneWindow window(16);
    EXPECT_FALSE(window.table.has_room_for(kKey));
    EXPECT_FALSE(window.table.has_room_for(kKey ^ 0x100)) << "the slot is taken by another key";
    EXPECT_FALSE(window.table.has_room_for(0)) << "0 is no key";
    EXPECT_FALSE(window.table.remove(kKey ^ 0x100)) << "not its slot's key";
    EXPECT_FALSE(window.table.remove(0));
    EXPECT_TRUE(window.finds(0, 16));
    EXPECT_TRUE(window.table.remove(kKey));
    EXPECT_FALSE(window.finds(0, 1)) << "E6, T8";
    EXPECT_FALSE(window.table.remove(kKey)) << "once";
    EXPECT_TRUE(window.table.has_room_for(kKey));
}

TEST(WindowTable, OverlappingWindowsHaveTheirOwnRights) {
    std::vector<std::byte> bytes(64);
    std::array<Window, 8> slots{};
    WindowTable table(slots);
    table.add({1, bytes.data(), 64, Rights::kRead, kTenant});
    table.add({2, bytes.data() + 16, 16, Rights::kWrite, kTenant});
    EXPECT_EQ(table.find(1, 20, 4, Rights::kRead, kTenant), bytes.data() + 20) << "T9";
    EXPECT_EQ(table.find(1, 20, 4, Rights::kWrite, kTenant), nullptr) << "T9";
    EXPECT_EQ(table.find(2, 4, 4, Rights::kWrite, kTenant), bytes.data() + 20) << "T9";
    EXPECT_EQ(table.find(2, 4, 4, Rights::kRead, kTenant), nullptr) << "T9";
    table.remove(2);
    EXPECT_EQ(table.find(1, 20, 4, Rights::kRead, kTenant), bytes.data() + 20) << "T9";
}

}  // namespace
}  // namespace ethlink::txn
