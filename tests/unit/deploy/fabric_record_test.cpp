// SPDX-License-Identifier: BSD-3-Clause
// What `up` writes down is what `down` reads, and only one of them works on a fabric at a time.
#include "control/deploy/fabric_record.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/deploy/tear_down.h"
#include "tests/unit/runtime/temporary_directory.h"

namespace ethlink::control {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FabricRecordTest : public testing::Test {
protected:
    FabricDirectory claimed() {
        auto directory = FabricDirectory::claim(folder_, "rack", true);
        EXPECT_TRUE(directory) << directory.error();
        return std::move(**directory);
    }

    static FabricRecord sample() {
        return {.name = "rack",
                .file = "/a b/\"rack\".yaml",
                .medium = "memif",
                .boot_id = boot_id(),
                .nodes = {{.node = "leaf0",
                           .kind = "switch",
                           .instance = "rack.leaf0",
                           .argv = {"ethlink", "switch"},
                           .network_namespace = "",
                           .process = record_process(getpid())},
                          {.node = "gpu0",
                           .kind = "endpoint",
                           .instance = "rack.gpu0",
                           .argv = {},
                           .network_namespace = "",
                           .process = {}}}};
    }

    test::TemporaryDirectory place_;
    const std::string& folder_ = place_.path();
};

TEST_F(FabricRecordTest, IsReadAsItWasWritten) {
    const FabricDirectory directory = claimed();
    EXPECT_FALSE(*directory.read()) << "nothing is written yet";
    const FabricRecord record = sample();
    ASSERT_TRUE(directory.write(record));
    const auto again = directory.read();
    ASSERT_TRUE(again && *again);
    EXPECT_EQ((*again)->file, record.file);
    ASSERT_EQ((*again)->nodes.size(), 2u);
    EXPECT_EQ((*again)->nodes[0].argv, record.nodes[0].argv);
    EXPECT_EQ((*again)->nodes[0].process, record.nodes[0].process);
    EXPECT_FALSE((*again)->nodes[1].process);
    EXPECT_TRUE((*again)->any_alive());
}

TEST_F(FabricRecordTest, AnEarlierBootHasNoProcesses) {
    FabricRecord record = sample();
    record.boot_id = "another";
    EXPECT_TRUE(record.processes().empty());
    EXPECT_FALSE(record.any_alive());
}

TEST_F(FabricRecordTest, OneAtATime) {
    std::optional<FabricDirectory> first = claimed();
    const auto second = FabricDirectory::claim(folder_, "rack", false);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error(), HasSubstr("just being started or ended"));
    EXPECT_TRUE(FabricDirectory::claim(folder_, "another", true)) << "others do not mind";
    first.reset();
    EXPECT_TRUE(*FabricDirectory::claim(folder_, "rack", false));
}

TEST_F(FabricRecordTest, WhatIsNotThereIsNotMade) {
    EXPECT_FALSE(*FabricDirectory::claim(folder_, "rack", false));
    EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(FabricRecordTest, NothingStays) {
    FabricDirectory directory = claimed();
    ASSERT_TRUE(
        directory.write({.name = "rack", .file = {}, .medium = {}, .boot_id = {}, .nodes = {}}));
    std::ofstream(directory.log_of("leaf0")) << "a line\n";
    fs::create_directories(directory.path() + "/dpdk/ethlink-leaf0");
    EXPECT_TRUE(directory.remove());
    EXPECT_TRUE(fs::is_empty(folder_));
    EXPECT_TRUE(directory.remove()) << "twice is no error";
}

TEST_F(FabricRecordTest, RemovingDoesNotFollowLinks) {
    FabricDirectory directory = claimed();
    std::ofstream(folder_ + "/precious") << "x";
    fs::create_symlink(folder_, directory.path() + "/link");
    EXPECT_TRUE(directory.remove());
    EXPECT_TRUE(fs::exists(folder_ + "/precious"));
}

TEST_F(FabricRecordTest, WhatIsNoRecordIsNotActedOn) {
    for (const char* text :
         {"", "{}", "[]", "{\"name\": 1}", "\xff", "{\"nodes\": [{\"pid\": 1}]}"}) {
        FabricDirectory directory = claimed();
        std::ofstream(directory.path() + "/record.json") << text;
        const auto record = directory.read();
        ASSERT_FALSE(record) << text;
        EXPECT_THAT(record.error(), HasSubstr("record.json"));
        EXPECT_FALSE(tear_down(directory));
        EXPECT_TRUE(fs::exists(directory.path())) << "somebody has to look at it";
    }
}

TEST_F(FabricRecordTest, ARecycledIdIsLeftAloneByTheEnd) {
    FabricDirectory directory = claimed();
    FabricRecord record = sample();
    ++record.nodes[0].process->start_ticks;  // This very process, had it been another.
    ASSERT_TRUE(directory.write(record));
    const auto notes = tear_down(directory);
    ASSERT_TRUE(notes) << notes.error();
    EXPECT_TRUE(notes->empty());
    EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace ethlink::control
