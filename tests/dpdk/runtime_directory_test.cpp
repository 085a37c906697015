// SPDX-License-Identifier: BSD-3-Clause
// Does a start take away what killed processes have left, and nothing of the living?
#include "dataplane/dpdk/runtime_directory.h"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/file.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/unit/runtime/temporary_directory.h"

namespace ethlink::dpdk {
namespace {

namespace fs = std::filesystem;

class RuntimeFolders : public ::testing::Test {
protected:
    fs::path folder(const std::string& name, bool marked) const {
        fs::create_directory(base_ / name);
        std::ofstream(base_ / name / "dpdk_telemetry.v2") << "left";
        if (marked) std::ofstream(base_ / name / "ethlink.lock") << "";
        return base_ / name;
    }

    control::test::TemporaryDirectory place_;
    fs::path base_ = place_.path();
};

TEST_F(RuntimeFolders, OfTheDeadAreRemovedAndNoOthers) {
    const fs::path own = folder("ethlink-own", false);
    const fs::path dead = folder("ethlink-dead", true);
    const fs::path unmarked = folder("ethlink-older", false);
    const fs::path foreign = folder("rte", true);
    const fs::path living = folder("ethlink-living", true);
    const int lock = open((living / "ethlink.lock").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(flock(lock, LOCK_EX), 0);  // Another open file: as good as another process.

    claim_runtime_directory(own);
    EXPECT_FALSE(fs::exists(dead));
    for (const fs::path& path : {own, unmarked, foreign, living}) EXPECT_TRUE(fs::exists(path));

    // Our own mark holds: somebody else's start leaves us alone.
    const fs::path other = folder("ethlink-other", false);
    claim_runtime_directory(other);
    EXPECT_TRUE(fs::exists(own));
    close(lock);
}

TEST_F(RuntimeFolders, AnOrderlyEndLeavesNothing) {
    const fs::path own = base_ / "ethlink-own";
    fs::create_directory(own);
    claim_runtime_directory(own);
    EXPECT_TRUE(fs::exists(own / "ethlink.lock"));
    leave_runtime_directory(own);
    EXPECT_FALSE(fs::exists(own));
}

TEST_F(RuntimeFolders, NoneIsNoProblem) {
    claim_runtime_directory("");
    claim_runtime_directory(base_ / "nosuch");
    leave_runtime_directory("");
    EXPECT_FALSE(fs::exists(base_ / "nosuch"));
}

TEST(TelemetrySocket, APathTooLongForASocketIsToldBefore) {
    const char* const before = std::getenv("RUNTIME_DIRECTORY");
    const std::string kept = before != nullptr ? before : "";
    setenv("RUNTIME_DIRECTORY", "/tmp/base", 1);
    // "/tmp/base" "/dpdk/" PREFIX "/dpdk_telemetry.v2" and a zero: 108 bytes at most.
    const std::size_t most = 108 - 1 - (9 + 6 + 18);
    EXPECT_TRUE(telemetry_socket_fits(std::string(most, 'n')));
    EXPECT_FALSE(telemetry_socket_fits(std::string(most + 1, 'n')));
    before != nullptr ? setenv("RUNTIME_DIRECTORY", kept.c_str(), 1)
                      : unsetenv("RUNTIME_DIRECTORY");
}

}  // namespace
}  // namespace ethlink::dpdk
