// SPDX-License-Identifier: BSD-3-Clause
// A target with a window and receive buffers, and a test in the place of its initiator.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "proto/txn/target.h"
#include "tests/sim/txn_wire.h"
#include "tests/unit/txn/items.h"

namespace ethlink::txn::test {

inline constexpr std::uint64_t kKey = 0xA11C'E000'0000'0001;
inline constexpr GpuId kPeer{0x77};
inline constexpr Tenant kTenant{5};

struct TargetRig {
    explicit TargetRig(std::size_t window_bytes = 4096, std::uint8_t rights = Rights::kAll,
                       const TxnProfile& profile_ = {}, Psn first_ = Psn{0xFFFF'FFF0})
        : profile(profile_),
          size(window_bytes),
          memory(std::make_unique<std::byte[]>(window_bytes)),
          ring(profile.transactions_max),
          store(profile.response_bytes_max),
          target(profile, {&windows, &receives}, ring, store),
          psn(first_) {
        windows.add({kKey, memory.get(), size, rights, kTenant});
        target.start({kPeer, kTenant}, psn, Psn{900}, now);
    }

    /// One request frame with these items; what is taken moves `psn` on.
    Drop request(const Items& items) {
        const Drop drop = again(items, psn);
        psn = psn + taken();
        return drop;
    }
    /// The same from any number on.
    Drop again(const Items& items, Psn first) {
        return frame({.opcode = wire::Opcode::kRequest, .psn = first.value, .ack = ack.value},
                     items.bytes());
    }
    Drop frame(const wire::TxnHeader& header, const Bytes& payload) {
        const Bytes bytes = txn_bytes(header, payload);
        return target.on_frame(*wire::TxnView::parse(bytes), now);
    }
    /// All answers that may go out now, acknowledged at once.
    std::vector<Item> answers() {
        std::vector<Item> all;
        while (target.wants_to_send(now)) {
            Frame out = fill(target, now, profile.frame_bytes_max);
            last = out.header;
            if (out.header.opcode != wire::Opcode::kResponse) {
                last_payload = out.payload;
                continue;
            }
            EXPECT_EQ(out.header.psn, ack.value) << "answers come in order";
            ack = ack + static_cast<std::uint32_t>(out.items.size());
            all.insert(all.end(), out.items.begin(), out.items.end());
            frame({.opcode = wire::Opcode::kAck, .psn = psn.value, .ack = ack.value}, {});
        }
        return all;
    }
    /// request() and the one answer to it.
    Item ask(const Items& items) {
        EXPECT_EQ(request(items), Drop::kCount);
        auto all = answers();
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? Item{} : all[0];
    }
    wire::TxnStatus status(const Items& items) {
        const Item item = ask(items);
        EXPECT_EQ(item.view.opcode, wire::ItemOpcode::kDone);
        return item.view.status();
    }
    Bytes bytes() const { return {memory.get(), memory.get() + size}; }
    /// How many items the target has taken since the last call.
    std::uint32_t taken() {
        const Psn expected = probe();
        return expected.distance_from(psn);
    }
    /// The number that the target expects, without disturbing it.
    Psn probe() const {
        Target copy = target;
        Bytes buffer(2048);
        wire::TxnWriter writer(buffer, Tenant{});
        return Psn{copy.fill(writer, 1, now).ack};
    }

    TxnProfile profile;
    std::size_t size;
    std::unique_ptr<std::byte[]> memory;  // exactly the window: ASan sees one byte beside it
    std::array<Window, 16> slots{};
    WindowTable windows{slots};
    sim::PostedBuffers receives;
    std::vector<Response> ring;
    Bytes store;
    Target target;
    Time now{std::chrono::seconds(1)};
    Psn psn;
    Psn ack{900};
    wire::TxnHeader last;
    Bytes last_payload;
};

}  // namespace ethlink::txn::test
