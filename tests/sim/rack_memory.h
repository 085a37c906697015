// SPDX-License-Identifier: BSD-3-Clause
// Programs of all GPUs of a fabric that use each other's memory, and know what must be in it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/oracle.h"
#include "tests/sim/rack.h"
#include "tests/sim/txn_client.h"

namespace ethlink::sim {

class RackMemory {
public:
    RackMemory(Oracle& judge, std::uint64_t seed, std::string_view yaml) : oracle(judge) {
        rack = std::make_unique<Rack>(yaml, control::Workload{}, seed);
        random = std::make_unique<Random>(seed);
        rack->publish_tables();
        rack->run_for(std::chrono::microseconds(300));
        for (std::size_t i = 0; i < gpus(); ++i) {
            memories.push_back(std::make_unique<Bytes>(1 << 16));
            rack->memory_of(i).windows().add({.key = key(i),
                                              .bytes = memories[i]->data(),
                                              .size = memories[i]->size(),
                                              .rights = txn::Rights::kAll});
        }
    }
    /// A client of each class from each GPU to each other.
    void connect_all() {
        for (std::size_t to = 0; to < gpus(); ++to) {
            std::uint64_t slice = 0;
            for (std::size_t from = 0; from < gpus(); ++from) {
                if (from == to) continue;
                for (const txn::ChannelClass kind :
                     {txn::ChannelClass::kLoadStore, txn::ChannelClass::kRdma}) {
                    const TxnClient::Slice own{key(to), kSlice * ++slice, kSlice, 0, false, false};
                    clients.push_back(
                        {std::make_unique<TxnClient>(rack->memory_of(from), gpu(to), kind, own,
                                                     random->next(), rack->now, oracle),
                         to});
                }
            }
        }
    }
    /// Each client submits 0 to `bound` - 1 more transactions.
    void offer(std::uint32_t bound) {
        for (auto& client : clients) {
            client.program->work(static_cast<std::uint32_t>(random->below(bound)), rack->now);
        }
    }
    void work(int turns) {
        for (int i = 0; i < turns; ++i) {
            offer(3);
            rack->run_for(std::chrono::microseconds(10));
        }
    }
    bool is_idle() const {
        return std::ranges::all_of(clients, [](const auto& c) { return c.program->idle(); });
    }
    /// Everything completes well, all memory is as it must be, nothing is left.
    void check_all_kept() {
        const bool idle = rack->run_until([&] { return !oracle.is_sound() || is_idle(); },
                                          std::chrono::milliseconds(900));
        if (!oracle.holds(Invariant::kE1, idle, "not everything completes")) return;
        check_memory();
        check_rest();
    }
    void check_memory() {
        std::vector<std::uint64_t> added(gpus());
        for (const Client& client : clients) {
            oracle.equal(Invariant::kE1, client.program->failed, 0,
                         name(client.program->last_error));
            oracle.holds(Invariant::kE9, client.program->matches(*memories[client.to]),
                         "other memory");
            added[client.to] += client.program->added;
        }
        for (std::size_t i = 0; i < gpus(); ++i) {
            std::uint64_t counter = 0;
            std::memcpy(&counter, memories[i]->data(), sizeof counter);
            oracle.equal(Invariant::kE2, counter, added[i], "sum of the atomics");
        }
    }
    void check_rest() {
        oracle.holds(
            Invariant::kC3,
            rack->run_until([&] { return rack->is_at_rest(); }, std::chrono::milliseconds(50)),
            "credits or frames are not back");
        rack->add_up(oracle);
        oracle.equal(Invariant::kR1, rack->frames_leaked(), 0, "buffers that are not back");
    }

    std::size_t gpus() const { return rack->planned.identities.size(); }
    static constexpr std::uint32_t kSlice = 4096;
    static std::uint64_t key(std::size_t i) { return 0x1000 + i; }
    GpuId gpu(std::size_t i) const { return rack->planned.identities[i].self; }

    struct Client {
        std::unique_ptr<TxnClient> program;
        std::size_t to;
    };
    Oracle& oracle;
    std::vector<std::unique_ptr<Bytes>> memories;
    std::vector<Client> clients;
    std::unique_ptr<Random> random;
    std::unique_ptr<Rack> rack;
};

}  // namespace ethlink::sim
