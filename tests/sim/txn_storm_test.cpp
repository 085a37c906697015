// SPDX-License-Identifier: BSD-3-Clause
// Can a bad wire bring endpoints to lose, double or confuse a transaction?
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/seeds.h"
#include "tests/sim/txn_client.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr GpuId kA{0x200}, kB{0x201};
constexpr std::uint64_t kKey = 0x1234'5678'9ABC'DEF0;
constexpr std::uint64_t kCounter = 0;  // the first word of each memory

/// Swarm: each seed leaves most of the range out, so that corners meet.
txn::TxnProfile small_profile(Random& random) {
    static constexpr std::uint32_t kFrames[] = {512, 1024, 2048, 2048, 9000};
    txn::TxnProfile profile;
    profile.transactions_max = 1u << random.below(11);
    profile.response_bytes_max = 1024u << random.below(5);
    profile.items_max = 1u << random.below(9);
    profile.frame_bytes_max = kFrames[random.below(std::size(kFrames))];
    profile.path_retries = static_cast<std::uint8_t>(1 + random.below(4));
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
    wire.frame_bytes = profile.frame_bytes_max;
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
            (from_a ? a : b).endpoint, from_a ? kB : kA,
            i < 4 ? txn::ChannelClass::kLoadStore : txn::ChannelClass::kRdma,
            TxnClient::Slice{kKey, 8192 * (1 + i / 2), 8192, kCounter, random.chance(0.3)},
            random.next(), wire.now));
    }
    wire.weather = storm(random);
    if (random.chance(0.3)) wire.weather.dead_ports = {true, false};
    for (int i = 0; i < 4000; ++i) {
        for (auto& client : clients)
            client->work(static_cast<std::uint32_t>(random.below(3)), wire.now);
        for (int k = 0; k < 10; ++k) wire.step();
        if (testing::Test::HasFatalFailure()) return;
    }
    wire.weather = {};
    const bool calm = wire.run(1'000'000, [&] {
        return std::ranges::all_of(clients, [](const auto& c) { return c->idle(); });
    });
    ASSERT_TRUE(calm) << "E1: not everything completes";
    std::uint64_t added_to[2] = {0, 0};
    std::uint64_t sent_to[2] = {0, 0};
    for (std::size_t i = 0; i < clients.size(); ++i) {
        const TxnClient& client = *clients[i];
        ASSERT_TRUE(client.opened);
        ASSERT_GT(client.done, 0u);
        ASSERT_EQ(client.failed, 0u) << "E1: " << name(client.last_error);
        ASSERT_TRUE(client.matches(i % 2 == 0 ? b.memory : a.memory)) << "E2, E9: other memory";
        added_to[i % 2 == 0] += client.added;
        sent_to[i % 2 == 0] += client.sent;
    }
    ASSERT_EQ(counter(a), added_to[0]) << "E2: an atomic was lost or done twice";
    ASSERT_EQ(counter(b), added_to[1]) << "E2: an atomic was lost or done twice";
    ASSERT_EQ(a.receives.delivered, sent_to[0]) << "E2: a message was lost or doubled";
    ASSERT_EQ(b.receives.delivered, sent_to[1]) << "E2: a message was lost or doubled";
    wire.run(500'000, [&] { return a.endpoint.outstanding() + b.endpoint.outstanding() == 0; });
    ASSERT_EQ(a.endpoint.outstanding() + b.endpoint.outstanding(), 0u) << "E10";
}

/// A server that dies and comes back, three GPUs that use it, channels that close under way.
class Upheaval {
public:
    explicit Upheaval(std::uint64_t seed)
        : random_(seed), wire_(random_.next()), profile_(small_profile(random_)) {
        profile_.give_up_after = 20ms;
        wire_.frame_bytes = profile_.frame_bytes_max;
        for (const GpuId gpu : kInitiators) wire_.add(gpu, profile_);
        restart();
        for (std::size_t i = 0; i < kClients; ++i) clients_.push_back(client());
    }

    /// What happened, so that a test can see that anything did.
    struct Toll {
        std::uint64_t deaths = 0, ended = 0, done = 0, doubts = 0;
    };

    Toll run() {
        storm_and_calm();
        return toll_;
    }

private:
    void storm_and_calm() {
        wire_.weather = storm(random_);
        const double deaths = random_.chance(0.5) ? 0.001 : 0;
        const double closes = random_.chance(0.5) ? 0.002 : 0;
        for (int i = 0; i < 3000; ++i) {
            for (auto& client : clients_) turn(client, closes);
            if (random_.chance(deaths)) kill();
            for (int k = 0; k < 10; ++k) wire_.step();
            if (testing::Test::HasFatalFailure()) return;
        }
        wire_.weather = {};
        if (server_ == nullptr) restart();
        const bool calm = wire_.run(1s, [&] {
            return std::ranges::all_of(clients_, [](const auto& c) { return c->idle(); });
        });
        ASSERT_TRUE(calm) << "E1: not everything completes";
        check();
    }

