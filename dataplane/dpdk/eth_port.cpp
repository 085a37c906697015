// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/eth_port.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <rte_branch_prediction.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include "dataplane/dpdk/eal_log.h"
#include "dataplane/dpdk/interrupt_thread.h"

namespace ethlink::dpdk {
namespace {

constexpr std::uint16_t kNoPort = RTE_MAX_ETHPORTS;
constexpr std::uint32_t kEthernetHeader = 14;
constexpr std::uint32_t kFcs = 4;
constexpr std::uint16_t kQueue = 0;

Unexpected<std::string> failure(const std::string& device, const std::string& what, int error,
                                const LogExcerpt& log) {
    return Unexpected<std::string>(device + ": " + what + ": " + std::strerror(std::abs(error)) +
                                   log.as_suffix() + ".");
}

/// What EAL understands by a burst of frames: see Mbuf.
rte_mbuf** as_mbufs(std::span<Mbuf> frames) {
    return reinterpret_cast<rte_mbuf**>(frames.data());
}

std::uint64_t bytes_in(std::span<Mbuf> frames) {
    std::uint64_t bytes = 0;
    for (const Mbuf& frame : frames) bytes += frame.size();
    return bytes;
}

std::string hint(const DeviceArgs& args) {
    if (args.is_pci()) {
        return " Is it bound to vfio-pci (dpdk-devbind.py -s) and named where EAL starts?";
    }
    if (args.driver() == "net_af_packet" || args.driver() == "net_af_xdp" ||
        args.driver() == "net_tap") {
        return " Does the interface exist in this network namespace, and may this user open it "
               "(root, or CAP_NET_RAW and CAP_NET_ADMIN)?";
    }
    return "";
}

}  // namespace

Expected<std::unique_ptr<EthPort>, std::string> EthPort::open(const DeviceSpec& spec,
                                                              MbufPool& pool) {
    auto args = DeviceArgs::parse(spec.device).and_then([&](DeviceArgs parsed) {
        return complete(std::move(parsed), spec.max_frame_bytes, pool.data_room_bytes());
    });
    if (!args) return Unexpected<std::string>(args.error());
    std::unique_ptr<EthPort> port(new EthPort(spec, std::move(*args), pool));
    auto opened = port->plug().and_then([&] { return port->configure(); }).and_then([&] {
        return port->set_frame_limit();
    });
    if (!opened) return Unexpected<std::string>(opened.error());
    port->listen_to_everything();
    const auto started = port->start_device();
    if (!started && !port->restart_heals()) return Unexpected<std::string>(started.error());
    if (!started) port->notices_.push_back(started.error());
    if (started) port->resume();
    return port;
}

EthPort::EthPort(DeviceSpec spec, DeviceArgs args, MbufPool& pool)
    : port_id_(kNoPort),
      max_frame_bytes_(spec.max_frame_bytes),
      spec_(std::move(spec)),
      args_(std::move(args)),
      pool_(pool) {}

EthPort::~EthPort() {
    close();
}

Expected<void, std::string> EthPort::plug() {
    const LogExcerpt log;
    const bool present = rte_eth_dev_get_port_by_name(name().c_str(), &port_id_) == 0;
    if (present && !args_.is_pci()) {
        port_id_ = kNoPort;  // Not ours to close.
        return Unexpected<std::string>(device() + ": a device " + name() +
                                       " exists already: give each device a number of its own, "
                                       "and do not name it in the EAL arguments.");
    }
    if (!present) {
        port_id_ = kNoPort;
        if (args_.driver() == "net_memif" && args_.get("role") == "server" &&
            args_.get("socket-abstract") == "no") {
            remove_stale_socket(std::string(args_.get("socket")));
        }
        const char* bus = args_.is_pci() ? "pci" : "vdev";
        const int error = rte_eal_hotplug_add(bus, name().c_str(), args_.arguments().c_str());
        if (error == 0) plugged_ = true;
        if (error == 0 && args_.driver() == "net_memif" && args_.get("role") == "server") {
            listener_.emplace(std::string(args_.get("socket")));
        }
        if (error != 0 || rte_eth_dev_get_port_by_name(name().c_str(), &port_id_) != 0) {
            port_id_ = kNoPort;
            auto refused = failure(device(), "the device could not be added", error, log);
            return Unexpected<std::string>(refused.value() + hint(args_));
        }
    }
    rte_eth_dev_info info{};
    if (const int error = rte_eth_dev_info_get(port_id_, &info); error != 0) {
        return failure(device(), "the device does not describe itself", error, log);
    }
    driver_ = info.driver_name;
    if (!args_.is_pci() && driver_ != args_.driver()) {
        return Unexpected<std::string>(device() + ": this is a device of driver " + driver_ +
                                       ": name it " + driver_ + " and a number.");
    }
    rule_ = rule_of(driver_);
    if (rule_.changed_by_interrupts) guard_ = std::make_unique<UnmapGuard>();
    if (rule_.link_of_netdev) netdev_.emplace(std::string(args_.get("iface")));
    return {};
}

Expected<void, std::string> EthPort::configure() {
    const LogExcerpt log;
    rte_eth_dev_info info{};
    if (const int error = rte_eth_dev_info_get(port_id_, &info); error != 0) {
        return failure(device(), "the device does not describe itself", error, log);
    }
    rte_eth_conf conf{};
    if (rule_.limit == FrameLimit::kDevice) {
        const std::uint32_t longest = info.max_rx_pktlen - kFcs;
        if (max_frame_bytes_ > longest) {
            return Unexpected<std::string>(device() + ": the device takes frames of at most " +
                                           std::to_string(longest) + " bytes, not " +
                                           std::to_string(max_frame_bytes_) +
                                           ": lower the frame size or use another device.");
        }
        const std::uint32_t mtu =
            std::max<std::uint32_t>(max_frame_bytes_ - kEthernetHeader, info.min_mtu);
        conf.rxmode.mtu = std::min<std::uint32_t>(mtu, info.max_mtu);
    }
    if (const int error = rte_eth_dev_configure(port_id_, 1, 1, &conf); error != 0) {
        return failure(device(), "the device cannot be configured", error, log);
    }
    std::uint16_t rx = spec_.rx_descriptors;
    std::uint16_t tx = spec_.tx_descriptors;
    if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(port_id_, &rx, &tx); error != 0) {
        return failure(device(), "the device refuses its queue lengths", error, log);
    }
    frames_held_max_ =
        rule_.held_rx_descriptors * rx + rule_.held_tx_descriptors * tx + rule_.held_else;
    return set_up_queues(rx, tx);
}

