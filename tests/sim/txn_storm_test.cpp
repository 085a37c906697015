// SPDX-License-Identifier: BSD-3-Clause
// Can a bad wire bring endpoints to lose, double or confuse a transaction?
#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/sweep.h"
#include "tests/sim/txn_client.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr GpuId kA{0x200}, kB{0x201};
constexpr std::uint64_t kKey = 0x1234'5678'9ABC'DEF0;
constexpr std::uint64_t kCounter = 0;  // the first word of each memory

/// Each seed leaves most of the range out, so that corners meet.
txn::TxnProfile small_profile(Draw& draw) {
    static constexpr std::uint32_t kFrames[] = {512, 1024, 2048, 2048, 9000};
    txn::TxnProfile profile;
    const auto transactions = 1u << draw.random.below(11);
    profile.transactions_max = draw.is(Fault::kTinyWindow) ? transactions : 1024;
    profile.response_bytes_max = 1024u << draw.random.below(5);
    const auto items = 1u << draw.random.below(9);
    profile.items_max = draw.is(Fault::kTinyCredits) ? items : 256;
    profile.frame_bytes_max = kFrames[draw.random.below(std::size(kFrames))];
    profile.path_retries = static_cast<std::uint8_t>(1 + draw.random.below(4));
    profile.retry_min = 100us;
    profile.retry_max = 2ms;
    profile.give_up_after = 1s;
    return profile;
}

TxnWeather storm(Draw& draw) {
    TxnWeather weather;
    weather.loss = draw.rate(Fault::kLoss, 0.2);
    weather.duplicate = draw.rate(Fault::kDuplicate, 0.2);
    weather.corrupt = draw.rate(Fault::kBitError, 0.2);
    weather.late = draw.rate(Fault::kReorder, 0.3);
    return weather;
}

/// What the wire did, for the ledger.
void add_up(const TxnWire& wire, Oracle& oracle) {
    oracle.ledger.faults.add(Fault::kLoss, wire.lost);
    oracle.ledger.faults.add(Fault::kDuplicate, wire.doubled);
    oracle.ledger.faults.add(Fault::kBitError, wire.damaged);
    oracle.ledger.faults.add(Fault::kReorder, wire.late);
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
void weather(const Trial& trial, Oracle& oracle) {
    Draw draw(trial, oracle);
    TxnWire wire(draw.random.next());
    const txn::TxnProfile profile = small_profile(draw);
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
            TxnClient::Slice{kKey, 8192 * (1 + i / 2), 8192, kCounter, draw.random.chance(0.3)},
            draw.random.next(), wire.now, oracle));
    }
    wire.weather = storm(draw);
    const bool port_dies = draw.is(Fault::kDeadPort, 0.3);
    const std::uint64_t turns = trial.work(draw.between(300, 2500), oracle);
    for (std::uint64_t i = 0; i < turns; ++i) {
        // Not from the beginning: channels open by paths that are there.
        if (port_dies && i == turns / 4) wire.weather.dead_ports = {true, false};
        for (auto& client : clients)
            client->work(static_cast<std::uint32_t>(draw.random.below(3)), wire.now);
        for (int k = 0; k < 10; ++k) wire.step();
        if (!oracle.is_sound()) return;
    }
    // A path that is gone stays gone: whoever is on it must leave it.
    wire.weather = {.dead_ports = wire.weather.dead_ports};
    add_up(wire, oracle);
    const bool calm = wire.run(1'000'000, [&] {
        return !oracle.is_sound() ||
               std::ranges::all_of(clients, [](const auto& c) { return c->idle(); });
    });
    if (!oracle.holds(Invariant::kE1, calm, "not everything completes")) return;
    std::uint64_t added_to[2] = {0, 0};
    std::uint64_t sent_to[2] = {0, 0};
    for (std::size_t i = 0; i < clients.size(); ++i) {
        const TxnClient& client = *clients[i];
        oracle.equal(Invariant::kE1, client.failed, 0, name(client.last_error));
        oracle.holds(Invariant::kE9, client.matches(i % 2 == 0 ? b.memory : a.memory),
                     "other memory");
        added_to[i % 2 == 0] += client.added;
        sent_to[i % 2 == 0] += client.sent;
    }
    oracle.equal(Invariant::kE2, counter(a), added_to[0], "sum of the atomics");
    oracle.equal(Invariant::kE2, counter(b), added_to[1], "sum of the atomics");
    oracle.equal(Invariant::kE2, a.receives.delivered, sent_to[0], "messages");
    oracle.equal(Invariant::kE2, b.receives.delivered, sent_to[1], "messages");
    wire.run(500'000, [&] { return a.endpoint.outstanding() + b.endpoint.outstanding() == 0; });
    oracle.equal(Invariant::kE10, a.endpoint.outstanding() + b.endpoint.outstanding(), 0,
                 "transactions that are still kept");
}

