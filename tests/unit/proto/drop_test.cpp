// SPDX-License-Identifier: BSD-3-Clause
// Has every reason and every counter a name of its own that a script can use?
#include "proto/drop.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "proto/link_stats.h"

namespace ethlink {
namespace {

bool is_script_name(std::string_view name) {
    return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == name.npos;
}

template <class Enum>
void expect_distinct_names() {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Enum::kCount); ++i) {
        const std::string_view text = name(static_cast<Enum>(i));
        EXPECT_NE(text, "none") << i;
        EXPECT_TRUE(is_script_name(text)) << text;
        EXPECT_TRUE(names.insert(text).second) << text << " names two";
    }
    EXPECT_EQ(name(Enum::kCount), "none");
}

TEST(Drop, EveryReasonHasItsName) {
    expect_distinct_names<Drop>();
}

TEST(LinkStat, EveryCounterHasItsName) {
    expect_distinct_names<LinkStat>();
}

}  // namespace
}  // namespace ethlink
