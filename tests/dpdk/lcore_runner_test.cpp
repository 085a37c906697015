// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/lcore_runner.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/dpdk/environment.h"

namespace ethlink::dpdk {
namespace {

using test::eventually;

class Turner final : public Pollable {
public:
    explicit Turner(Turn turn) : turn_(turn) {}
    Turn poll_once(Time now) override {
        if (now < last_) went_back_.store(true);
        last_ = now;
        turns_.fetch_add(1);
        return turn_;
    }
    std::uint64_t turns() const { return turns_.load(); }
    bool went_back() const { return went_back_.load(); }

private:
    Turn turn_;
    Time last_{};
    std::atomic<bool> went_back_{false};
    std::atomic<std::uint64_t> turns_{0};
};

const TscClock& clock() {
    static const TscClock instance = TscClock::calibrate();
    return instance;
}

constexpr IdlePolicy kPolite{
    .turns_before_sleep = 10, .sleep = std::chrono::microseconds(50), .yield = true};

TEST(LcoreRunner, TurnsAllItsPollablesUntilStopped) {
    Turner first(Turn::kUpkeep);
    Turner second(Turn::kIdle);
    LcoreRunner runner(test::eal().workers()[0], clock(), kPolite);
    ASSERT_TRUE(runner.start({&first, &second}));
    EXPECT_TRUE(runner.running());
    EXPECT_TRUE(eventually([&] { return first.turns() > 100 && second.turns() > 100; }));
    runner.stop();
    EXPECT_FALSE(runner.running());
    const std::uint64_t turns = first.turns();
    EXPECT_EQ(second.turns(), turns);
    EXPECT_EQ(runner.counters().turns.read(), turns);
    EXPECT_EQ(runner.counters().busy_turns.read(), turns);
    EXPECT_FALSE(first.went_back());
    runner.stop();
}

/// Hands frames to another one, and notes who turned.
class Hander final : public Pollable {
public:
    Hander(std::vector<const Pollable*>& order, FollowUps& follow_ups, Pollable* next)
        : order_(&order), follow_ups_(&follow_ups), next_(next) {}
    Turn poll_once(Time) override {
        if (order_->size() < order_->capacity()) order_->push_back(this);
        if (next_ != nullptr) follow_ups_->add(*next_);
        return Turn::kBusy;
    }

private:
    std::vector<const Pollable*>* order_;
    FollowUps* follow_ups_;
    Pollable* next_;
};

TEST(LcoreRunner, WhoWasHandedFramesIsNext) {
    LcoreRunner runner(test::eal().workers()[0], clock(), kPolite);
    std::vector<const Pollable*> order;
    order.reserve(8);
    Hander last(order, runner.follow_ups(), nullptr);
    Hander middle(order, runner.follow_ups(), &last);
    Hander first(order, runner.follow_ups(), &middle);
    Hander other(order, runner.follow_ups(), nullptr);
    ASSERT_TRUE(runner.start({&first, &other, &middle, &last}));
    EXPECT_TRUE(eventually([&] { return runner.counters().turns.read() > 2; }));
    runner.stop();
    EXPECT_EQ(order, (std::vector<const Pollable*>{&first, &middle, &last, &other, &middle, &last,
                                                   &last, &first}));
}

TEST(LcoreRunner, SleepsWhenThereIsNothingToDo) {
    Turner idle(Turn::kIdle);
    LcoreRunner runner(test::eal().workers()[0], clock(), kPolite);
    ASSERT_TRUE(runner.start({&idle}));
    EXPECT_TRUE(eventually([&] { return runner.counters().sleeps.read() > 3; }));
    runner.stop();
    EXPECT_EQ(runner.counters().busy_cycles.read(), 0u);
    EXPECT_GT(runner.counters().cycles.read(), 0u);
}

TEST(LcoreRunner, SleepsThoughLinksTalkButNotWhileFramesCome) {
    Turner frames(Turn::kBusy);
    LcoreRunner awake(test::eal().workers()[0], clock(), kPolite);
    ASSERT_TRUE(awake.start({&frames}));
    EXPECT_TRUE(eventually([&] { return frames.turns() > 1'000; }));
    awake.stop();
    EXPECT_EQ(awake.counters().sleeps.read(), 0u);

    /// Heartbeats, each other turn.
    class Talker final : public Pollable {
        Turn poll_once(Time) override {
            talks_ = !talks_;
            return talks_ ? Turn::kUpkeep : Turn::kIdle;
        }
        bool talks_ = false;
    } talker;
    LcoreRunner tired(test::eal().workers()[0], clock(), kPolite);
    ASSERT_TRUE(tired.start({&talker}));
    EXPECT_TRUE(eventually([&] { return tired.counters().sleeps.read() > 3; }));
    tired.stop();
}

TEST(IdlePolicy, SleepsLongerTheLongerNothingComes) {
    using namespace std::chrono_literals;
    const IdlePolicy policy{.turns_before_sleep = 256, .sleep = 50us, .sleep_max = 500us};
    EXPECT_EQ(policy.sleep_after(0us), 50us);
    EXPECT_EQ(policy.sleep_after(800us), 50us);
    EXPECT_EQ(policy.sleep_after(1600us), 100us);
    EXPECT_EQ(policy.sleep_after(8ms), 500us);
    EXPECT_EQ(policy.sleep_after(1h), 500us);
    const IdlePolicy even{.turns_before_sleep = 256, .sleep = 700us, .sleep_max = 500us};
    EXPECT_EQ(even.sleep_after(1h), 700us) << "the least wins";
}

TEST(LcoreRunner, TwoLcoresShareACpu) {
    Turner a(Turn::kIdle);
    Turner b(Turn::kIdle);
    LcoreRunner first(test::eal().workers()[0], clock(), {.yield = true});
    LcoreRunner second(test::eal().workers()[1], clock(), {.yield = true});
    ASSERT_TRUE(first.start({&a}));
    ASSERT_TRUE(second.start({&b}));
    EXPECT_TRUE(eventually([&] { return a.turns() > 100 && b.turns() > 100; }));
    first.request_stop();
    second.request_stop();
}

TEST(LcoreRunner, StartsAgainButNotTwice) {
    auto turner = std::make_unique<Turner>(Turn::kIdle);
    LcoreRunner runner(test::eal().workers()[0], clock(), kPolite);
    ASSERT_TRUE(runner.start({turner.get()}));
    EXPECT_FALSE(runner.start({turner.get()}));
    runner.stop();
    turner = std::make_unique<Turner>(Turn::kIdle);  // The old one is not touched any more.
    ASSERT_TRUE(runner.start({turner.get()}));
    EXPECT_TRUE(eventually([&] { return turner->turns() > 0; }));
}

TEST(LcoreRunner, RefusesAnLcoreThatIsNoWorker) {
    Turner turner(Turn::kIdle);
    EXPECT_FALSE(LcoreRunner(0, clock(), {}).start({&turner}));
    EXPECT_FALSE(LcoreRunner(99, clock(), {}).start({&turner}));
    EXPECT_FALSE(LcoreRunner(100'000, clock(), {}).start({&turner}));
}

}  // namespace
}  // namespace ethlink::dpdk
