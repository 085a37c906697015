// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/telemetry.h"

#include <array>
#include <cstdint>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <rte_eal.h>

namespace ethlink::dpdk {
namespace {

/// Asks over the socket, as dpdk-telemetry.py does.
std::string ask(const std::string& command) {
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = std::string(rte_eal_get_runtime_dir()) + "/dpdk_telemetry.v2";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    std::string answer;
    std::array<char, 32'768> bytes;
    if (connect(fd, generic, sizeof address) == 0 && recv(fd, bytes.data(), bytes.size(), 0) > 0 &&
        send(fd, command.data(), command.size(), 0) > 0) {
        const ssize_t n = recv(fd, bytes.data(), bytes.size(), 0);
        if (n > 0) answer.assign(bytes.data(), static_cast<std::size_t>(n));
    }
    close(fd);
    return answer;
}

TEST(Telemetry, AnswersOnDpdksSocket) {
    auto command = TelemetryCommand::add("/ethlink/echo", "Returns its parameter.",
                                         [](std::string_view params) {
                                             return TelemetryReply{{"param", std::string(params)},
                                                                   {"big", std::uint64_t{1} << 63},
                                                                   {"small", std::int32_t{-3}}};
                                         });
    ASSERT_TRUE(command) << command.error();
    EXPECT_EQ(ask("/ethlink/echo,leaf0"),
              R"({"/ethlink/echo":{"param":"leaf0","big":9223372036854775808,"small":-3}})");
    EXPECT_EQ(ask("/ethlink/echo"),
              R"({"/ethlink/echo":{"param":"","big":9223372036854775808,"small":-3}})");
}

TEST(Telemetry, AWithdrawnCommandAnswersNothingAndCanComeBack) {
    const auto one = [](std::string_view) { return TelemetryReply{{"a", std::uint64_t{1}}}; };
    {
        auto command = TelemetryCommand::add("/ethlink/gone", "help", one);
        ASSERT_TRUE(command);
        EXPECT_FALSE(TelemetryCommand::add("/ethlink/gone", "help", one));
        EXPECT_EQ(ask("/ethlink/gone"), R"({"/ethlink/gone":{"a":1}})");
    }
    EXPECT_EQ(ask("/ethlink/gone"), R"({"/ethlink/gone":null})");
    auto again = TelemetryCommand::add("/ethlink/gone", "help", one);
    ASSERT_TRUE(again);
    EXPECT_EQ(ask("/ethlink/gone"), R"({"/ethlink/gone":{"a":1}})");
}

TEST(Telemetry, TooLongAReplyIsCutAndSaysSo) {
    auto command = TelemetryCommand::add("/ethlink/long", "help", [](std::string_view what) {
        TelemetryReply reply;
        for (int i = 0; i < 1000; ++i) {
            const std::string key = "name_" + std::to_string(i);
            if (what == "text") reply.emplace_back(key, std::string(120, '"'));
            if (what == "numbers") reply.emplace_back(key, std::uint64_t{1});
        }
        return reply;
    });
    ASSERT_TRUE(command);
    const std::string numbers = ask("/ethlink/long,numbers");
    EXPECT_NE(numbers.find(R"("name_254":1,"truncated":745})"), std::string::npos) << numbers;
    const std::string text = ask("/ethlink/long,text");
    EXPECT_NE(text.find("\"truncated\":9"), std::string::npos) << text;
}

TEST(Telemetry, RefusesNamesThatDpdkWould) {
    const auto none = [](std::string_view) { return TelemetryReply(); };
    EXPECT_FALSE(TelemetryCommand::add("no/slash", "help", none));
    EXPECT_FALSE(TelemetryCommand::add("/ethlink/a-b", "help", none));
    EXPECT_FALSE(TelemetryCommand::add("/" + std::string(60, 'a'), "help", none));
    EXPECT_FALSE(TelemetryCommand::add("/ethlink/x", std::string(200, 'h'), none));
}

}  // namespace
}  // namespace ethlink::dpdk
