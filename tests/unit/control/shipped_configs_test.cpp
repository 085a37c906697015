// SPDX-License-Identifier: BSD-3-Clause
// Every file in configs/ loads without a warning, and its limits add up.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "control/capacity.h"
#include "control/config.h"
#include "control/routes.h"
#include "control/topology.h"

namespace ethlink::control {
namespace {

std::vector<std::string> shipped() {
    std::vector<std::string> files;
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator("configs", failure)) {
        if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
}

TEST(ShippedConfigs, AreThere) {
    EXPECT_GE(shipped().size(), 6u) << "run from the root of the tree";
}

TEST(ShippedConfigs, LoadWithoutWarning) {
    for (const std::string& file : shipped()) {
        const auto fabric = load(file);
        ASSERT_TRUE(fabric) << text(fabric.error());
        EXPECT_TRUE(fabric->warnings.empty()) << text(fabric->warnings);
        const auto dash = std::filesystem::path(file).stem().string();
        EXPECT_EQ(fabric->name, dash) << "the name of the fabric is that of the file";
    }
}

TEST(ShippedConfigs, AddUpWholeAndNodeByNode) {
    for (const std::string& file : shipped()) {
        const auto fabric = load(file);
        ASSERT_TRUE(fabric);
        const auto whole = plan_capacity(*fabric);
        ASSERT_TRUE(whole) << text(whole.error());
        EXPECT_TRUE(whole->warnings.empty()) << text(whole->warnings);
        EXPECT_LT(whole->memory_bytes(), 500'000'000u) << file << ": too large for a laptop";
        for (std::uint32_t n = 0; n < fabric->nodes.size(); ++n) {
            EXPECT_TRUE(plan_capacity(*fabric, NodeId{n})) << file;
        }
    }
}

TEST(ShippedConfigs, NicsRunAlone) {
    const auto fabric = load("configs/nics.yaml");
    ASSERT_TRUE(fabric) << text(fabric.error());
    for (std::uint32_t n = 0; n < fabric->nodes.size(); ++n) {
        EXPECT_TRUE(check_runs_alone(*fabric, {n}).empty()) << fabric->nodes[n].name;
    }
}

}  // namespace
}  // namespace ethlink::control
