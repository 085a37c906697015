// SPDX-License-Identifier: BSD-3-Clause
// Does a reader see whole versions only, and is none freed before all readers have left it?
#include "dataplane/snapshot.h"

#include <array>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace ethlink {
namespace {

/// A table all of whose cells say its generation; it says when it dies.
struct Table {
    explicit Table(std::uint64_t generation, std::atomic<int>* living = nullptr) : alive(living) {
        cells.fill(generation);
        if (alive != nullptr) ++*alive;
    }
    ~Table() {
        cells.fill(~std::uint64_t{0});  // A reader that comes too late sees this.
        if (alive != nullptr) --*alive;
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    std::array<std::uint64_t, 64> cells{};
    std::atomic<int>* alive;
};

TEST(Snapshot, NothingIsPublishedAtFirst) {
    Snapshot<Table> snapshot(1);
    auto reader = snapshot.reader(0);
    EXPECT_EQ(reader.observe(), nullptr);
    EXPECT_EQ(snapshot.published(), 0u);
    EXPECT_EQ(snapshot.reclaim(), 0u);
}

TEST(Snapshot, AReaderKeepsWhatItGotUntilItObservesAgain) {
    // S4
    std::atomic<int> alive{0};
    Snapshot<Table> snapshot(2);
    auto first = snapshot.reader(0);
    auto second = snapshot.reader(1);
    snapshot.publish(std::make_unique<Table>(1, &alive));
    const Table* old = first.observe();
    EXPECT_EQ(second.observe(), old);

    // 1. Two newer versions: the one that is in use stays, and so does what came between.
    snapshot.publish(std::make_unique<Table>(2, &alive));
    snapshot.publish(std::make_unique<Table>(3, &alive));
    EXPECT_EQ(alive, 3);
    EXPECT_EQ(old->cells[5], 1u);
    EXPECT_EQ(first.observe()->cells[0], 3u);
    // 2. A stalled reader delays it, however often one asks.
    EXPECT_EQ(snapshot.reclaim(), 2u);
    EXPECT_EQ(old->cells[5], 1u);
    // 3. The last one to leave frees all of it.
    EXPECT_EQ(second.observe()->cells[0], 3u);
    EXPECT_EQ(snapshot.reclaim(), 0u);
    EXPECT_EQ(alive, 1);
}

TEST(Snapshot, ARetiredReaderDelaysNothing) {
    std::atomic<int> alive{0};
    Snapshot<Table> snapshot(2);
    auto gone = snapshot.reader(0);
    auto reader = snapshot.reader(1);
    snapshot.publish(std::make_unique<Table>(1, &alive));
    (void)gone.observe();
    gone.retire();
    for (std::uint64_t i = 2; i < 10; ++i) {
        snapshot.publish(std::make_unique<Table>(i, &alive));
        EXPECT_EQ(reader.observe()->cells[0], i);
    }
    EXPECT_EQ(snapshot.reclaim(), 0u);
    EXPECT_EQ(alive, 1);
    reader.retire();
    EXPECT_EQ(snapshot.reclaim(), 0u);
    EXPECT_EQ(alive, 1);  // The current one stays, readers or not.
}

TEST(Snapshot, ReadersInThreadsNeverSeeAMixture) {
    // S3, S4: each cell equals its generation; also under TSan.
    std::atomic<int> alive{0};
    {
        constexpr std::size_t kReaders = 2;
        Snapshot<Table> snapshot(kReaders);
        std::atomic<bool> stop{false};
        std::array<std::atomic<std::uint64_t>, kReaders> mixed{}, lookups{};
        std::array<std::thread, kReaders> threads;
        for (std::size_t i = 0; i < kReaders; ++i) {
            threads[i] = std::thread([&, i] {
                auto reader = snapshot.reader(i);
                std::uint64_t newest = 0;
                while (!stop.load(std::memory_order_relaxed)) {
                    const Table* table = reader.observe();
                    if (table == nullptr) continue;
                    const std::uint64_t generation = table->cells[0];
                    if (generation < newest) mixed[i] += 1;  // Never back to an older one.
                    newest = generation;
                    for (const std::uint64_t cell : table->cells) {
                        if (cell != generation) mixed[i] += 1;
                    }
                    lookups[i] += 1;
                }
                reader.retire();
            });
        }
        for (std::uint64_t generation = 1; generation <= 500; ++generation) {
            snapshot.publish(std::make_unique<Table>(generation, &alive));
            if (generation % 8 == 0) std::this_thread::yield();
        }
        while (lookups[0] < 100 || lookups[1] < 100) std::this_thread::yield();
        stop = true;
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(mixed[0] + mixed[1], 0u);
        EXPECT_EQ(snapshot.reclaim(), 0u);
        EXPECT_EQ(alive, 1);
    }
    EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace ethlink
