// SPDX-License-Identifier: BSD-3-Clause
// Tools and daemons as they are started: no shell, no strange descriptors, nothing unrecorded.
#include "control/deploy/spawn.h"

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/temporary_directory.h"

namespace ethlink::control {
namespace {

using testing::HasSubstr;

class Spawn : public testing::Test {
protected:
    DaemonStart sh(const std::string& script) const {
        return {.program = "/bin/sh",
                .argv = {"sh", "-c", script},
                .environment = {{"MARK", "here it is"}},
                .log = folder_ + "/log",
                .network_namespace = {}};
    }
    std::string log() const {
        std::ifstream in(folder_ + "/log");
        return {std::istreambuf_iterator<char>(in), {}};
    }

    test::TemporaryDirectory place_;
    const std::string& folder_ = place_.path();
};

bool yes(pid_t) {
    return true;
}

TEST_F(Spawn, AToolGetsItsInputAndItsWords) {
    EXPECT_TRUE(run_tool({"true"}));
    EXPECT_TRUE(run_tool({"grep", "-qx", "a line"}, "one\na line\n"));
    EXPECT_TRUE(run_tool({"test", "$(id) `id` 'x", "=", "$(id) `id` 'x"}));
    EXPECT_TRUE(run_tool({"grep", "-q", "z"}, std::string(1 << 20, 'y') + "z\n"));
}

TEST_F(Spawn, AToolThatFailsSaysWhy) {
    const auto missing = run_tool({"cat", "/does/not/exist"});
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error(), HasSubstr("/does/not/exist"));
    const auto unknown = run_tool({"ethlink-no-such-tool"});
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error(), HasSubstr("no program `ethlink-no-such-tool`"));
    EXPECT_FALSE(run_tool({"false"}));
}

TEST_F(Spawn, ADaemonHasALogAnEnvironmentAndASessionOfItsOwn) {
    const auto pid =
        start_daemon(sh("echo $MARK; echo oops >&2; cat; cut -d' ' -f6 /proc/$$/stat"), yes);
    ASSERT_TRUE(pid) << pid.error();
    int status = 0;
    waitpid(*pid, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_THAT(log(), HasSubstr("here it is\noops\n"));
    EXPECT_THAT(log(), HasSubstr(std::to_string(*pid)));
}

TEST_F(Spawn, ADaemonInheritsNoDescriptor) {
    const int open_here = dup(STDIN_FILENO);  // without O_CLOEXEC, as a caller may leave one
    const auto pid = start_daemon(
        sh("test -e /proc/self/fd/" + std::to_string(open_here) + " && echo held"), yes);
    ASSERT_TRUE(pid) << pid.error();
    waitpid(*pid, nullptr, 0);
    close(open_here);
    EXPECT_EQ(log(), "");
}

TEST_F(Spawn, WhatIsNotRecordedDoesNotRun) {
    pid_t seen = 0;
    const auto pid = start_daemon(sh("echo ran"), [&](pid_t child) {
        seen = child;
        return false;
    });
    EXPECT_FALSE(pid);
    EXPECT_GT(seen, 0);
    EXPECT_EQ(waitpid(seen, nullptr, WNOHANG), -1) << "it is gone, and waited for";
    EXPECT_EQ(log(), "");
}

TEST_F(Spawn, WhatCannotBeStartedSaysSoInTheLog) {
    DaemonStart start = sh("");
    start.program = "/does/not/exist";
    const auto pid = start_daemon(start, yes);
    ASSERT_TRUE(pid);
    int status = 0;
    waitpid(*pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 127);
    EXPECT_THAT(log(), HasSubstr("cannot be started"));
    start.network_namespace = "/does/not/exist";
    EXPECT_FALSE(start_daemon(start, yes));
    start = sh("");
    start.log = folder_ + "/none/log";
    EXPECT_FALSE(start_daemon(start, yes));
}

}  // namespace
}  // namespace ethlink::control
