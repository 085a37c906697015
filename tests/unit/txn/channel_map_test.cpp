// SPDX-License-Identifier: BSD-3-Clause
// The hash table of channels, against std::map.
#include "dataplane/channel_map.h"

#include <map>
#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "dataplane/random.h"

namespace ethlink {
namespace {

using Key = std::pair<std::uint16_t, std::uint16_t>;

void check(const ChannelMap& map, const std::map<Key, std::size_t>& model, const Key& key) {
    const auto found = map.find(GpuId{key.first}, key.second);
    const auto wanted = model.find(key);
    ASSERT_EQ(found.has_value(), wanted != model.end());
    if (found) {
        ASSERT_EQ(*found, wanted->second);
    }
}

/// Fills it to the brim and empties it, over and over; keys from a small range meet often.
void churn(std::uint64_t seed, std::size_t entries, std::uint64_t peers, std::uint64_t channels) {
    Random random(seed);
    ChannelMap map(entries);
    std::map<Key, std::size_t> model;
    for (std::size_t i = 0; i < 20'000; ++i) {
        const Key key{static_cast<std::uint16_t>(random.below(peers)),
                      static_cast<std::uint16_t>(random.below(channels))};
        const bool filling = i / 500 % 2 == 0;
        if (random.chance(filling ? 0.8 : 0.2)) {
            if (model.size() < entries && !model.contains(key)) {
                map.insert(GpuId{key.first}, key.second, i);
                model[key] = i;
            }
        } else {
            map.erase(GpuId{key.first}, key.second);  // Of what is not there: nothing happens.
            model.erase(key);
        }
        check(map, model, key);
        if (i % 64 != 0) continue;
        for (const auto& [known, index] : model) check(map, model, known);
    }
}

TEST(ChannelMap, IsAMapThroughManyInsertionsAndErasures) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        churn(seed, 16, 3, 16);
        churn(seed, 64, 4, 64);
        churn(seed, 1, 2, 2);
        churn(seed, 200, 65536, 4);
    }
}

TEST(ChannelMap, TheLargestNamesAreNamesToo) {
    ChannelMap map(4);
    EXPECT_FALSE(map.find(GpuId{0}, 0)) << "a free slot has no name";
    map.insert(GpuId{0}, 0, 1);
    map.insert(GpuId{0xFFFF}, 0xFFFF, 2);
    EXPECT_EQ(map.find(GpuId{0}, 0), 1u);
    EXPECT_EQ(map.find(GpuId{0xFFFF}, 0xFFFF), 2u);
    map.erase(GpuId{0}, 0);
    EXPECT_FALSE(map.find(GpuId{0}, 0));
    EXPECT_EQ(map.find(GpuId{0xFFFF}, 0xFFFF), 2u);
}

RC_GTEST_PROP(ChannelMapProperty, IsAMap, (std::vector<std::uint16_t> words)) {
    ChannelMap map(8);
    std::map<Key, std::size_t> model;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const Key key{static_cast<std::uint16_t>(words[i] >> 1 & 3),
                      static_cast<std::uint16_t>(words[i] >> 3 & 15)};
        if ((words[i] & 1) == 0) {
            map.erase(GpuId{key.first}, key.second);
            model.erase(key);
        } else if (model.size() < 8 && !model.contains(key)) {
            map.insert(GpuId{key.first}, key.second, i);
            model[key] = i;
        }
        for (std::uint16_t peer = 0; peer < 4; ++peer) {
            for (std::uint16_t channel = 0; channel < 16; ++channel) {
                const auto found = map.find(GpuId{peer}, channel);
                const auto wanted = model.find({peer, channel});
                RC_ASSERT(found.has_value() == (wanted != model.end()));
                if (found) RC_ASSERT(*found == wanted->second);
            }
        }
    }
}

}  // namespace
}  // namespace ethlink
