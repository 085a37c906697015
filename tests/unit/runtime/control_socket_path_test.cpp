// SPDX-License-Identifier: BSD-3-Clause
// Names and directories of control sockets lead nowhere else (threat X6).
#include "control/runtime/control_socket_path.h"

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "control/runtime/control_socket.h"
#include "tests/unit/runtime/temporary_directory.h"

namespace ethlink::control {
namespace {

TEST(ControlSocketPathTest, InstanceNames) {
    for (const char* good : {"leaf0", "single-rack-4711", "a.b_c", "X"}) {
        EXPECT_TRUE(is_instance_name(good)) << good;
    }
    for (const char* bad : {"", ".", "..", ".hidden", "a/b", "../x", "a b", "a\nb", "\xC3\xA4",
                            "abcdefghijklmnopqrstuvwxyz0123456"}) {
        EXPECT_FALSE(is_instance_name(bad)) << bad;
    }
}

TEST(ControlSocketPathTest, AnInstanceNameThatLeadsElsewhereIsRefused) {
    const test::TemporaryDirectory directory;
    const auto socket = ControlSocket::open(directory.path(), "../../etc/x");
    ASSERT_FALSE(socket);
    EXPECT_NE(socket.error().find("letters"), std::string::npos) << socket.error();
}

TEST(ControlSocketPathTest, CreatesAPrivateDirectory) {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/ethlink";
    ASSERT_TRUE(open_private_directory(path));
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
    EXPECT_TRUE(open_private_directory(path)) << "and takes it again";
}

TEST(ControlSocketPathTest, RefusesADirectoryThatOthersMayEnter) {
    const test::TemporaryDirectory directory;
    ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
    const auto opened = open_private_directory(directory.path());
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().find("chmod 700"), std::string::npos) << opened.error();
}

TEST(ControlSocketPathTest, RefusesASymbolicLink) {
    const test::TemporaryDirectory directory;
    const std::string real = directory.path() + "/real";
    const std::string link = directory.path() + "/link";
    ASSERT_EQ(mkdir(real.c_str(), 0700), 0);
    ASSERT_EQ(symlink(real.c_str(), link.c_str()), 0);
    EXPECT_TRUE(open_private_directory(real));
    EXPECT_FALSE(open_private_directory(link));
}

TEST(ControlSocketPathTest, TheUsersRuntimeDirectoryComesFirst) {
    const test::TemporaryDirectory directory;
    const char* before = getenv("XDG_RUNTIME_DIR");
    const std::string saved = before == nullptr ? "" : before;
    setenv("XDG_RUNTIME_DIR", directory.path().c_str(), 1);
    EXPECT_EQ(socket_directories().front(), directory.path() + "/ethlink");
    const auto chosen = choose_socket_directory();
    ASSERT_TRUE(chosen) << chosen.error();
    EXPECT_EQ(*chosen, directory.path() + "/ethlink");
    setenv("XDG_RUNTIME_DIR", "relative/path", 1);
    EXPECT_NE(socket_directories().front(), "relative/path/ethlink");
    if (before == nullptr) {
        unsetenv("XDG_RUNTIME_DIR");
    } else {
        setenv("XDG_RUNTIME_DIR", saved.c_str(), 1);
    }
}

}  // namespace
}  // namespace ethlink::control
