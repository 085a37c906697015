// SPDX-License-Identifier: BSD-3-Clause
// The example in C, run as its comment says: one program lends memory, another one uses it.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/unit/client/fake_daemon.h"

namespace ethlink::client {
namespace {

using namespace test;

struct Pclose {
    void operator()(std::FILE* file) const { pclose(file); }
};
using Pipe = std::unique_ptr<std::FILE, Pclose>;

std::string line_of(const Pipe& pipe) {
    std::array<char, 256> line{};
    return std::fgets(line.data(), line.size(), pipe.get()) == nullptr ? "" : line.data();
}

TEST(HelloTest, TheExampleDoesWhatItSays) {
    const FakeDaemon daemon;
    setenv("ETHLINK_SOCKET", daemon.path(), 1);
    // It ends when its standard input does: when nobody has the other end open any more.
    const control::test::TemporaryDirectory directory;
    const std::string input = directory.path() + "/input";
    ASSERT_EQ(mkfifo(input.c_str(), 0600), 0);
    const Pipe lender(popen((std::string(ETHLINK_HELLO) + " < " + input).c_str(), "r"));
    const control::FileDescriptor end(open(input.c_str(), O_WRONLY | O_CLOEXEC));
    const std::string arguments = line_of(lender);
    ASSERT_TRUE(arguments.starts_with("hello 513 ")) << arguments;
    const std::string command =
        std::string(ETHLINK_HELLO) + arguments.substr(5, arguments.size() - 6);
    for (const char* expected : {"visitor 1\n", "visitor 2\n"}) {
        const Pipe user(popen(command.c_str(), "r"));
        EXPECT_EQ(line_of(user), expected) << command;
    }
    const Pipe wrong(popen((ETHLINK_HELLO " 513 1234 2>&1"), "r"));
    EXPECT_NE(line_of(wrong).find("wrong key"), std::string::npos);
    unsetenv("ETHLINK_SOCKET");
}

}  // namespace
}  // namespace ethlink::client