    static constexpr std::size_t kClients = 6;
    static constexpr std::uint32_t kSlice = 1024;
    static constexpr GpuId kServer{0x300};
    static constexpr GpuId kInitiators[] = {kA, kB, GpuId{0x202}};

    struct Sum {
        std::uint64_t added = 0, sent = 0, maybe_added = 0, maybe_sent = 0;
    };

    /// Each has a slice that nobody had before: what an old one left under way may still arrive.
    std::unique_ptr<TxnClient> client() {
        TxnNode& node = *wire_.nodes.at(kInitiators[random_.below(3)].value);
        const auto kind =
            random_.chance(0.6) ? txn::ChannelClass::kLoadStore : txn::ChannelClass::kRdma;
        return std::make_unique<TxnClient>(
            node.endpoint, kServer, kind,
            TxnClient::Slice{kKey, kSlice * ++slices_, kSlice, kCounter, random_.chance(0.5)},
            random_.next(), wire_.now);
    }
    void turn(std::unique_ptr<TxnClient>& one, double closes) {
        one->work(static_cast<std::uint32_t>(random_.below(3)), wire_.now);
        if (!one->ended && random_.chance(closes)) one->close(wire_.now);
        if (!one->ended || slices_ >= kSlices - 1) return;
        retire(*one);
        ++toll_.ended;
        one = client();
    }
    void retire(const TxnClient& client) {
        EXPECT_TRUE(client.idle()) << "E1";
        toll_.done += client.done;
        toll_.doubts += client.maybe_added + client.maybe_sent;
        sum_.added += client.added;
        sum_.sent += client.sent;
        sum_.maybe_added += client.maybe_added;
        sum_.maybe_sent += client.maybe_sent;
    }
    void restart() {
        server_ = &wire_.add(kServer, profile_);
        open_memory(*server_);
        for (int i = 0; i < 1000; ++i) server_->receives.post(8192);
    }
    void kill() {
        if (server_ == nullptr) return restart();
        bury();
        wire_.kill(kServer);
        server_ = nullptr;
        ++toll_.deaths;
        if (random_.chance(0.5)) restart();  // at once: nobody has noticed
    }
    /// What the server has done in this life.
    void bury() {
        added_ += counter(*server_);
        sent_ += static_cast<std::uint64_t>(std::ranges::count_if(
            server_->receives.messages,
            [](const auto& message) { return message.received.status == wire::TxnStatus::kOk; }));
    }
    void check() {
        for (const auto& client : clients_) {
            retire(*client);
            if (client->failed == 0 && !client->ended) {
                ASSERT_TRUE(client->matches(server_->memory)) << "E2, E9: other memory";
            }
        }
        bury();
        ASSERT_GE(added_, sum_.added) << "E2: an atomic was lost";
        ASSERT_LE(added_, sum_.added + sum_.maybe_added) << "E2: an atomic was done twice";
        ASSERT_GE(sent_, sum_.sent) << "E2: a message was lost";
        ASSERT_LE(sent_, sum_.sent + sum_.maybe_sent) << "E2: a message came twice";
    }

    static constexpr std::uint64_t kSlices = 64;
    Random random_;
    TxnWire wire_;
    txn::TxnProfile profile_;
    TxnNode* server_ = nullptr;
    std::vector<std::unique_ptr<TxnClient>> clients_;
    std::uint64_t slices_ = 0;
    Sum sum_;
    std::uint64_t added_ = 0, sent_ = 0;
    Toll toll_;
};

TEST(TxnStorm, EverythingCompletesOnce) {
    for_each_seed(200, weather);
}

TEST(TxnStorm, ServersDieAndChannelsCloseAndNothingHappensTwice) {
    Upheaval::Toll most;
    for_each_seed(400, [&](std::uint64_t seed) {
        const Upheaval::Toll toll = Upheaval(seed).run();
        most.deaths = std::max(most.deaths, toll.deaths);
        most.ended = std::max(most.ended, toll.ended);
        most.done = std::max(most.done, toll.done);
        most.doubts = std::max(most.doubts, toll.doubts);
    });
    if (std::getenv("ETHLINK_SEED") != nullptr || std::getenv("ETHLINK_SEEDS") != nullptr) return;
    EXPECT_GT(most.deaths, 1u);
    EXPECT_GT(most.ended, 10u);
    EXPECT_GT(most.done, 1000u);
    EXPECT_GT(most.doubts, 0u);
}

}  // namespace
}  // namespace ethlink::sim
