// SPDX-License-Identifier: BSD-3-Clause
// What each node of a fabric says of its links, told on from neighbour to neighbour.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "control/config.h"
#include "control/route_keeper.h"
#include "proto/time.h"
#include "proto/wire/hello.h"

namespace ethlink::control {

/// A part (64 ports) of a node has one state and one version, and whoever hears a newer one takes
/// it and tells it on. Nothing is acknowledged: what has changed is said `kRepeats` times, and all
/// that is known is said again and again in the room that is left. Only who owns a node makes new
/// versions for it: the time of day in ms, or more if he hears of a greater one that he has not
/// made (of his life before a restart, or forged). Nobody believes one that is more than kAhead in
/// the future, so there always is one beyond. They are on no circle: there, three can each be newer
/// than the next, and chase each other round a fabric for ever.
///
/// Endpoints speak for themselves only, and are believed of nothing else: a GPU's host cannot take
/// links of the fabric away. (They also tell a switch what it said itself: it may have forgotten.)
/// So what is said of a node travels among the switches that cables between switches join to it: a
/// *company*, a track. Of nodes that no cable joins to it a company believes nothing: they could
/// not hear of it and object.
///
/// Pure, one thread. The fabric outlives it.
class LinkStates {
public:
    /// A node of ours makes no more than one version in this time.
    static constexpr Duration kIssueInterval = std::chrono::milliseconds(100);
    static constexpr std::uint8_t kRepeats = 3;
    /// How much clocks may differ.
    static constexpr Duration kAhead = std::chrono::hours(24);

    struct Counters {
        std::uint64_t taken = 0;      // newer than what was known
        std::uint64_t repeated = 0;   // known, or older than what is known
        std::uint64_t refused = 0;    // a node, part or port that the fabric does not have
        std::uint64_t early = 0;      // of the future: their clock is wrong, or ours
        std::uint64_t foreign = 0;    // of a node that the neighbour cannot speak for
        std::uint64_t contested = 0;  // of a node of ours, and not made by us
        std::uint64_t issued = 0;     // versions of our own
    };

    /// `own`: nodes of this process. `ports`: the ends of links whose other ends belong to other
    /// processes; below a port is an index in it. `clock_ms`: the time of day at `now`, in ms since
    /// 1970.
    LinkStates(const Fabric& fabric, std::span<const NodeId> own, std::span<const PortRef> ports,
               std::uint64_t clock_ms, Time now);

    /// What our nodes hold for dead and drained just now, of all links and nodes; what is not ours
    /// is not looked at. Nothing is issued before on_time().
    void set_own(const FabricCondition& condition);
    void on_time(Time now);
    void on_adverts(std::size_t port, std::span<const wire::LinkAdvert> adverts, Time now);
    /// A neighbour has just come, or begun a new life: he is owed all that is known. Who only
    /// listens (a process of endpoints) also forgets what he heard from him: it is said again if it
    /// holds.
    void on_neighbour(std::size_t port);

    /// Whether there is something that this port has not been told yet.
    bool is_urgent(std::size_t port) const { return ports_[port].untold > 0; }
    /// Fills a hello for this port: news, then repetitions, then what is known anyway.
    void fill(std::size_t port, wire::Hello& hello);

    /// What others say, on top of what is in `condition`.
    void add_to(FabricCondition& condition) const;
    /// Calls visit(NodeId, const wire::LinkAdvert&) for the state of each part that anybody has
    /// spoken of, our own nodes included.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const std::size_t slot : known_) visit(parts_[slot].node, parts_[slot].state);
    }
    bool is_own(NodeId node) const { return own_[node.value] != kNotOwn; }
    const Counters& counters() const { return counters_; }

private:
    static constexpr std::size_t kNotOwn = SIZE_MAX;
    struct Part {
        NodeId node;
        std::uint64_t links = 0;  // bit i: there is a link at this port
        wire::LinkAdvert state;
        bool known = false;
    };
    struct Own {
        std::size_t slot;
        wire::LinkAdvert wanted{};  // what is to be said; no version
        bool contested = false;     // a version was heard that we have to go beyond:
        std::uint64_t version = 0;  // this one
        Time due{};                 // not before
    };
    struct Port {
        NodeId self, peer;
        bool self_is_endpoint, peer_is_endpoint;
        std::size_t company;  // in companies_
        std::vector<std::optional<wire::LinkAdvert>>
            heard{};                     // by slot, if we only listen: last word
        std::vector<std::uint8_t> owed;  // by slot: how often still; kRepeats = never said yet
        std::size_t owed_slots = 0;      // of them not 0
        std::size_t untold = 0;          // of them kRepeats
        std::size_t next = 0;            // in known_: where the round goes on
    };

    std::uint64_t clock_ms(Time now) const {
        return clock_ms_ +
               static_cast<std::uint64_t>((now - start_) / std::chrono::milliseconds(1));
    }
    bool is_early(const wire::LinkAdvert& advert, Time now) const {
        constexpr std::uint64_t kAheadMs = kAhead / std::chrono::milliseconds(1);
        return advert.version > clock_ms(now) + kAheadMs;
    }
    bool is_possible(const wire::LinkAdvert& advert) const;
    bool may_tell(const Port& port, NodeId node) const;
    std::size_t find_company(NodeId node);
    std::size_t slot_of(const wire::LinkAdvert& advert) const {
        return first_[advert.node] + advert.part;
    }
    bool may_say(const Port& port, std::size_t slot) const;
    void take(std::size_t from, const wire::LinkAdvert& advert);
    void contest(std::size_t from, const wire::LinkAdvert& advert);
    void issue(Own& own, Time now);
    void know(std::size_t slot);
    void listen(Port& port, std::size_t slot, const wire::LinkAdvert& advert);
    void choose(std::size_t slot);
    void forget(Port& port);
    void owe_all(std::size_t slot);
    void owe(Port& port, std::size_t slot, std::uint8_t times);

    const Fabric* fabric_;
    std::uint64_t clock_ms_;  // at start_
    Time start_;
    std::vector<std::size_t> own_;    // by node: its first one in owns_, or kNotOwn
    std::vector<std::size_t> first_;  // by node: slot of its part 0; one more at the end
    std::vector<Part> parts_;         // by slot
    std::vector<Own> owns_;
    std::vector<std::size_t> known_;  // slots that somebody has spoken of
    std::vector<Port> ports_;
    std::vector<std::vector<bool>> companies_;  // by node: a switch of it, or an endpoint at one
    bool only_listens_ = true;
    Counters counters_;
};

}  // namespace ethlink::control
