// SPDX-License-Identifier: BSD-3-Clause
// What `ethlink check` shows.
#include "control/report.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/capacity.h"
#include "control/config.h"
#include "control/report_table.h"
#include "control/routes.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

using testing::HasSubstr;

TEST(Table, AlignsWordsLeftAndNumbersRight) {
    Table table({"name", "n"});
    table.add({"a", "10"});
    table.add({"bcdef", "-"});
    EXPECT_EQ(table.text(), "name    n\na      10\nbcdef   -\n");
}

TEST(Report, JsonHasTheFilesKeys) {
    const Fabric fabric = good(small_fabric());
    const nlohmann::json json = to_json(fabric);
    EXPECT_EQ(json["fabric"], "small");
    EXPECT_EQ(json["profiles"]["default"]["llr"]["max_replay_timer_ns"], 1'000'000);
    EXPECT_EQ(json["profiles"]["default"]["cbfc"]["credit_size"], 64);
    EXPECT_EQ(json["profiles"]["default"]["transport"]["give_up_timer_ms"], 3000);
    EXPECT_EQ(json["profiles"]["default"]["vcs"][0]["credits"], 512);
    EXPECT_EQ(json["nodes"][1]["gpu"], 0x0200);
    EXPECT_EQ(json["nodes"][0]["ports"][1]["peer"], "gpu1:e0");
    EXPECT_EQ(json["links"][0]["endpoints"][0], "leaf0:e0");
    EXPECT_EQ(json["runtime"]["workers"], "auto");
    EXPECT_EQ(json["traffic"]["vc"], "rdma-request");
}

TEST(Report, PlanInJsonAndText) {
    const Fabric fabric = good(rack(4, 1));
    const auto plan = plan_capacity(fabric);
    ASSERT_TRUE(plan);
    const nlohmann::json json = to_json(*plan);
    EXPECT_EQ(json["pool"]["total"], plan->pool.total());
    EXPECT_EQ(json["nodes"][0]["ports"][0]["vcs"][0]["egress_queue_frames"], 1536);
    const std::string text = to_text(*plan);
    EXPECT_THAT(text, HasSubstr("leaf0: 1 worker"));
    EXPECT_THAT(text, HasSubstr("e0 .. e3 (4)"));
    EXPECT_THAT(text, HasSubstr("gpu0 .. gpu3 (4)"));
    EXPECT_THAT(text, HasSubstr("memory: "));
}

TEST(Report, FabricAsText) {
    const std::string text = to_text(
        good("fabric: f\ntopology: {kind: single-rack, gpus: 2, faults: {both: {loss: 0.01}}}\n"));
    EXPECT_THAT(text, HasSubstr("fabric f: 2 endpoints, 1 switch, 2 links"));
    EXPECT_THAT(text, HasSubstr("leaf0:e0  link  gpu0:e0"));
    EXPECT_THAT(text, HasSubstr("loss=0.01"));
    EXPECT_THAT(text, HasSubstr("0x0201"));
}

TEST(Report, Routes) {
    const Fabric fabric = good(rack(2, 2));
    const auto tables = compute_routes(fabric);
    EXPECT_THAT(to_text(fabric, tables), HasSubstr("gpu0   0x0201  e0 e1\n"));
    const nlohmann::json json = to_json(fabric, tables);
    EXPECT_EQ(json["gpu0"][0]["gpu"], 0x0201);
    EXPECT_EQ(json["gpu0"][0]["ports"], (nlohmann::json{"e0", "e1"}));
}

TEST(Report, ErrorsAsJson) {
    const nlohmann::json json = to_json(ConfigError{"f", 1, 2, "k", "w", "h"});
    EXPECT_EQ(json.dump(), R"({"column":2,"file":"f","hint":"h","key":"k","line":1,"why":"w"})");
}

}  // namespace
}  // namespace ethlink::control::test
