// SPDX-License-Identifier: BSD-3-Clause
// Processes that say hello over cables which lose, double, delay and pass one way only: they find
// what carries nothing, and agree on it.
#include "control/neighbourhood.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "control/fabric_digest.h"
#include "tests/fabrics/fabric_builder.h"

namespace ethlink::control::test {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTurn = 20ms;
constexpr std::uint64_t kClock = 1'800'000'000'000;
constexpr std::uint64_t kNearlyADay = 80'000'000;  // ms by which clocks differ

/// A fabric with a process per node, in a time of its own.
class World {
public:
    World(const Fabric& fabric, std::uint32_t seed, std::uint64_t clocks_differ = kNearlyADay)
        : fabric_(fabric),
          random_(seed),
          clocks_differ_(clocks_differ),
          cables_(fabric.links.size()) {
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
            processes_.emplace_back();
            start({n});
        }
    }

    void start(NodeId node) {
        kill(node);
        const std::vector<NodeId> own{node};
        processes_[node.value] = std::make_unique<Process>(
            Process{Neighbourhood(fabric_, own,
                                  {.interval = 100ms,
                                   .incarnation = static_cast<std::uint32_t>(random_() | 1),
                                   .clock_ms = kClock + random_() % clocks_differ_},
                                  now_),
                    FabricCondition(fabric_)});
    }
    void kill(NodeId node) {
        processes_[node.value].reset();
        for (const FabricPort& port : fabric_.node(node).ports) cables_[*port.link].llr = false;
    }
    bool runs(NodeId node) const { return processes_[node.value] != nullptr; }
    void drain(NodeId node, bool drained) {
        if (runs(node)) processes_[node.value]->own.drained_nodes[node.value] = drained;
    }
    struct Cable {
        bool a_to_b = true, b_to_a = true;
        bool llr = false;  // came up once, and nobody has sent a frame since that was missed
        bool passes() const { return a_to_b && b_to_a; }
    };
    Cable& cable(std::size_t link) { return cables_[link]; }
    /// Nothing passes any more. LLR notices nothing, unless it has come up so lately that the ends
    /// have not heard each other's hellos: who never said one is not judged.
    void cut(std::size_t link, bool both_ways) {
        const FabricLink& ends = fabric_.links[link];
        if (!has_heard(ends.a) || !has_heard(ends.b)) cables_[link].llr = false;
        cables_[link].a_to_b = false;
        if (both_ways) cables_[link].b_to_a = false;
    }
    double loss = 0, copies = 0;
    int delay_turns_max = 0;

    void pass(Duration duration) {
        for (const Time end = now_ + duration; now_ < end;) turn();
    }

    /// What a process takes for dead or drained.
    FabricCondition view(NodeId node) const {
        FabricCondition condition = processes_[node.value]->own;
        processes_[node.value]->neighbourhood.add_to(condition);
        return condition;
    }
    Neighbourhood& of(NodeId node) { return processes_[node.value]->neighbourhood; }
    const Neighbour& neighbour(PortRef ref) {
        std::size_t port = 0;
        while (of(ref.node).port(port) != ref) ++port;
        return of(ref.node).neighbour(port);
    }
    bool carries(std::size_t link) const {
        const FabricLink& ends = fabric_.links[link];
        return cables_[link].passes() && runs(ends.a.node) && runs(ends.b.node);
    }
    /// Puts a hello on the cable to this port, as if its neighbour had sent it.
    void forge(PortRef to, const wire::Hello& hello) { flying_.push_back({to, hello, 1}); }
    std::size_t hellos() const { return hellos_; }
    Time now() const { return now_; }
    RandomBits& random() { return random_; }

private:
    struct Process {
        Neighbourhood neighbourhood;
        FabricCondition own;
    };
    struct Flying {
        PortRef to;
        wire::Hello hello;
        int turns;
    };

    bool has_heard(PortRef ref) const {
        if (!runs(ref.node)) return false;
        const Neighbourhood& here = processes_[ref.node.value]->neighbourhood;
        for (std::size_t i = 0; i < here.port_count(); ++i) {
            if (here.port(i) == ref) return here.neighbour(i).heard().incarnation != 0;
        }
        return false;
    }
    bool happens(double probability) {
        return std::uniform_real_distribution<>(0, 1)(random_) < probability;
    }

    void turn() {
        now_ += kTurn;
        land();
        for (std::uint32_t n = 0; n < processes_.size(); ++n) {
            if (processes_[n]) live(*processes_[n]);
        }
    }

    void land() {
        std::vector<Flying> still;
        for (Flying& flying : flying_) {
            if (--flying.turns > 0) {
                still.push_back(flying);
            } else if (processes_[flying.to.node.value]) {
                Neighbourhood& at = processes_[flying.to.node.value]->neighbourhood;
                for (std::size_t i = 0; i < at.port_count(); ++i) {
                    if (at.port(i) == flying.to) at.on_hello(i, flying.hello, now_);
                }
            }
        }
        flying_ = std::move(still);
    }