Expected<void, std::string> EthPort::set_up_queues(std::uint16_t rx, std::uint16_t tx) {
    const LogExcerpt log;
    const auto socket = static_cast<unsigned>(std::max(0, rte_eth_dev_socket_id(port_id_)));
    // The drivers' own defaults, without any offload: MBUF_FAST_FREE would free shared frames.
    rte_eth_dev_info info{};
    if (const int error = rte_eth_dev_info_get(port_id_, &info); error != 0) {
        return failure(device(), "the device does not describe itself", error, log);
    }
    rte_eth_rxconf rx_conf = info.default_rxconf;
    rx_conf.offloads = 0;
    rte_eth_txconf tx_conf = info.default_txconf;
    tx_conf.offloads = 0;
    if (const int error =
            rte_eth_rx_queue_setup(port_id_, kQueue, rx, socket, &rx_conf, pool_.get());
        error != 0) {
        return failure(device(), "no RX queue", error, log);
    }
    if (const int error = rte_eth_tx_queue_setup(port_id_, kQueue, tx, socket, &tx_conf);
        error != 0) {
        return failure(device(), "no TX queue", error, log);
    }
    return {};
}

Expected<void, std::string> EthPort::set_frame_limit() {
    if (rule_.limit != FrameLimit::kNetdev || !netdev_) return {};
    const auto raised = netdev_->raise_mtu(max_frame_bytes_ - kEthernetHeader);
    if (!raised) return Unexpected<std::string>(device() + ": " + raised.error());
    return {};
}

/// GPU-IDs are no MAC addresses: without this a NIC would keep most frames. Some virtual devices
/// have no such thing and pass everything anyway.
void EthPort::listen_to_everything() {
    const LogExcerpt quiet;
    const int promiscuous = rte_eth_promiscuous_enable(port_id_);
    rte_eth_allmulticast_enable(port_id_);
    if (promiscuous != 0 && rule_.driver.empty()) {
        notices_.push_back(device() +
                           ": no promiscuous mode; frames whose Dst GPU-ID is not this device's "
                           "MAC address may not arrive.");
    }
    if (netdev_ && !netdev_->is_running()) {
        notices_.push_back(device() + ": interface " + netdev_->name() + " is down: ip link set " +
                           netdev_->name() + " up (both ends of a veth)");
    }
}

Expected<void, std::string> EthPort::start_device() {
    const LogExcerpt log;
    if (const int error = rte_eth_dev_start(port_id_); error != 0) {
        return failure(device(), "the device does not start", error, log);
    }
    started_ = true;
    refresh_link_status();
    return {};
}

/// Takes out what has arrived and nobody will poll for: net_ring would lose it for the pool.
void EthPort::drain() {
    Burst<Mbuf> burst;
    for (std::uint32_t drained = 0; drained <= frames_held_max_; drained += kBurstSize) {
        const std::span<Mbuf> slots = burst.free_slots();
        const std::uint16_t n = receive(slots);
        for (Mbuf& frame : slots.first(n)) rte_pktmbuf_free(frame.surrender());
    }
}

Expected<void, std::string> EthPort::change_device(const std::function<void()>& change) const {
    if (rule_.changed_by_interrupts) return run_on_interrupt_thread(change);
    change();
    return {};
}