/// A server that dies and comes back, three GPUs that use it, channels that close under way.
class Upheaval {
public:
    Upheaval(const Trial& trial, Oracle& oracle)
        : trial_(trial),
          oracle_(oracle),
          draw_(trial, oracle),
          random_(draw_.random.next()),
          wire_(draw_.random.next()),
          profile_(small_profile(draw_)) {
        profile_.give_up_after = 20ms;
        wire_.frame_bytes = profile_.frame_bytes_max;
        for (const GpuId gpu : kInitiators) wire_.add(gpu, profile_);
        restart();
        for (std::size_t i = 0; i < kClients; ++i) clients_.push_back(client());
    }

    void run() {
        storm_and_calm();
        add_up(wire_, oracle_);
    }

private:
    void storm_and_calm() {
        wire_.weather = storm(draw_);
        const double deaths = draw_.has(Fault::kRestart) ? 0.001 : 0;
        const double closes = random_.chance(0.5) ? 0.002 : 0;
        const std::uint64_t turns = trial_.work(draw_.between(300, 3000), oracle_);
        for (std::uint64_t i = 0; i < turns; ++i) {
            for (auto& client : clients_) turn(client, closes);
            if (random_.chance(deaths)) kill();
            for (int k = 0; k < 10; ++k) wire_.step();
            if (!oracle_.is_sound()) return;
        }
        wire_.weather = {};
        if (server_ == nullptr) restart();
        if (!everything_completes()) return;
        // Who has asked for nothing since the server died does not know yet that his bytes are
        // gone.
        for (auto& client : clients_) {
            if (!client->ended) client->work(1, wire_.now);
        }
        if (everything_completes()) check();
    }
    bool everything_completes() {
        const bool calm = wire_.run(1s, [&] {
            return !oracle_.is_sound() ||
                   std::ranges::all_of(clients_, [](const auto& c) { return c->idle(); });
        });
        return oracle_.holds(Invariant::kE1, calm, "not everything completes");
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
            random_.next(), wire_.now, oracle_);
    }
    void turn(std::unique_ptr<TxnClient>& one, double closes) {
        one->work(static_cast<std::uint32_t>(random_.below(3)), wire_.now);
        if (!one->ended && random_.chance(closes)) one->close(wire_.now);
        if (!one->ended || slices_ >= kSlices - 1) return;
        retire(*one);
        one = client();
    }
    void retire(const TxnClient& client) {
        oracle_.holds(Invariant::kE1, client.idle(), "transactions of a channel that has ended");
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
        oracle_.ledger.faults.add(Fault::kRestart);
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
            if (client->failed > 0 || client->ended) continue;
            oracle_.holds(Invariant::kE9, client->matches(server_->memory), "other memory");
        }
        bury();
        oracle_.at_most(Invariant::kE2, sum_.added, added_, "an atomic was lost");
        oracle_.at_most(Invariant::kE2, added_, sum_.added + sum_.maybe_added,
                        "an atomic was done twice");
        oracle_.at_most(Invariant::kE2, sum_.sent, sent_, "a message was lost");
        oracle_.at_most(Invariant::kE2, sent_, sum_.sent + sum_.maybe_sent, "a message came twice");
    }

    static constexpr std::uint64_t kSlices = 64;
    const Trial& trial_;
    Oracle& oracle_;
    Draw draw_;
    Random random_;
    TxnWire wire_;
    txn::TxnProfile profile_;
    TxnNode* server_ = nullptr;
    std::vector<std::unique_ptr<TxnClient>> clients_;
    std::uint64_t slices_ = 0;
    Sum sum_;
    std::uint64_t added_ = 0, sent_ = 0;
};

TEST(TxnStorm, EverythingCompletesOnce) {
    sweep(400, weather);
}

TEST(TxnStorm, ServersDieAndChannelsCloseAndNothingHappensTwice) {
    const Ledger ledger =
        sweep(800, [](const Trial& trial, Oracle& oracle) { Upheaval(trial, oracle).run(); });
    if (seeds_are_chosen()) return;
    // Or there was nothing to survive.
    EXPECT_GT(ledger.faults.read(Fault::kRestart), 100u);
    EXPECT_GT(ledger.tally.read(Tally::kTransactions), 100'000u);
    EXPECT_GT(ledger.tally.read(Tally::kTransactionsFailed), 1000u);
}

}  // namespace
}  // namespace ethlink::sim