    void live(Process& process) {
        Neighbourhood& here = process.neighbourhood;
        here.on_time(now_);
        for (std::size_t i = 0; i < here.port_count(); ++i) {
            const std::size_t link = *fabric_.port(here.port(i)).link;
            cables_[link].llr |= carries(link);
            here.on_link(i, cables_[link].llr, now_);
            process.own.dead[link] = !cables_[link].llr || !here.may_carry(i);
        }
        here.set_own(process.own, now_);
        for (std::size_t i = 0; i < here.port_count(); ++i) {
            if (const auto hello = here.next(i, now_)) send(here.port(i), *hello);
        }
    }

    void send(PortRef from, const wire::Hello& hello) {
        ++hellos_;
        const std::size_t link = *fabric_.port(from).link;
        const bool is_a = fabric_.links[link].a == from;
        if (is_a ? !cables_[link].a_to_b : !cables_[link].b_to_a) return;
        for (int copies_left = happens(copies) ? 2 : 1; copies_left > 0; --copies_left) {
            if (happens(loss)) continue;
            flying_.push_back(
                {*fabric_.port(from).peer, hello, 1 + pick(random_, 0, delay_turns_max)});
        }
    }

    const Fabric& fabric_;
    RandomBits random_;
    std::uint64_t clocks_differ_;
    std::vector<Cable> cables_;
    std::vector<std::unique_ptr<Process>> processes_;
    std::vector<Flying> flying_;
    Time now_{1s};
    std::size_t hellos_ = 0;
};

/// Switches that can tell each other: over links that carry, not through endpoints.
std::vector<int> companies(const Fabric& fabric, const World& world) {
    std::vector<int> company(fabric.nodes.size(), -1);
    for (std::uint32_t first = 0; first < company.size(); ++first) {
        if (company[first] != -1 || fabric.nodes[first].kind != NodeKind::kSwitch) continue;
        std::vector<std::uint32_t> next{first};
        company[first] = static_cast<int>(first);
        while (!next.empty()) {
            const std::uint32_t node = next.back();
            next.pop_back();
            for (const FabricPort& port : fabric.nodes[node].ports) {
                const std::uint32_t peer = port.peer->node.value;
                const bool is_switch = fabric.nodes[peer].kind == NodeKind::kSwitch;
                if (!is_switch || company[peer] != -1 || !world.carries(*port.link)) continue;
                company[peer] = company[first];
                next.push_back(peer);
            }
        }
    }
    return company;
}

/// Every process knows the truth of all links at switches that it can hear of.
void expect_truth(const Fabric& fabric, const World& world) {
    const std::vector<int> company = companies(fabric, world);
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (!world.runs({n})) continue;
        std::set<int> hears{company[n]};
        for (const FabricPort& port : fabric.nodes[n].ports) {
            if (world.carries(*port.link)) hears.insert(company[port.peer->node.value]);
        }
        hears.erase(-1);
        const FabricCondition view = world.view({n});
        for (std::size_t i = 0; i < fabric.links.size(); ++i) {
            const FabricLink& link = fabric.links[i];
            if (!hears.contains(company[link.a.node.value]) &&
                !hears.contains(company[link.b.node.value])) {
                continue;
            }
            EXPECT_EQ(view.dead[i], !world.carries(i))
                << fabric.nodes[n].name << " of " << fabric.port_name(link.a) << " - "
                << fabric.port_name(link.b);
        }
    }
}

TEST(Neighbourhood, AllComeUpAndNobodyComplains) {
    const Fabric fabric = leaf_spine(2, 2, 2, 2);
    World world(fabric, 1);
    world.pass(1s);
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        Neighbourhood& here = world.of({n});
        for (std::size_t i = 0; i < here.port_count(); ++i) {
            EXPECT_EQ(here.neighbour(i).state(), NeighbourState::kUp);
            EXPECT_EQ(here.complaint(i), "");
        }
        EXPECT_TRUE(here.take_events().empty());
    }
    expect_truth(fabric, world);
}

TEST(Neighbourhood, AOneWayCableIsKnownToAllSoon) {
    const Fabric fabric = leaf_spine(2, 2, 2, 2);
    World world(fabric, 2);
    world.pass(1s);
    for (std::size_t i = 0; i < fabric.links.size(); ++i) {
        world.cable(i).a_to_b = false;
        world.pass(1200ms);  // Ten hellos missed, and the way to all others.
        expect_truth(fabric, world);
        world.cable(i).a_to_b = true;
        world.pass(300ms);
        expect_truth(fabric, world);
    }
}

