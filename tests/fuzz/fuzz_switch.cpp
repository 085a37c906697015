// SPDX-License-Identifier: BSD-3-Clause
// A real switch of two workers under frames and tables that the input chooses. What leaves is what
// came, but for the TTL; what does not is counted by a reason; guards and table are obeyed (S1-S3,
// S7, S8, S12, D1-D7, D11, L9).
#include <array>
#include <map>

#include "proto/wire/build.h"
#include "tests/fuzz/input.h"
#include "tests/sim/profiles.h"
#include "tests/sim/switch_rig.h"

namespace ethlink::fuzz {
namespace {

using sim::SimFrame;
using sim::SwitchRig;

constexpr std::size_t kPorts = 4;
constexpr GpuId kBound{0x0200};  // who may send at port 0
constexpr Tenant kTenant{77};    // whose frames port 1 takes

sim::RigOptions rig_options() {
    sim::RigOptions options;
    options.profile = sim::quick_profile();
    options.ports.resize(kPorts);
    for (sim::RigPort& port : options.ports) port.plain = true;
    options.ports[0].guard_source = true;
    options.ports[0].gpus = {kBound};
    options.ports[1].guard_tenant = true;
    options.ports[1].tenant = kTenant;
    options.ports[2].software_fcs = true;
    options.workers = 2;
    options.max_frame_bytes = 512;
    options.best_effort_max = 8;
    return options;
}

class Rig {
public:
    explicit Rig(Input& input) : input_(&input), rig_(rig_options()) {}

    void play() {
        for (int i = 0; i < 120 && !input_->empty(); ++i) act();
        rig_.run_for(std::chrono::microseconds(50));
        collect();
        must(rig_.admitted() == 0, "S1: nothing is held for ever");
        must(rig_.pool.in_use() == 0, "R1: all frames are back");
        std::uint64_t in = 0, out = 0, dropped = 0;
        for (std::size_t i = 0; i < kPorts; ++i) {
            in += rig_.port(i).counters.rx_frames.read();
            out += rig_.port(i).counters.tx_frames.read();
            for (std::size_t d = 0; d < kDropCount; ++d) {
                dropped += rig_.drops(i, static_cast<Drop>(d));
            }
        }
        must(in == injected_ && in == out + dropped, "S1, L9: in = out + dropped, by reason");
        must(out == taken_, "what is counted as sent is on the wire");
    }

private:
    void act() {
        switch (input_->below(8)) {
            case 0: return publish();
            case 1: rig_.run_for(std::chrono::microseconds(1 + input_->u8() % 8)); return collect();
            case 2: return inject(Bytes(input_->bytes(input_->u16() % 700)));
            default: return inject(data_frame());
        }
    }
    /// Each destination by no port, one, or several; often the same as before.
    void publish() {
        auto table = std::make_unique<ForwardingTable>();
        std::array<std::uint8_t, 6> ports_of{};
        for (std::uint16_t i = 0; i < 6; ++i) {
            const std::uint8_t mask = input_->u8() % 16;
            std::vector<PortId> ports;
            for (std::uint16_t port = 0; port < kPorts; ++port) {
                if ((mask >> port & 1) != 0) ports.push_back(PortId{port});
            }
            const GpuId gpu{static_cast<std::uint16_t>(0x200 + i)};
            must(table->set(gpu, ports), "a table has room for these");
            ports_of[i] = mask;
        }
        rig_.run_for(std::chrono::microseconds(20));  // What is under way goes by the old one.
        collect();
        ports_of_ = ports_of;
        rig_.tables.publish(std::move(table));
        published_ = true;
    }
    Bytes data_frame() {
        const std::uint8_t what = input_->u8();
        const Bytes payload = input_->bytes(8 + input_->u8());
        wire::DataFrame repr{.dst = GpuId{static_cast<std::uint16_t>(0x200 + input_->u8() % 8)},
                             .src = what < 200 ? kBound : GpuId{input_->u16()},
                             .entropy = input_->u8(),
                             .vlan = {},
                             .net = wire::NetHeader::decode(input_->u16()),
                             .txn = {.opcode = wire::Opcode::kTest},
                             .payload = payload};
        if ((what & 1) != 0) {
            repr.vlan = wire::VlanTag{.pcp = input_->u8(), .vid = kTenant.value};
            if (what >= 230) repr.vlan->vid = input_->u16();
        }
        Bytes bytes(repr.size());
        must(repr.emit(bytes) == bytes.size(), "a frame of ours");
        if (what >= 240) bytes[input_->u8() % bytes.size()] ^= static_cast<std::byte>(what);
        if (what == 239) bytes.resize(input_->u8() % bytes.size());
        return bytes;
    }

