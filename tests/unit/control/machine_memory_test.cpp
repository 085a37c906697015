// SPDX-License-Identifier: BSD-3-Clause
// Is a plan that the machine cannot hold refused, with both numbers and the keys that matter?
#include "control/machine_memory.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 50;

struct Planned {
    Fabric fabric;
    CapacityPlan plan;
};

Planned plan_of(const std::string& more = "") {
    Planned planned{good(rack(4, 1, more)), {}};
    auto plan = plan_capacity(planned.fabric);
    EXPECT_TRUE(plan);
    planned.plan = std::move(*plan);
    return planned;
}

TEST(MachineMemory, IsReadFromTheKernelsText) {
    std::istringstream text(
        "MemTotal:       24680 kB\nMemFree:  100 kB\nMemAvailable:   2000 kB\nBuffers: 1 kB\n");
    EXPECT_EQ(available_memory(text), 2000u * 1024);
    std::istringstream old("MemTotal:       24680 kB\n");
    EXPECT_EQ(available_memory(old), std::nullopt);
}

TEST(MachineMemory, APlanThatFitsIsFine) {
    const auto [fabric, plan] = plan_of();
    const MachineMemory just{.available = plan.memory_bytes()};
    EXPECT_FALSE(check_machine(fabric, plan, MemoryMode::kAuto, just));
    EXPECT_FALSE(check_machine(fabric, plan, MemoryMode::kNoHuge, just));
}

TEST(MachineMemory, OneThatDoesNotFitIsRefusedWithNumbersAndKeys) {
    const auto [fabric, plan] = plan_of(
        "profiles:\n  default: {vcs: [{name: a, credits: 400000}]}\n"
        "traffic: {vc: a}\n");
    const MachineMemory machine{.available = 100'000'000};
    const auto error = check_machine(fabric, plan, MemoryMode::kAuto, machine);
    ASSERT_TRUE(error);
    EXPECT_THAT(error->text(), HasSubstr("test.yaml:3:"));
    EXPECT_THAT(error->why, HasSubstr("only 100 MB available"));
    EXPECT_THAT(error->why,
                HasSubstr(std::to_string((plan.memory_bytes() + 999'999) / 1'000'000) + " MB"));
    EXPECT_THAT(error->hint, HasSubstr("lower `credits` of the VCs"));
}

TEST(MachineMemory, HugepagesAreNotOrdinaryMemory) {
    const auto [fabric, plan] = plan_of();
    const MachineMemory huge{.available = 0, .free_hugepages = kPlenty};
    EXPECT_FALSE(check_machine(fabric, plan, MemoryMode::kAuto, huge));
    EXPECT_TRUE(check_machine(fabric, plan, MemoryMode::kNoHuge, huge));
    // What must be hugepages EAL takes at its start, or says why not.
    EXPECT_FALSE(check_machine(fabric, plan, MemoryMode::kHugepages, {}));
    EXPECT_FALSE(check_machine(fabric, plan, MemoryMode::kInMemory, {}));
}

}  // namespace
}  // namespace ethlink::control::test
