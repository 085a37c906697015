// SPDX-License-Identifier: BSD-3-Clause
// Requests: what is not exactly right is refused, says where, and changes nothing (threat X3).
#include "control/runtime/commands_table.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

using nlohmann::json;

class CommandTableTest : public ::testing::Test {
protected:
    CommandTableTest() {
        table_.add(
            {"set", "Sets.", {"value", "name", "flag"}, [this](const json& request) -> Reply {
                 const auto value = count_of(request, "value", 1, 100);
                 if (!value) return Unexpected<std::string>(value.error());
                 const auto name = text_of(request, "name");
                 if (!name) return Unexpected<std::string>(name.error());
                 const auto flag = flag_of(request, "flag");
                 if (!flag) return Unexpected<std::string>(flag.error());
                 ++runs_;
                 return json(value->value_or(0));
             }});
        table_.add(
            {"throw", "Throws.", {}, [](const json&) -> Reply { return json::parse("no json"); }});
    }
    json ask(std::string_view line) const { return json::parse(table_.answer(line)); }
    std::string error(std::string_view line) const {
        const json answer = ask(line);
        EXPECT_FALSE(answer["ok"].get<bool>()) << line;
        return answer.value("error", "");
    }

    CommandTable table_;
    int runs_ = 0;
};

TEST_F(CommandTableTest, RunsACommand) {
    const json answer = ask(R"({"command":"set","value":7,"id":"a1"})");
    EXPECT_TRUE(answer["ok"].get<bool>());
    EXPECT_EQ(answer["result"], 7);
    EXPECT_EQ(answer["id"], "a1");
    EXPECT_EQ(runs_, 1);
}

TEST_F(CommandTableTest, ListsItself) {
    const json answer = ask(R"({"command":"help"})");
    ASSERT_EQ(answer["result"].size(), 3u);
    EXPECT_EQ(answer["result"][1]["command"], "set");
}

TEST_F(CommandTableTest, BadJsonSaysWhere) {
    EXPECT_NE(error(R"({"command":"set",)").find("column"), std::string::npos);
    EXPECT_NE(error("").find("column"), std::string::npos);
    EXPECT_NE(error(R"({"command":"set"} {})").find("column"), std::string::npos);
    EXPECT_NE(error("{\"command\":\"s\xFFt\"}").find("UTF-8"), std::string::npos);
    EXPECT_NE(error(std::string_view("{\"command\":\"\0\"}", 15)).find("column"),
              std::string::npos);
    EXPECT_EQ(runs_, 0);
}

TEST_F(CommandTableTest, OnlyAnObjectIsARequest) {
    for (const char* line : {"1", "null", "\"help\"", "[]", "true"}) {
        EXPECT_NE(error(line).find("object"), std::string::npos) << line;
    }
    EXPECT_NE(error("{}").find("command"), std::string::npos);
    EXPECT_NE(error(R"({"command":1})").find("text"), std::string::npos);
    EXPECT_NE(error(R"({"command":"sets"})").find("`sets`"), std::string::npos);
}

TEST_F(CommandTableTest, AKeyTwiceOrUnknownIsRefused) {
    EXPECT_NE(error(R"({"command":"set","value":1,"value":2})").find("twice"), std::string::npos);
    EXPECT_NE(error(R"({"command":"set","valeu":1})").find("`valeu`"), std::string::npos);
    EXPECT_EQ(runs_, 0);
}

TEST_F(CommandTableTest, NumbersOutsideTheirRange) {
    for (const char* value : {"0", "101", "-1", "1.5", "1e309", "-1e309", "18446744073709551616",
                              "1e2", "\"7\"", "true", "null", "[7]", "-9223372036854775809"}) {
        const std::string line = std::string(R"({"command":"set","value":)") + value + "}";
        EXPECT_FALSE(error(line).empty()) << value;
    }
    EXPECT_EQ(runs_, 0);
    EXPECT_TRUE(ask(R"({"command":"set","value":100})")["ok"].get<bool>());
}

TEST_F(CommandTableTest, NestingHasAnEnd) {
    std::string line = R"({"command":"set","value":)";
    EXPECT_NE(error(line + std::string(60'000, '[')).find("nested"), std::string::npos);
    std::string objects;
    for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
    EXPECT_NE(error(line + objects).find("nested"), std::string::npos);
}

TEST_F(CommandTableTest, LongTextsAreNotEchoedWhole) {
    const std::string name(60'000, 'x');
    EXPECT_LT(error(R"({"command":")" + name + "\"}").size(), 300u);
    EXPECT_LT(error(R"({"command":"set",")" + name + "\":1}").size(), 300u);
    EXPECT_FALSE(error(R"({"command":"set","name":")" + name + "\"}").empty());
    EXPECT_FALSE(error(R"({"command":"set","id":")" + name + "\"}").empty());
}

TEST_F(CommandTableTest, AnExceptionStaysInside) {
    EXPECT_NE(error(R"({"command":"throw"})").find("internal"), std::string::npos);
}

TEST_F(CommandTableTest, AnyBytesGiveOneLineOfJson) {
    std::mt19937 random(7);
    const std::string seed = R"({"command":"set","value":7,"name":"a","flag":true,"id":1})";
    for (int i = 0; i < 20'000; ++i) {
        std::string line = seed;
        for (auto n = random() % 6; n > 0; --n) {
            line[random() % line.size()] = static_cast<char>(random());
        }
        if (i % 3 == 0) line.resize(random() % line.size());
        const std::string answer = table_.answer(line);
        EXPECT_EQ(answer.find('\n'), std::string::npos);
        EXPECT_TRUE(json::accept(answer)) << answer;
    }
}

}  // namespace
}  // namespace ethlink::control