TEST(Neighbourhood, WhoseWorkerDoesNotRunIsNotSilent) {
    // Both ends in one process: its threads are late, not its cables dead.
    const Fabric fabric = racks(1, 2, 1, 0);
    const std::vector<NodeId> all{{0}, {1}, {2}};
    Neighbourhood here(fabric, all, {.incarnation = 7}, Time{});
    std::vector<std::size_t> other(here.port_count());
    for (std::size_t i = 0; i < other.size(); ++i) {
        while (here.port(other[i]) != *fabric.port(here.port(i)).peer) ++other[i];
    }
    Time now{};
    const auto pass = [&](Duration duration, std::size_t late) {
        for (const Time end = now + duration; now < end; now += kTurn) {
            for (std::size_t i = 0; i < other.size(); ++i) here.on_poll(i, i != late);
            here.on_time(now);
            for (std::size_t i = 0; i < other.size(); ++i) {
                const auto hello = here.next(i, now);
                if (hello && i != late && other[i] != late) here.on_hello(other[i], *hello, now);
            }
        }
    };
    pass(1s, SIZE_MAX);
    pass(10s, 0);
    EXPECT_EQ(here.neighbour(0).state(), NeighbourState::kUp);
    EXPECT_EQ(here.neighbour(other[0]).state(), NeighbourState::kUp);
    for (std::size_t i = 0; i < other.size(); ++i) EXPECT_TRUE(here.may_carry(i));
}

TEST(Neighbourhood, CrossedCablesAreNamed) {
    const Fabric fabric = leaf_spine(1, 2, 1, 1);
    const NodeId leaf = *fabric.find_node("sw1");
    const std::vector<NodeId> own{leaf};
    Neighbourhood here(fabric, own, {.incarnation = 7}, Time{});
    const std::vector<NodeId> gpu{*fabric.find_node("gpu1")};
    Neighbourhood wrong(fabric, gpu, {.incarnation = 8}, Time{});
    const PortRef expected = *fabric.port(here.port(0)).peer;
    const auto hello = wrong.next(0, Time{1s});
    ASSERT_TRUE(hello);
    ASSERT_NE(wrong.port(0), expected);
    here.on_hello(0, *hello, Time{1s});
    EXPECT_FALSE(here.may_carry(0));
    const auto events = here.take_events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0], fabric.port_name(here.port(0)) + " is joined to " +
                             fabric.port_name(wrong.port(0)) + "; the file says " +
                             fabric.port_name(expected));
}

TEST(Neighbourhood, AnotherFileIsNamedAndItsStatesAreIgnored) {
    const Fabric fabric = leaf_spine(1, 2, 1, 1), other = leaf_spine(1, 3, 1, 1);
    const std::vector<NodeId> leaf{*fabric.find_node("sw1")}, spine{*other.find_node("sw0")};
    Neighbourhood here(fabric, leaf, {.incarnation = 7}, Time{});
    Neighbourhood stranger(other, spine, {.incarnation = 8}, Time{});
    std::size_t port = 0;
    while (fabric.port(here.port(port)).peer->node != NodeId{0}) ++port;
    wire::Hello hello = *stranger.next(0, Time{1s});
    hello.add({.node = 0, .flags = wire::LinkAdvert::kNodeDrained, .version = 9});
    here.on_hello(port, hello, Time{1s});
    FabricCondition condition(fabric);
    here.add_to(condition);
    EXPECT_EQ(condition, FabricCondition(fabric));
    const auto events = here.take_events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_NE(events[0].find("another fabric file"), std::string::npos) << events[0];
}

TEST(Neighbourhood, ALargeProcessSaysHelloLessOften) {
    const Fabric fabric = racks(1, 512, 4, 0);
    std::vector<NodeId> all;
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) all.push_back({n});
    Neighbourhood here(fabric, all, {}, Time{});
    ASSERT_EQ(here.port_count(), 4096u);
    std::size_t hellos = 0;
    for (Time now{}; now < Time{2s}; now += kTurn) {
        for (std::size_t i = 0; i < here.port_count(); ++i) hellos += here.next(i, now) ? 1 : 0;
    }
    EXPECT_LE(hellos, 2 * 4096u);
    EXPECT_GE(hellos, 4096u);
    EXPECT_EQ(here.next(0, Time{10s})->hold_ms, 10 * 1024);
}

