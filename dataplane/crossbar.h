// SPDX-License-Identifier: BSD-3-Clause
// How the workers of one node meet: rings of parcels one way, counters of credits the other way.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/parcel.h"
#include "dataplane/spsc_ring.h"
#include "proto/counter.h"
#include "proto/ids.h"

namespace ethlink {

/// A worker of one node, by index from 0.
using WorkerId = Id<struct WorkerIdTag, std::uint8_t>;

/// Which worker owns which port of a node, and who may leave by it; fixed for its life.
struct PortHome {
    static constexpr std::uint16_t kAnyTenant = 0xFFFF;  // no VLAN ID

    WorkerId worker;
    std::uint16_t index = 0;            // among that worker's ports
    std::uint16_t tenant = kAnyTenant;  // only frames of this one, where it is one

    bool admits(Tenant of) const { return tenant == of.value || tenant == kAnyTenant; }
};

/// Frames cross workers only by single-producer rings, credits return only by single-writer
/// counters, and a port's load is a gauge that its owner writes. Shared by all workers of a node.
template <FrameHandle F>
class Crossbar {
public:
    struct Transfer {
        Parcel<F> parcel;
        PortId egress;
    };

    /// `ring_frames`: the credits of all ports of one worker, so that no ring can be full.
    Crossbar(std::vector<PortHome> homes, std::size_t workers, std::size_t ring_frames)
        : homes_(std::move(homes)), workers_(workers), loads_(homes_.size()) {
        if (workers == 1) return;
        for (std::size_t i = 0; i < workers * workers; ++i) {
            const bool self = i / workers == i % workers;
            rings_.push_back(self ? nullptr : std::make_unique<SpscRing<Transfer>>(ring_frames));
            drained_.push_back(std::vector<Drained>(self ? 0 : homes_.size()));
        }
        changes_ = std::vector<Change>(workers * workers);
    }

    const PortHome& home(PortId port) const { return homes_[port.value]; }
    std::size_t port_count() const { return homes_.size(); }
    std::size_t worker_count() const { return workers_; }

    /// From worker `from` to worker `to`, which differ.
    SpscRing<Transfer>& ring(WorkerId from, WorkerId to) { return *rings_[cell(from, to)]; }

    /// Worker `by`: a frame that came in by `ingress`, of another worker, has left.
    void drained(WorkerId by, PortId ingress, Vc vc, Credits credits) {
        const std::size_t at = cell(by, home(ingress).worker);
        drained_[at][ingress.value].credits[vc.value].add(credits.value);
        changes_[at].count.add_release();
    }
    /// Worker `owner`: calls give_back(ingress, vc, credits) for what other workers drained since
    /// the last call.
    template <class GiveBack>
    void collect_drained(WorkerId owner, GiveBack give_back) {
        for (std::size_t by = 0; by < workers_; ++by) {
            if (by == owner.value) continue;
            const std::size_t at = cell(WorkerId{static_cast<std::uint8_t>(by)}, owner);
            Change& change = changes_[at];
            // Acquire: the credits that this change is about must be visible with it.
            const std::uint64_t count = change.count.read_acquire();
            if (count == change.seen) continue;
            change.seen = count;
            collect_cells(owner, drained_[at], give_back);
        }
    }

    /// PortState::load() of a port: its owner writes, everybody reads (adaptive routing).
    Gauge& load(PortId port) { return loads_[port.value].bytes; }
    const Gauge& load(PortId port) const { return loads_[port.value].bytes; }

private:
    struct Drained {
        std::array<Counter, kMaxVcs> credits;
        std::array<std::uint64_t, kMaxVcs> seen{};  // the ingress worker's
    };
    struct alignas(kCacheLine) Change {
        Counter count;
        alignas(kCacheLine) std::uint64_t seen = 0;
    };
    struct alignas(kCacheLine) Load {
        Gauge bytes;
    };

    std::size_t cell(WorkerId from, WorkerId to) const { return from.value * workers_ + to.value; }

    template <class GiveBack>
    void collect_cells(WorkerId owner, std::vector<Drained>& cells, GiveBack give_back) {
        for (std::size_t port = 0; port < cells.size(); ++port) {
            if (homes_[port].worker != owner) continue;
            Drained& cell = cells[port];
            for (std::size_t vc = 0; vc < kMaxVcs; ++vc) {
                const std::uint64_t total = cell.credits[vc].read();
                if (total == cell.seen[vc]) continue;
                give_back(PortId{static_cast<std::uint16_t>(port)},
                          Vc{static_cast<std::uint8_t>(vc)},
                          Credits{static_cast<std::uint32_t>(total - cell.seen[vc])});
                cell.seen[vc] = total;
            }
        }
    }

    std::vector<PortHome> homes_;
    std::size_t workers_;
    std::vector<std::unique_ptr<SpscRing<Transfer>>> rings_;
    std::vector<std::vector<Drained>> drained_;
    std::vector<Change> changes_;
    std::vector<Load> loads_;
};

}  // namespace ethlink
