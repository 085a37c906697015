// SPDX-License-Identifier: BSD-3-Clause
// A word stays one word: read back by the shell itself, and spelled out for the others.
#include "control/deploy/quote.h"

#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

std::string said_by_sh(const std::string& script) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(script.c_str(), "r"), pclose);
    std::string text;
    std::array<char, 256> bytes{};
    while (const std::size_t n = fread(bytes.data(), 1, bytes.size(), pipe.get())) {
        text.append(bytes.data(), n);
    }
    return text;
}

TEST(Quote, WhatNeedsNoQuotesHasNone) {
    EXPECT_EQ(shell_word("leaf0:e0=net_af_packet0,iface=e0"), "leaf0:e0=net_af_packet0,iface=e0");
    EXPECT_EQ(systemd_word("/etc/ethlink/rack.yaml"), "/etc/ethlink/rack.yaml");
}

TEST(Quote, TheShellReadsBackWhatWasMeant) {
    for (const std::string word :
         {"", " ", "a b", "it's", "$HOME", "`id`", "$(id)", "a\nb", "\\", "\"", "*", "~", "a;b",
          "a&b", "#x", "!x", "-n", "'; rm -rf /; '"}) {
        EXPECT_EQ(said_by_sh("printf '<%s>' " + shell_word(word)), "<" + word + ">");
    }
    EXPECT_EQ(said_by_sh("printf '<%s>' " + shell_words({"a b", "c", ""})), "<a b><c><>");
}

TEST(Quote, SystemdSeesNeitherSpecifierNorVariable) {
    EXPECT_EQ(systemd_word("100%n"), R"("100%%n")");
    EXPECT_EQ(systemd_word("$HOME"), R"("$$HOME")");
    EXPECT_EQ(systemd_word(R"(a"b\c d)"), R"("a\"b\\c d")");
    EXPECT_EQ(systemd_word("a\nb"), R"("a\x0ab")");
    EXPECT_EQ(systemd_word(""), R"("")");
}

TEST(Quote, YamlStringsAreEscaped) {
    EXPECT_EQ(yaml_string("no"), R"("no")");
    EXPECT_EQ(yaml_string(R"(a"b\c)"), R"("a\"b\\c")");
    EXPECT_EQ(yaml_string("a\nb"), R"("a\x0ab")");
}

TEST(Quote, ACommentIsOneLine) {
    EXPECT_EQ(one_line("rack\nrm -rf /.yaml"), "rack?rm -rf /.yaml");
}

}  // namespace
}  // namespace ethlink::control
