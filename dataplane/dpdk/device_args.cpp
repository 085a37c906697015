// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/device_args.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ethlink::dpdk {
namespace {

using Result = Expected<DeviceArgs, std::string>;

constexpr std::string_view kDigits = "0123456789";

Unexpected<std::string> refuse(const DeviceArgs& args, const std::string& why) {
    return Unexpected<std::string>(args.name() + ": " + why);
}

/// The number behind a key; 0 (which no key here allows) if it is none.
std::uint32_t number(const DeviceArgs& args, std::string_view key) {
    const std::string_view text = args.get(key);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

// net_memif: every frame must fit one buffer of the ring. 22.11 damages frames that span two,
// in both directions.

constexpr std::uint32_t kMemifBufferMax = 65'535;  // a 16-bit field of the driver
constexpr std::uint32_t kMemifSlack = 128;

Result complete_memif(DeviceArgs args, std::uint32_t max_frame_bytes) {
    const std::string_view role = args.get("role");
    if (role != "client" && role != "server") {
        return refuse(args,
                      "say role=server at one end and role=client at the other, "
                      "with the same socket= and id=.");
    }
    if (args.get("zero-copy") == "yes") {
        return refuse(args,
                      "zero-copy=yes lets the other process read all frames of this one, "
                      "and is no faster: leave it out.");
    }
    args.set_if_missing("zero-copy", "no");
    args.set_if_missing("socket-abstract", "yes");
    const std::uint32_t wanted = std::bit_ceil(max_frame_bytes + kMemifSlack);
    args.set_if_missing("bsize", std::to_string(std::min(wanted, kMemifBufferMax)));
    if (const std::uint32_t bsize = number(args, "bsize"); bsize < max_frame_bytes) {
        return refuse(args, "bsize=" + std::string(args.get("bsize")) + " cannot hold a frame of " +
                                std::to_string(max_frame_bytes) + " bytes: use bsize=" +
                                std::to_string(wanted) + " at both ends, or smaller frames.");
    }
    return args;
}

// net_af_packet: the kernel writes each frame into a slot of framesz bytes and cuts off what does
// not fit; the driver copies the slot into one mbuf without looking at the mbuf's size (22.11).

constexpr std::uint32_t kPage = 4096;
constexpr std::uint32_t kSlotAlignment = 16;  // TPACKET_ALIGNMENT
constexpr std::uint32_t kSlotHeader = 80;     // in front of the frame: 66, and room to see a cut
constexpr std::uint32_t kSlots = 512;         // at least

constexpr std::uint32_t round_up(std::uint32_t n, std::uint32_t to) {
    return (n + to - 1) / to * to;
}

/// The slot with the roundest size that a frame fits into and that fits into an mbuf: the rounder,
/// the smaller the blocks.
std::optional<std::uint32_t> slot_bytes(std::uint32_t max_frame_bytes, std::uint32_t data_room) {
    for (const std::uint32_t to : {2048u, 1024u, 512u, 256u, 128u, 64u, 32u, kSlotAlignment}) {
        const std::uint32_t slot = round_up(max_frame_bytes + kSlotHeader, to);
        if (slot <= data_room) return slot;
    }
    return std::nullopt;
}

Result complete_slots(DeviceArgs args, std::uint32_t max_frame_bytes, std::uint32_t data_room) {
    const std::uint32_t needed = round_up(max_frame_bytes + kSlotHeader, kSlotAlignment);
    if (!args.has("framesz")) {
        const auto slot = slot_bytes(max_frame_bytes, data_room);
        if (!slot) {
            return refuse(args, "frames of " + std::to_string(max_frame_bytes) +
                                    " bytes need buffers of " + std::to_string(needed) +
                                    " bytes, but the pool's have " + std::to_string(data_room) +
                                    ": raise the pool's data room or lower the frame size.");
        }
        args.set_if_missing("framesz", std::to_string(*slot));
    }
    const std::uint32_t framesz = number(args, "framesz");
    const std::string given = "framesz=" + std::string(args.get("framesz"));
    if (framesz > data_room) {
        return refuse(args, given + " exceeds the pool's buffers of " + std::to_string(data_room) +
                                " bytes: a longer frame from the wire would overwrite memory. "
                                "Leave framesz out, or use at most " +
                                std::to_string(data_room) + ".");
    }
    if (framesz < needed || framesz % kSlotAlignment != 0) {
        return refuse(args, given + " must be a multiple of 16 and at least " +
                                std::to_string(needed) + " for frames of " +
                                std::to_string(max_frame_bytes) + " bytes.");
    }
    return args;
}

Result complete_blocks(DeviceArgs args) {
    const std::uint32_t framesz = number(args, "framesz");
    args.set_if_missing("blocksz", std::to_string(std::lcm(framesz, kPage)));
    const std::uint32_t blocksz = number(args, "blocksz");
    if (blocksz == 0 || blocksz % framesz != 0 || blocksz % kPage != 0) {
        return refuse(args, "blocksz=" + std::string(args.get("blocksz")) +
                                " must be a multiple of framesz=" + std::to_string(framesz) +
                                " and of 4096: for instance " +
                                std::to_string(std::lcm(framesz, kPage)) + ".");
    }
    const std::uint32_t per_block = blocksz / framesz;
    args.set_if_missing("framecnt", std::to_string(round_up(kSlots, per_block)));
    const std::uint32_t framecnt = number(args, "framecnt");
    if (framecnt == 0 || framecnt % per_block != 0) {
        return refuse(args,
                      "framecnt=" + std::string(args.get("framecnt")) +
                          " must be a multiple of blocksz/framesz = " + std::to_string(per_block) +
                          ": for instance " + std::to_string(round_up(kSlots, per_block)) + ".");
    }
    return args;
}

Result complete_af_packet(DeviceArgs args, std::uint32_t max_frame_bytes, std::uint32_t data_room) {
    if (args.get("iface").empty()) {
        return refuse(args, "say which kernel interface: iface=eth1.");
    }
    if (args.has("qpairs") && args.get("qpairs") != "1") {
        return refuse(args, "qpairs must be 1: a port is polled by one core.");
    }
    return complete_slots(std::move(args), max_frame_bytes, data_room).and_then(complete_blocks);
}

// net_tap: its transmit path compares with an MTU of 1500 that cannot be raised, and a longer frame
// would stay at the head of the queue for ever.

constexpr std::uint32_t kTapFrameMax = 1518;

Result complete_tap(DeviceArgs args, std::uint32_t max_frame_bytes) {
    if (max_frame_bytes <= kTapFrameMax) return args;
    return refuse(args, "net_tap sends frames of at most 1518 bytes, not " +
                            std::to_string(max_frame_bytes) +
                            ": use net_af_packet on a veth pair for longer ones.");
}

Result complete_af_xdp(DeviceArgs args) {
    if (!args.get("iface").empty()) return args;
    return refuse(args, "say which kernel interface: iface=eth1.");
}

}  // namespace

Result DeviceArgs::parse(std::string_view device) {
    DeviceArgs args;
    std::size_t end = device.find(',');
    args.name_ = device.substr(0, end);
    if (args.name_.empty()) {
        return Unexpected<std::string>(
            "the device has no name: write for instance net_memif0,role=client or 0000:03:00.0.");
    }
    while (end != std::string_view::npos) {
        const std::size_t begin = end + 1;
        end = device.find(',', begin);
        const std::string_view item = device.substr(begin, end - begin);
        const std::size_t equals = item.find('=');
        const std::string key(item.substr(0, equals));
        if (key.empty() || equals == std::string_view::npos) {
            return refuse(args, "\"" + std::string(item) + "\" is not key=value.");
        }
        // pcap takes rx_pcap= once per queue, and there is one queue: a repeated key is a mistake.
        if (args.has(key)) return refuse(args, key + " is given twice.");
        args.keys_.emplace_back(key, item.substr(equals + 1));
    }
    return args;
}

std::string_view DeviceArgs::driver() const {
    if (is_pci()) return {};
    const std::size_t last = name_.find_last_not_of(kDigits);
    return std::string_view(name_).substr(0, last + 1);
}

bool DeviceArgs::is_pci() const {
    return name_.find_first_of(kDigits) == 0 && name_.find(':') != std::string::npos;
}

std::string DeviceArgs::arguments() const {
    std::string text;
    for (const auto& [key, value] : keys_) {
        if (!text.empty()) text += ',';
        text += key + '=' + value;
    }
    return text;
}

std::string_view DeviceArgs::get(std::string_view key) const {
    const auto at = std::find_if(keys_.begin(), keys_.end(),
                                 [key](const auto& pair) { return pair.first == key; });
    return at == keys_.end() ? std::string_view() : std::string_view(at->second);
}

bool DeviceArgs::has(std::string_view key) const {
    return std::any_of(keys_.begin(), keys_.end(),
                       [key](const auto& pair) { return pair.first == key; });
}

void DeviceArgs::set_if_missing(std::string_view key, std::string_view value) {
    if (!has(key)) keys_.emplace_back(key, value);
}

Result complete(DeviceArgs args, std::uint32_t max_frame_bytes, std::uint32_t data_room_bytes) {
    if (max_frame_bytes > data_room_bytes) {
        return refuse(args, "frames of " + std::to_string(max_frame_bytes) +
                                " bytes do not fit the pool's buffers of " +
                                std::to_string(data_room_bytes) + " bytes.");
    }
    const std::string_view driver = args.driver();
    if (driver == "net_memif") return complete_memif(std::move(args), max_frame_bytes);
    if (driver == "net_af_packet") {
        return complete_af_packet(std::move(args), max_frame_bytes, data_room_bytes);
    }
    if (driver == "net_tap") return complete_tap(std::move(args), max_frame_bytes);
    if (driver == "net_af_xdp") return complete_af_xdp(std::move(args));
    return args;
}

}  // namespace ethlink::dpdk