TEST(NeighbourhoodProperty, AfterAnyStormAllAgreeOnWhatIs) {
    for (std::uint32_t seed = 0; seed < 100; ++seed) {
        RandomBits random(seed);
        const Fabric fabric = random_fabric(random);
        if (fabric.links.empty()) continue;
        World world(fabric, seed);
        const auto any_node = [&] {
            return NodeId{static_cast<std::uint32_t>(
                pick(random, 0, static_cast<int>(fabric.nodes.size()) - 1))};
        };
        world.loss = pick(random, 0, 2) * 0.2;
        world.copies = pick(random, 0, 1) * 0.3;
        world.delay_turns_max = pick(random, 0, 4);
        for (int event = pick(random, 5, 30); event > 0; --event) {
            const auto link = static_cast<std::size_t>(
                pick(random, 0, static_cast<int>(fabric.links.size()) - 1));
            switch (pick(random, 0, 5)) {
                case 0: world.cut(link, false); break;
                case 1: world.cut(link, true); break;
                case 2: world.cable(link).a_to_b = world.cable(link).b_to_a = true; break;
                case 3: world.kill(any_node()); break;
                case 4:
                case 5: world.start(any_node()); break;
            }
            world.pass(pick(random, 0, 40) * kTurn);
        }
        world.loss = 0;
        world.delay_turns_max = 0;
        world.pass(3s);
        expect_truth(fabric, world);
        // And when all is well again, all say so.
        for (std::size_t i = 0; i < fabric.links.size(); ++i) {
            world.cable(i).a_to_b = world.cable(i).b_to_a = true;
        }
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
            if (!world.runs({n})) world.start({n});
        }
        world.pass(3s);
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
            EXPECT_EQ(world.view({n}), FabricCondition(fabric)) << fabric.nodes[n].name;
        }
        ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    }
}

/// Anything that a hostile neighbour may say, half of it as if he were the right one.
wire::Hello forgery(const Fabric& fabric, World& world, PortRef to) {
    RandomBits& random = world.random();
    const auto number = [&](std::uint32_t likely) {
        const auto any = static_cast<std::uint32_t>(random());
        return pick(random, 0, 3) == 0 ? any : any % likely;
    };
    const auto nodes = static_cast<std::uint32_t>(fabric.nodes.size()) + 1;
    wire::Hello hello;
    hello.digest = digest_of(fabric);
    hello.self = world.neighbour(to).last();
    hello.heard = world.neighbour(*fabric.port(to).peer).last();  // What the real one hears.
    hello.sequence = number(1'000);
    hello.hold_ms = static_cast<std::uint16_t>(number(1'000));
    hello.advert_count = 0;
    if (pick(random, 0, 3) == 0) hello.digest ^= 1;
    if (pick(random, 0, 3) == 0) hello.heard.incarnation ^= 1;
    if (pick(random, 0, 3) == 0) hello.self = {number(nodes), 0, number(2)};
    for (int i = pick(random, 0, int{wire::Hello::kMaxAdverts}); i > 0; --i) {
        const std::uint64_t bits = std::uint64_t{number(8)} << pick(random, 0, 40);
        hello.add({.node = number(nodes),
                   .part = static_cast<std::uint16_t>(number(2)),
                   .flags = static_cast<std::uint16_t>(number(2)),
                   .version = kClock + random() % 200'000'000,
                   .dead = bits,
                   .drained = bits >> 1});
    }
    return hello;
}

TEST(NeighbourhoodProperty, NoForgeryOutlivesItsForger) {
    for (std::uint32_t seed = 0; seed < 12; ++seed) {
        RandomBits random(seed);
        const Fabric fabric = pick(random, 0, 1) == 0 ? leaf_spine(2, 2, 2, 2) : racks(2, 3, 2, 2);
        World world(fabric, seed, 1'000);
        world.pass(1s);
        for (int i = 0; i < 300; ++i) {
            const FabricLink& link = fabric.links[static_cast<std::size_t>(
                pick(random, 0, static_cast<int>(fabric.links.size()) - 1))];
            const PortRef to = pick(random, 0, 1) == 0 ? link.a : link.b;
            world.forge(to, forgery(fabric, world, to));
            world.pass(kTurn);
        }
        world.pass(Neighbour::kHoldMax + 2s);
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
            ASSERT_EQ(world.view({n}), FabricCondition(fabric))
                << fabric.nodes[n].name << ", seed " << seed;
        }
    }
}

TEST(NeighbourhoodProperty, AStormIsBounded) {
    const Fabric fabric = leaf_spine(3, 3, 2, 3);
    World world(fabric, 5);
    std::size_t ports = 0;
    for (const FabricNode& node : fabric.nodes) ports += node.ports.size();
    world.pass(1s);
    const std::size_t before = world.hellos();
    for (int i = 0; i < 200; ++i) {
        World::Cable& cable = world.cable(static_cast<std::size_t>(
            pick(world.random(), 0, static_cast<int>(fabric.links.size()) - 1)));
        cable.a_to_b = !cable.a_to_b;
        world.pass(kTurn);
    }
    const Duration time = 200 * kTurn;
    const auto most = static_cast<std::size_t>(time / Neighbourhood::kGap + 2);
    EXPECT_LE(world.hellos() - before, ports * most);
}

}  // namespace
}  // namespace ethlink::control::test
