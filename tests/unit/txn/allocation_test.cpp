// SPDX-License-Identifier: BSD-3-Clause
// The poll thread of an endpoint takes no memory from the heap, whatever programs ask for (E10).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/txn/clients_rig.h"

namespace {

/// Allocations of this thread while it is being watched.
thread_local bool watched = false;
thread_local std::uint64_t allocations = 0;

void* take(std::size_t size, std::size_t align) {
    if (watched) ++allocations;
    const std::size_t rounded = (std::max<std::size_t>(size, 1) + align - 1) / align * align;
    void* const memory = std::aligned_alloc(align, rounded);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

// All other forms end in these four.
void* operator new(std::size_t size) {
    return take(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t align) {
    return take(size, std::max(static_cast<std::size_t>(align), alignof(std::max_align_t)));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

namespace ethlink::txn::test {
namespace {

using client::PeerClass;

TEST(Allocation, IsCounted) {
    watched = true;
    const auto before = allocations;
    const auto* const one = new std::uint64_t(1);
    watched = false;
    EXPECT_EQ(allocations, before + 1);
    delete one;
}

TEST(Allocation, ThePollThreadDoesNone) {
    ClientsRig rig;
    allocations = 0;
    const auto wait = [&rig] {
        watched = true;
        rig.turn();
        watched = false;
    };
    RigProgram program(rig.asker_backend, 1, wait), lender(rig.owner_backend, 2, wait);
    program.connect(0, kOwner, PeerClass::kLoadStore, wait);
    program.connect(1, kOwner, PeerClass::kRdma, wait);
    lender.connect(0, kAsker, PeerClass::kRdma, wait);
    std::vector<std::byte> local(Traffic::kLocalBytes), remote(Traffic::kRemoteBytes);
    program.add_window(0, local, 0, wait);
    const std::uint64_t key = lender.add_window(0, remote, client::WindowRight::kAll, wait);
    EXPECT_EQ(allocations, 0u) << "E10: to attach, connect, register";

    client::test::RawProgram receiver = lender.raw();
    const auto receive = [&receiver](std::uint16_t slot) {
        client::RawSubmission raw;
        raw.opcode = static_cast<std::uint8_t>(client::Opcode::kRecv);
        raw.length = Traffic::kBulk;
        raw.slot = slot;
        receiver.submit(raw);
    };
    for (std::uint16_t slot = 0; slot < 8; ++slot) receive(slot);
    Traffic traffic(program.raw(), true);
    std::uint64_t done = 0, failed = 0, received = 0;
    for (int turn = 0; turn < 20'000; ++turn) {
        traffic.submit(key);
        wait();
        traffic.take([&](const client::RawCompletion& c) { c.status == 0 ? ++done : ++failed; });
        while (const auto completion = receiver.take()) {
            ++received;
            receive(completion->slot);
        }
    }
    EXPECT_EQ(failed, 0u);
    EXPECT_GT(done, 50'000u) << "it did not work enough to say anything";
    EXPECT_GT(received, 100u);
    EXPECT_EQ(allocations, 0u) << "E10: for " << done << " transactions";
    program.leave(wait);
    lender.leave(wait);
    EXPECT_EQ(allocations, 0u) << "E10: to leave";
}

}  // namespace
}  // namespace ethlink::txn::test
