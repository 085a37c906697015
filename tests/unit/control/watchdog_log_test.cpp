// SPDX-License-Identifier: BSD-3-Clause
// Is each stuck VC told once, with what a person needs to know?
#include "control/watchdog_log.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/egress_queue.h"
#include "tests/sim/frame.h"
#include "tests/sim/lone_link.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Vc kVc{2};  // rdma-request

/// Port e0 of the leaf of a rack: its link runs, a frame waits on kVc, and all credits are in use.
struct Watched {
    explicit Watched(WatchdogAction action)
        : fabric(good(rack(2, 1))),
          link(fabric.profiles[0].link),
          queues(std::vector<std::uint32_t>(5, 4)),
          watchdog({.action = action, .detection = 100ms, .restoration = 10ms}, 2048, 5) {
        link.come_up();
        while (link.link.can_send(kVc, 2048)) link.send(kVc, 2048);
        EXPECT_TRUE(queues.push({link.pool.allocate(100), 100, 2, PortId{1}, kVc}));
    }
    std::vector<std::string> look() {
        std::vector<std::string> events;
        const PortRef port{*fabric.find_node("leaf0"), PortId{0}};
        log.look(fabric, port, watchdog, events);
        return events;
    }
    /// The neighbour's credits as they are, for so long.
    void pass(Duration time) {
        for (Duration t{}; t < time; t += 1ms) watchdog.look(link.link, queues, now += 1ms);
    }

    Fabric fabric;
    sim::LoneLink link;
    EgressQueues<sim::SimFrame> queues;
    PortWatchdog watchdog;
    WatchdogLog log;
    Time now{1h};
};

TEST(WatchdogLog, TellsOnceThatAVcIsStuckAndOnceThatItMoves) {
    Watched w(WatchdogAction::kDrop);
    w.pass(50ms);
    EXPECT_THAT(w.look(), IsEmpty());
    w.pass(200ms);
    EXPECT_THAT(w.look(), ElementsAre(AllOf(HasSubstr("leaf0:e0: VC rdma-request is stuck"),
                                            HasSubstr("gpu0:e0"), HasSubstr("100 ms"),
                                            HasSubstr("vc_stuck"))));
    EXPECT_THAT(w.look(), IsEmpty());
    w.queues.pop(kVc);
    w.watchdog.on_discarded(kVc, 7);
    w.link.hear_sets({{.type = wire::CtlOsType::kCfUpdate,
                       .value = w.link.link.cbfc_sender().consumed(kVc).value(),
                       .arg = kVc.value}});
    w.pass(20ms);
    EXPECT_THAT(w.look(), ElementsAre(AllOf(HasSubstr("VC rdma-request moves again"),
                                            HasSubstr("7 of its frames were discarded"))));
    EXPECT_THAT(w.look(), IsEmpty());
}

TEST(WatchdogLog, SaysWhatHappensToTheFrames) {
    Watched w(WatchdogAction::kAlert);
    w.pass(200ms);
    EXPECT_THAT(w.look(), ElementsAre(AllOf(HasSubstr("is stuck"), HasSubstr("its frames wait"))));
    Watched off(WatchdogAction::kDisable);
    off.pass(1s);
    EXPECT_THAT(off.look(), IsEmpty());
}

}  // namespace
}  // namespace ethlink::control::test
