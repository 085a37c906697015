// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/commands_faults.h"

#include <string>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

using nlohmann::json;

TEST(CommandsFaultsTest, OnlyTheKeysGivenChange) {
    FaultOptions before{.loss = 0.1, .delay = Duration(500), .seed = 9};
    const auto after = changed_faults(before, {{"loss", 0.25}, {"rate_mbps", 1000}});
    ASSERT_TRUE(after) << after.error();
    EXPECT_DOUBLE_EQ(after->loss, 0.25);
    EXPECT_DOUBLE_EQ(after->rate_mbps, 1000);
    EXPECT_EQ(after->delay, Duration(500));
    EXPECT_EQ(after->seed, 9u);
}

TEST(CommandsFaultsTest, EveryKeyGoesThereAndBack) {
    json request = json::object();
    for (const std::string& key : fault_keys()) request[key] = 1;
    const auto faults = changed_faults({}, request);
    ASSERT_TRUE(faults) << faults.error();
    const json shown = to_json(*faults);
    EXPECT_EQ(shown.size(), fault_keys().size());
    for (const std::string& key : fault_keys()) EXPECT_EQ(shown.at(key), 1) << key;
}

TEST(CommandsFaultsTest, RangesAreThoseOfTheFabricFile) {
    for (const std::string& key : fault_keys()) {
        for (const json& wrong : {json(-1), json(1e300), json("1"), json(true), json(nullptr)}) {
            const auto faults = changed_faults({}, {{key, wrong}});
            ASSERT_FALSE(faults) << key << " " << wrong;
            EXPECT_NE(faults.error().find("`" + key + "`"), std::string::npos) << faults.error();
        }
    }
    EXPECT_FALSE(changed_faults({}, {{"loss", 1.01}}));
    EXPECT_FALSE(changed_faults({}, {{"reorder_distance", 0}}));
    EXPECT_FALSE(changed_faults({}, {{"reorder_distance", 65}}));
    EXPECT_FALSE(changed_faults({}, {{"delay_ns", 1'000'000'001}}));
    EXPECT_FALSE(changed_faults({}, {{"delay_ns", 0.5}}));
}

}  // namespace
}  // namespace ethlink::control
