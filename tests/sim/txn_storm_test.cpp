// SPDX-License-Identifier: BSD-3-Clause
// Can a bad wire bring endpoints to lose, double or confuse a transaction?
#include <gtest/gtest.h>

#include "tests/sim/seeds.h"
#include "tests/sim/txn_client.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr GpuId kA{0x200}, kB{0x201};
constexpr std::uint64_t kKey = 0x1234'5678'9ABC'DEF0;
constexpr std::uint64_t kCounter = 0;  // the first word of each memory

txn::TxnProfile small_profile(Random& random) {
    txn::TxnProfile profile;
    profile.transactions_max = 1u << (4 + random.below(7));
    profile.response_bytes_max = 2048u << random.below(4);
    profile.items_max = 8u << random.below(6);
    profile.frame_bytes_max = random.chance(0.5) ? 2048 : 512;
    profile.retry_min = 100us;
    profile.retry_max = 2ms;
    profile.give_up_after = 1s;
    return profile;
}

TxnWeather storm(Random& random) {
    const auto maybe = [&](double most) {
        return random.chance(0.4) ? 0.0 : most * static_cast<double>(random.below(1000)) / 1000;
    };
    TxnWeather weather;
    weather.loss = maybe(0.2);
    weather.duplicate = maybe(0.2);
    weather.corrupt = maybe(0.2);
    weather.late = maybe(0.3);
    return weather;
}

void open_memory(TxnNode& node) {
    node.endpoint.windows().add({.key = kKey,
                                 .bytes = node.memory.data(),
                                 .size = node.memory.size(),
                                 .rights = txn::Rights::kAll});
}

std::uint64_t counter(const TxnNode& node) {
    std::uint64_t value;
    std::memcpy(&value, node.memory.data() + kCounter, sizeof value);
    return value;
}

/// One seed: two GPUs, each with two channels of each class to the other; a storm, then calm.
void weather(std::uint64_t seed) {
    Random random(seed);
    TxnWire wire(random.next());
    const txn::TxnProfile profile = small_profile(random);
    TxnNode& a = wire.add(kA, profile);
    TxnNode& b = wire.add(kB, profile);
    for (TxnNode* node : {&a, &b}) {
        open_memory(*node);
        for (int i = 0; i < 2000; ++i) node->receives.post(8192);
    }
    std::vector<std::unique_ptr<TxnClient>> clients;
    for (std::uint64_t i = 0; i < 8; ++i) {
        const bool from_a = i % 2 == 0;
        clients.push_back(std::make_unique<TxnClient>(
            from_a ? a : b, from_a ? kB : kA,
            i < 4 ? txn::ChannelClass::kLoadStore : txn::ChannelClass::kRdma,
            TxnClient::Slice{kKey, 8192 * (1 + i / 2), 8192, kCounter}, random.next(), wire.now));
    }
    wire.weather = storm(random);
    if (random.chance(0.3)) wire.weather.dead_ports = {true, false};
    for (int i = 0; i < 4000; ++i) {
        for (auto& client : clients) client->work(static_cast<std::uint32_t>(random.below(3)), wire.now);
        for (int k = 0; k < 10; ++k) wire.step();
        if (testing::Test::HasFatalFailure()) return;
    }
    wire.weather = {};
    const bool calm = wire.run(1'000'000, [&] {
        return std::ranges::all_of(clients, [](const auto& c) { return c->idle(); });
    });
    ASSERT_TRUE(calm) << "E1: not everything completes";
    std::uint64_t added_to[2] = {0, 0};
    std::uint32_t sent_to[2] = {0, 0};
    for (std::size_t i = 0; i < clients.size(); ++i) {
        const TxnClient& client = *clients[i];
        ASSERT_TRUE(client.opened);
        ASSERT_GT(client.done, 0u);
        ASSERT_EQ(client.failed, 0u) << "E1: " << name(client.last_error);
        ASSERT_TRUE(client.matches(i % 2 == 0 ? b.memory : a.memory)) << "E2, E9: other memory";
        added_to[i % 2 == 0] += client.added;
        sent_to[i % 2 == 0] += client.sends;
    }
    ASSERT_EQ(counter(a), added_to[0]) << "E2: an atomic was lost or done twice";
    ASSERT_EQ(counter(b), added_to[1]) << "E2: an atomic was lost or done twice";
    ASSERT_EQ(a.receives.delivered, sent_to[0]) << "E2: a message was lost or doubled";
    ASSERT_EQ(b.receives.delivered, sent_to[1]) << "E2: a message was lost or doubled";
    wire.run(500'000, [&] { return a.endpoint.outstanding() + b.endpoint.outstanding() == 0; });
    ASSERT_EQ(a.endpoint.outstanding() + b.endpoint.outstanding(), 0u) << "E10";
}

TEST(TxnStorm, EverythingCompletesOnce) {
    for_each_seed(200, weather);
}

}  // namespace
}  // namespace ethlink::sim