    void inject(const Bytes& bytes) {
        const std::size_t port = input_->below(kPorts);
        const bool fcs = rig_.options.ports[port].software_fcs;
        const std::size_t size = bytes.size() + (fcs ? wire::kFcsSize : 0);
        SimFrame frame = rig_.pool.allocate(static_cast<std::uint32_t>(size));
        std::ranges::copy(bytes, frame.bytes().begin());
        if (fcs) {
            wire::write_fcs(frame.bytes());
            if (input_->u8() >= 240) frame.bytes()[input_->u8() % size] ^= std::byte{1};
        }
        came_.push_back({Bytes(frame.bytes().begin(),
                               frame.bytes().begin() + static_cast<std::ptrdiff_t>(bytes.size())),
                         port});
        rig_.inject(port, std::move(frame));
        ++injected_;
        if (came_.size() > 24) {
            rig_.run_for(std::chrono::microseconds(10));
            collect();
        }
    }

    struct Came {
        Bytes bytes;
        std::size_t port;
    };

    void collect() {
        for (std::size_t port = 0; port < kPorts; ++port) {
            for (SimFrame& frame : rig_.taken(port)) {
                ++taken_;
                if (rig_.options.ports[port].software_fcs) {
                    must(wire::fcs_good(frame.bytes()), "the FCS is written anew");
                    frame.trim(wire::kFcsSize);
                }
                judge(frame, port);
            }
        }
        if (came_.size() > 60) came_.erase(came_.begin(), came_.begin() + 30);
    }
    /// A frame that left: somebody sent it so, and everything that must hold for it holds.
    void judge(const SimFrame& frame, std::size_t port) {
        const auto view = wire::parse(frame.bytes());
        must(view && !view->is_control(), "K6: link control is not forwarded");
        must(published_, "nothing is forwarded before there is a table");
        const std::size_t to = view->dst().value - std::size_t{0x200};
        must(to < 6 && (ports_of_[to] >> port & 1) != 0, "S2: by a port of the table");
        const auto from = std::ranges::find_if(came_, [&](const Came& came) {
            return came.port != port && is_same(came.bytes, frame, *view);
        });
        must(from != came_.end(), "S12, D6: it came so, by another port");
        must(view->size() <= 512 + wire::VlanTag::kSize, "D2: no longer than a port takes");
        // Of several that look alike one at least came by a port that may send it.
        must(std::ranges::any_of(came_,
                                 [&](const Came& came) {
                                     return came.port != port &&
                                            is_same(came.bytes, frame, *view) &&
                                            (came.port != 0 || view->src() == kBound) &&
                                            (came.port != 1 || view->tenant() == kTenant);
                                 }),
             "S8, D5, D11: by a port that may send it");
    }
    /// Byte for byte, but the TTL is one less.
    static bool is_same(const Bytes& came, const SimFrame& left, const wire::FrameView& view) {
        if (came.size() != left.size()) return false;
        Bytes expected = came;
        const std::size_t net = view.net_offset();
        if ((expected[net] & std::byte{0x0F}) == std::byte{0}) return false;  // S7
        expected[net] = static_cast<std::byte>(std::to_integer<unsigned>(expected[net]) - 1);
        return std::ranges::equal(expected, left.bytes());
    }

    Input* input_;
    SwitchRig rig_;
    std::array<std::uint8_t, 6> ports_of_{};
    bool published_ = false;
    std::vector<Came> came_;
    std::uint64_t injected_ = 0, taken_ = 0;
};

}  // namespace

void run(Input& input) {
    if (input.empty()) return;
    Rig(input).play();
}

}  // namespace ethlink::fuzz