void EthPort::close() {
    if (port_id_ == kNoPort) return;
    up_.store(false, std::memory_order_relaxed);
    if (started_) drain();
    const auto closed = change_device([this] {
        const LogExcerpt quiet;
        if (started_) rte_eth_dev_stop(port_id_);
        rte_eth_dev_close(port_id_);
        listener_.reset();
    });
    if (closed) {
        const LogExcerpt quiet;
        if (plugged_) rte_eal_hotplug_remove(args_.is_pci() ? "pci" : "vdev", name().c_str());
    } else {  // What is not closed can be touched later without harm.
        rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "%s stays open: %s\n", name().c_str(),
                closed.error().c_str());
    }
    started_ = false;
    port_id_ = kNoPort;
}

bool EthPort::is_held_back() {
    const Gate gate = gate_.load(std::memory_order_acquire);
    if (likely(gate == Gate::kRunning)) return false;
    // Release: what this core did in the driver is done before the control thread stops it.
    if (gate == Gate::kPauseRequested) gate_.store(Gate::kPaused, std::memory_order_release);
    return true;
}

std::uint16_t EthPort::receive(std::span<Mbuf> slots) {
    const UnmapGuard::Stay stay(guard_.get());
    return rte_eth_rx_burst(port_id_, kQueue, as_mbufs(slots),
                            static_cast<std::uint16_t>(slots.size()));
}

std::uint16_t EthPort::send(std::span<Mbuf> frames) {
    const UnmapGuard::Stay stay(guard_.get());
    return rte_eth_tx_burst(port_id_, kQueue, as_mbufs(frames),
                            static_cast<std::uint16_t>(frames.size()));
}

void EthPort::rx_burst(Burst<Mbuf>& burst, Time) {
    if (is_held_back()) return;
    const std::span<Mbuf> slots = burst.free_slots();
    const std::uint16_t n = receive(slots);
    if (n > 0) burst.grow(keep_usable(slots.first(n)));
}

/// Frees what no frame of ours can be, closes the gaps, and counts the rest.
std::size_t EthPort::keep_usable(std::span<Mbuf> arrived) {
    std::size_t kept = 0;
    std::uint64_t bytes = 0;
    for (Mbuf& frame : arrived) {
        const rte_mbuf* mbuf = frame.get();
        if (unlikely(mbuf->nb_segs != 1 || mbuf->pkt_len > max_frame_bytes_)) {
            refuse(frame);
            continue;
        }
        frame.prefetch();
        bytes += mbuf->pkt_len;
        Mbuf& slot = arrived[kept++];
        if (unlikely(&slot != &frame)) slot = std::move(frame);
    }
    counters_.rx_frames.add(kept);
    counters_.rx_bytes.add(bytes);
    return kept;
}

void EthPort::refuse(Mbuf& frame) {
    rte_mbuf* mbuf = frame.surrender();
    refused_->add(mbuf->nb_segs != 1 ? Drop::kMultiSegment : Drop::kOversize);
    rte_pktmbuf_free(mbuf);
}

void EthPort::tx_burst(Burst<Mbuf>& burst, Time) {
    if (is_held_back() || burst.empty()) return;
    const std::span<Mbuf> frames = burst.frames();
    const std::uint64_t offered = bytes_in(frames);
    const std::uint16_t sent = send(frames);
    // The driver owns them now.
    for (Mbuf& frame : frames.first(sent)) static_cast<void>(frame.surrender());
    counters_.tx_frames.add(sent);
    counters_.tx_bytes.add(offered - bytes_in(frames.subspan(sent)));
    if (sent < frames.size()) counters_.tx_refused.add();
    burst.drop_front(sent);
}

bool EthPort::refresh_link_status() {
    bool up = started_;
    if (started_) {
        rte_eth_link link{};
        up = rte_eth_link_get_nowait(port_id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
        if (up && netdev_) up = netdev_->is_running();
    }
    up_.store(up, std::memory_order_relaxed);
    return up;
}

void EthPort::request_pause() {
    Gate expected = Gate::kRunning;
    gate_.compare_exchange_strong(expected, Gate::kPauseRequested, std::memory_order_relaxed);
}

Expected<void, std::string> EthPort::restart() {
    if (!is_paused()) {
        return Unexpected<std::string>(device() + ": cannot be restarted while a worker polls it.");
    }
    const LogExcerpt log;
    up_.store(false, std::memory_order_relaxed);
    restarts_.add();
    if (started_) {
        int error = 0;
        const auto asked = change_device([&] { error = rte_eth_dev_stop(port_id_); });
        if (!asked) return Unexpected<std::string>(device() + ": " + asked.error());
        if (error != 0) return failure(device(), "the device does not stop", error, log);
        started_ = false;
    }
    return start_device();
}

void EthPort::resume() {
    if (started_) gate_.store(Gate::kRunning, std::memory_order_release);
}

bool EthPort::restart_heals() const {
    return rule_.restart_heals && args_.get("role") == "client";
}

std::string EthPort::device() const {
    const std::string arguments = args_.arguments();
    return arguments.empty() ? name() : name() + "," + arguments;
}

}  // namespace ethlink::dpdk
