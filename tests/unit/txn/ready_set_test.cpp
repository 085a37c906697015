// SPDX-License-Identifier: BSD-3-Clause
// Who has something to do is visited, nobody else.
#include "dataplane/ready_set.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/random.h"

namespace ethlink {
namespace {

std::vector<std::size_t> visited(ReadySet& set, bool stays = true) {
    std::vector<std::size_t> all;
    set.for_each([&](std::size_t index) {
        all.push_back(index);
        return stays;
    });
    return all;
}

TEST(ReadySet, VisitsEachOnceInOrder) {
    ReadySet set(200);
    EXPECT_TRUE(visited(set).empty());
    for (const std::size_t index : {199u, 0u, 63u, 64u, 63u}) set.add(index);
    const std::vector<std::size_t> wanted{0, 63, 64, 199};
    EXPECT_EQ(visited(set), wanted);
    EXPECT_EQ(visited(set, false), wanted) << "they stayed";
    EXPECT_TRUE(visited(set).empty()) << "they said that they were done";
}

TEST(ReadySet, HoldsWhatASetHolds) {
    Random random(1);
    for (const std::size_t size : {1u, 64u, 65u, 130u}) {
        ReadySet set(size);
        std::set<std::size_t> model;
        for (int i = 0; i < 5000; ++i) {
            const std::size_t index = random.below(size);
            if (random.chance(0.5)) {
                set.add(index);
                model.insert(index);
            } else {
                set.remove(index);
                model.erase(index);
            }
            const auto all = visited(set);
            ASSERT_TRUE(std::equal(all.begin(), all.end(), model.begin(), model.end()));
        }
    }
}

TEST(ReadySet, AVisitMayAddOthers) {
    ReadySet set(128);
    set.add(1);
    std::vector<std::size_t> all;
    set.for_each([&](std::size_t index) {
        all.push_back(index);
        if (index == 1) set.add(71);
        return index == 71;
    });
    EXPECT_EQ(all, (std::vector<std::size_t>{1, 71})) << "71 stands behind 1";
    EXPECT_EQ(visited(set), std::vector<std::size_t>{71});
}

}  // namespace
}  // namespace ethlink
