// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/eal.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/dpdk/hugepages.h"
#include "tests/dpdk/environment.h"

namespace ethlink::dpdk {
namespace {

bool contains(const std::vector<std::string>& arguments, const std::string& argument) {
    return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
}

TEST(Eal, NeverUsesDpdksDefaultPrefix) {
    const auto arguments = eal_arguments({.instance = "leaf0"}, MemoryMode::kNoHuge);
    ASSERT_TRUE(arguments);
    EXPECT_TRUE(contains(*arguments, "--file-prefix=ethlink-leaf0"));
}

TEST(Eal, EachMemoryModeHasItsArguments) {
    const auto no_huge = eal_arguments({}, MemoryMode::kNoHuge);
    EXPECT_TRUE(contains(*no_huge, "--no-huge"));
    EXPECT_TRUE(contains(*no_huge, "--no-shconf"));
    EXPECT_FALSE(contains(*no_huge, "--in-memory"));
    EXPECT_TRUE(contains(*eal_arguments({}, MemoryMode::kInMemory), "--in-memory"));
    EXPECT_TRUE(contains(*eal_arguments({}, MemoryMode::kHugepages), "--huge-unlink=always"));
}

TEST(Eal, LooksAtNoPciDeviceUnlessOneIsNamed) {
    EXPECT_TRUE(contains(*eal_arguments({}, MemoryMode::kNoHuge), "--no-pci"));
    EalOptions options;
    options.pci_devices = {"0000:03:00.0"};
    const auto arguments = eal_arguments(options, MemoryMode::kInMemory);
    EXPECT_FALSE(contains(*arguments, "--no-pci"));
    EXPECT_TRUE(contains(*arguments, "0000:03:00.0"));
}

TEST(Eal, SeveralWorkersCanShareACpu) {
    EalOptions options;
    const unsigned cpu = test::first_cpu();
    options.control_cpus = {cpu};
    options.worker_cpus = {cpu, cpu, cpu};
    const auto arguments = eal_arguments(options, MemoryMode::kNoHuge);
    ASSERT_TRUE(arguments) << arguments.error();
    const std::string at = std::to_string(cpu);
    EXPECT_TRUE(contains(*arguments, "--lcores=0@(" + at + "),1@" + at + ",2@" + at + ",3@" + at));
}

TEST(Eal, WorkersMayMoveAmongAllCpus) {
    EalOptions options;
    options.worker_cpus = {test::first_cpu(), test::first_cpu()};
    options.pin_workers = false;
    const auto arguments = eal_arguments(options, MemoryMode::kNoHuge);
    ASSERT_TRUE(arguments) << arguments.error();
    std::string all;
    for (const unsigned cpu : usable_cpus()) all += (all.empty() ? "" : ",") + std::to_string(cpu);
    EXPECT_TRUE(contains(*arguments, "--lcores=0@(" + all + "),1@(" + all + "),2@(" + all + ")"));
}

TEST(Eal, ExtraArgumentsComeLast) {
    EalOptions options;
    options.extra = {"--log-level=lib.eal:debug"};
    EXPECT_EQ(eal_arguments(options, MemoryMode::kNoHuge)->back(), "--log-level=lib.eal:debug");
}

TEST(Eal, RefusesWhatCannotWorkWithAReason) {
    EXPECT_FALSE(eal_arguments({.instance = ""}, MemoryMode::kNoHuge));
    EXPECT_FALSE(eal_arguments({.instance = "a/../b"}, MemoryMode::kNoHuge));
    EalOptions no_such_cpu;
    no_such_cpu.worker_cpus = {1023};
    const auto refused = eal_arguments(no_such_cpu, MemoryMode::kNoHuge);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().find("CPU 1023"), std::string::npos) << refused.error();
    EalOptions crowd;
    crowd.worker_cpus.assign(200, test::first_cpu());
    EXPECT_FALSE(eal_arguments(crowd, MemoryMode::kNoHuge));
}

TEST(Eal, RunsOnceAndSaysWhatItWasGiven) {
    EXPECT_NE(test::eal().command_line().find("--file-prefix=ethlink-test-"), std::string::npos);
    EXPECT_EQ(test::eal().workers(), (std::vector<unsigned>{1, 2}));
    EXPECT_TRUE(test::eal().shares_cpus());
    EXPECT_FALSE(Eal::start({}));
}

TEST(Hugepages, AutoFallsBackToOrdinaryPagesAndSaysWhy) {
    const MemoryChoice choice = choose_memory(MemoryMode::kAuto, 4'000'000'000u);
    EXPECT_EQ(choice.mode, MemoryMode::kNoHuge);
    EXPECT_FALSE(choice.notice.empty());
    EXPECT_EQ(choose_memory(MemoryMode::kInMemory, 1).mode, MemoryMode::kInMemory);
}

}  // namespace
}  // namespace ethlink::dpdk
