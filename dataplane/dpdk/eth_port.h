// SPDX-License-Identifier: BSD-3-Clause
// A port on a DPDK device: one RX and one TX queue of a NIC, memif, AF_PACKET, ...
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/dpdk/device_args.h"
#include "dataplane/dpdk/driver_rule.h"
#include "dataplane/dpdk/mbuf.h"
#include "dataplane/dpdk/memif_listener.h"
#include "dataplane/dpdk/netdev.h"
#include "dataplane/dpdk/unmap_guard.h"
#include "dataplane/port.h"
#include "proto/counter.h"
#include "proto/drop.h"
#include "proto/expected.h"
#include "proto/frame.h"
#include "proto/time.h"

namespace ethlink::dpdk {

struct DeviceSpec {
    /// As DPDK writes them: "0000:03:00.0", "net_memif0,role=client,id=0,socket=leaf0",
    /// "net_af_packet0,iface=va0", "net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap", "net_null0", ...
    std::string device = {};
    std::uint32_t max_frame_bytes = 2048;  // VLAN tag and software FCS included
    std::uint16_t rx_descriptors = 512;
    std::uint16_t tx_descriptors = 512;
};

/// Written by the worker that polls the port. Drivers' own figures are no substitute: memif's
/// start again from 0 with each connection.
struct EthPortCounters {
    Counter rx_frames;
    Counter rx_bytes;
    Counter tx_frames;
    Counter tx_bytes;
    Counter tx_refused;  // tx_burst calls in which the medium did not take everything
};

class EthPort final : public Port<Mbuf> {
public:
    /// Plugs the device in, if it is not there yet, configures and starts it. A memif client whose
    /// server is absent is open, too, and down: restart() tries again.
    static Expected<std::unique_ptr<EthPort>, std::string> open(const DeviceSpec& spec,
                                                                MbufPool& pool);

    /// No worker polls it any more.
    ~EthPort() override;

    // The worker's side.
    void rx_burst(Burst<Mbuf>& burst, Time now) override;
    void tx_burst(Burst<Mbuf>& burst, Time now) override;
    bool is_up() const override { return up_.load(std::memory_order_relaxed); }
    std::uint32_t frames_held_max() const override { return frames_held_max_; }
    Keep keep() const override { return rule_.keep; }
    void count_refused_in(CounterSet<Drop>& drops) override { refused_ = &drops; }

    // The control thread's side.

    /// Reads the device's state and makes it what is_up() says.
    bool refresh_link_status();

    /// Keeps the worker out of the device: the worker agrees at its next rx_burst or tx_burst.
    void request_pause();
    bool is_paused() const { return gate_.load(std::memory_order_acquire) == Gate::kPaused; }

    /// Stops and starts the device, once is_paused(). On failure it stays paused. Waits for the
    /// interrupt thread where that one has a hand in the device (memif), at most for
    /// kInterruptThreadPatience.
    Expected<void, std::string> restart();

    /// Lets the worker in again.
    void resume();

    /// Whether restart() can bring this port's connection back.
    bool restart_heals() const;

    /// Whether damaged frames are held back below us, so that no software FCS is needed.
    bool checks_fcs() const { return rule_.checks_fcs; }

    const std::string& name() const { return args_.name(); }
    /// The device as it was really plugged in, defaults included.
    std::string device() const;
    const std::string& driver() const { return driver_; }
    std::uint16_t port_id() const { return port_id_; }
    std::uint32_t max_frame_bytes() const { return spec_.max_frame_bytes; }
    /// What the user should know although the port works: "interface va0 is down: ...".
    const std::vector<std::string>& notices() const { return notices_; }
    const EthPortCounters& counters() const { return counters_; }
    /// kOversize and kMultiSegment: frames that rx_burst() itself refuses.
    const CounterSet<Drop>& refused() const { return *refused_; }
    std::uint64_t restarts() const { return restarts_.read(); }

private:
    enum class Gate : std::uint8_t {
        kRunning,
        kPauseRequested,  // by the control thread
        kPaused,          // by the worker: it does not call the driver
    };

    EthPort(DeviceSpec spec, DeviceArgs args, MbufPool& pool);

    Expected<void, std::string> plug();
    Expected<void, std::string> configure();
    Expected<void, std::string> set_up_queues(std::uint16_t rx, std::uint16_t tx);
    Expected<void, std::string> set_frame_limit();
    Expected<void, std::string> start_device();
    void listen_to_everything();
    /// Runs `change` where nobody else changes the device at the same time.
    Expected<void, std::string> change_device(const std::function<void()>& change) const;
    void drain();
    void close();

    /// True when the worker must stay away from the driver; agrees to a pause.
    bool is_held_back();
    std::uint16_t receive(std::span<Mbuf> slots);
    std::uint16_t send(std::span<Mbuf> frames);
    std::size_t keep_usable(std::span<Mbuf> arrived);
    void refuse(Mbuf& frame);

    // Worker's, hot.
    std::atomic<Gate> gate_{Gate::kPaused};
    std::atomic<bool> up_{false};
    std::uint16_t port_id_;
    std::unique_ptr<UnmapGuard> guard_;  // or none: the driver unmaps nothing
    std::uint32_t max_frame_bytes_;
    EthPortCounters counters_;
    CounterSet<Drop> own_refused_;  // until somebody wants to know
    CounterSet<Drop>* refused_ = &own_refused_;

    // Control thread's.
    DeviceSpec spec_;
    DeviceArgs args_;
    MbufPool& pool_;
    DriverRule rule_{};
    std::string driver_;
    std::optional<Netdev> netdev_;
    std::optional<MemifListener> listener_;  // of a memif server
    std::vector<std::string> notices_;
    std::uint32_t frames_held_max_ = 0;
    bool plugged_ = false;  // by us, so unplugged by us
    bool started_ = false;
    Counter restarts_;
};

}  // namespace ethlink::dpdk
