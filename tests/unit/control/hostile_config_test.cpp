// SPDX-License-Identifier: BSD-3-Clause
// No bytes crash the reader, hang it, or get an exception out of it.
#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "control/capacity.h"
#include "control/config.h"
#include "control/yaml_reader.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

std::string repeated(std::string_view part, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += part;
    return text;
}

TEST(HostileConfig, BinaryIsRefusedAtItsFirstByte) {
    const auto errors = mistakes(std::string("fabric: a\nx: \x01\n", 14));
    EXPECT_EQ(errors[0].line, 2);
    EXPECT_EQ(errors[0].column, 4);
    mistakes(std::string("\0\0\0\0", 4));
    mistakes("fabric: \xff\xfe\n");
    mistakes("fabric: \xc3\n");  // cut short
    mistakes("\xed\xa0");        // cut short
    mistakes(
        "\xff\xfe"
        "f\0a\0");  // UTF-16
}

TEST(HostileConfig, ColumnsCountLettersNotBytes) {
    const auto errors = mistakes("fabric: \"\xc3\xa4\xc3\xa4\x01\"\n");
    EXPECT_EQ(errors[0].column, 12);
}

TEST(HostileConfig, DeepNestingIsRefused) {
    mistakes("fabric: " + repeated("[", 100'000));
    mistakes("fabric: " + repeated("{a: ", 100'000));
    mistakes(repeated("- ", 100'000));
    mistakes(repeated("? ", 100'000));
    mistakes(repeated(": ", 100'000));
    mistakes("[" + repeated(": ", 1'000));
    std::string block;
    for (std::size_t depth = 0; depth < 400; ++depth) block += std::string(depth, ' ') + "a:\n";
    mistakes(block);
}

TEST(HostileConfig, AliasBombsStaySmall) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 60; ++i) {
        const std::string below = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
        for (int k = 0; k < 8; ++k) bomb += ", " + below;
        bomb += "]\n";
    }
    mistakes(bomb);
    mistakes(small_fabric("ports: &p [*p, *p]\n"));
    mistakes("fabric: a\nnodes: &n {leaf0: *n}\n");
    mistakes("&a {*a : 1}");
}

TEST(HostileConfig, AliasedListsAreBounded) {
    // 64 profiles, each with the same 32 VCs, each with the same 65 DSCPs: refused early.
    std::string text = "fabric: f\nprofiles:\n  p0: &p {vcs: [&v {name: a, dscp: &d [" +
                       repeated("1, ", 64) + "1]}";
    for (int i = 1; i < 32; ++i) text += ", *v";
    text += "]}\n";
    for (int i = 1; i < 64; ++i) text += "  p" + std::to_string(i) + ": *p\n";
    EXPECT_LE(mistakes(text + "topology: {kind: single-rack}\n").size(), 20u);
}

TEST(HostileConfig, LongLinesAndLongFiles) {
    mistakes("fabric: " + std::string(1'000'000, 'a') + "\n");
    mistakes(std::string(1'000'000, 'a') + ": 1\n");
    mistakes("fabric: f\n" + std::string(1'000'000, '\n') + "x: 1\n");
    mistakes(std::string(kYamlBytesMax + 1, ' '));
    const auto errors = mistakes(small_fabric(std::string(100'000, 'k') + ": 1\n"));
    EXPECT_LT(text(errors).size(), 1'000u);
}

TEST(HostileConfig, ManyMistakesAreCutShort) {
    std::string text = small_fabric();
    for (int i = 0; i < 10'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
    EXPECT_EQ(mistakes(text).size(), 20u);
}

TEST(HostileConfig, LimitsOnNumbersOfThings) {
    std::string nodes = "fabric: f\nnodes:\n";
    for (int i = 0; i < 33'000; ++i) nodes += "  n" + std::to_string(i) + ": {kind: switch}\n";
    EXPECT_EQ(mistakes(nodes).size(), 1u);
    std::string cables = "fabric: f\nnodes: {a: {kind: switch}, b: {kind: switch}}\nlinks:\n";
    for (int i = 0; i < 4'097; ++i) {
        const std::string port = ":e" + std::to_string(i);
        cables += "  - endpoints: [\"a" + port + "\", \"b" + port + "\"]\n";
    }
    EXPECT_EQ(mistakes(cables).size(), 2u);
    std::string vcs = "fabric: f\ntopology: {kind: single-rack}\nprofiles: {default: {vcs: [";
    for (int i = 0; i < 33; ++i) vcs += "{name: v" + std::to_string(i) + "}, ";
    EXPECT_FALSE(mistakes(vcs + "]}}\n").empty());
}

/// Whatever comes out of it is an error or a fabric whose plan is an error or a plan.
void survive(const std::string& text) {
    const auto fabric = load_text(text, "mutated.yaml");
    if (!fabric) {
        EXPECT_FALSE(fabric.error().empty());
        for (const ConfigError& error : fabric.error()) {
            EXPECT_GE(error.line, 1);
            EXPECT_GE(error.column, 1);
            EXPECT_FALSE(error.why.empty());
        }
        return;
    }
    const auto plan = plan_capacity(*fabric);
    EXPECT_TRUE(plan || !plan.error().empty());
}

TEST(HostileConfig, MutatedFilesAreAcceptedOrRefused) {
    std::mt19937 random(1);
    const auto below = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    const std::string pieces[] = {"*a", "&a ",         "- ",    "[",    "]",    "{",  "}",
                                  ": ", "\n",          "? ",    "!!x ", "<<: ", "\"", "'",
                                  "#",  "\t",          "0x",    "-1",   "~",    "no", "010",
                                  ",",  "%YAML 1.2\n", "---\n", "| ",   "> "};
    for (const std::string name : {"single-rack.yaml", "plain-port.yaml", "lossy.yaml"}) {
        std::ifstream stream("configs/" + name);
        const std::string original{std::istreambuf_iterator<char>(stream), {}};
        ASSERT_FALSE(original.empty()) << name;
        for (int round = 0; round < 300; ++round) {
            std::string text = original;
            for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
                const std::size_t at = below(text.size());
                const std::size_t length = std::min(below(12), text.size() - at);
                const std::size_t kind = below(4);
                if (kind == 0) text.erase(at, length);
                if (kind == 1) text.insert(at, pieces[below(std::size(pieces))]);
                if (kind == 2) text.insert(below(text.size()), text.substr(at, length));
                if (kind == 3) text[at] = static_cast<char>(0x20 + below(0x5F));
                if (text.empty()) text = "a";
            }
            survive(text);
        }
    }
}

}  // namespace
}  // namespace ethlink::control::test
