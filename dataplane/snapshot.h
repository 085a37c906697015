// SPDX-License-Identifier: BSD-3-Clause
// How the control thread hands an immutable object to running poll cores, and gets the old one
// back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/spsc_ring.h"

namespace ethlink {

/// One publisher, a fixed number of readers. A reader observes once a turn and may use what it got
/// until it observes again; the publisher frees a version when every reader has observed a later
/// one (quiescent states, one word per reader). No lock, no fence, no read-modify-write.
template <class T>
class Snapshot {
    struct Version {
        std::uint64_t number;
        std::unique_ptr<const T> object;
    };
    struct alignas(kCacheLine) Seen {
        std::atomic<std::uint64_t> number{0};
    };

public:
    explicit Snapshot(std::size_t readers) : seen_(readers) {}

    class Reader {
    public:
        Reader() = default;
        /// The newest version, or nullptr if none is published. What was returned before is gone.
        const T* observe() {
            const Version* version = source_->current_.load(std::memory_order_acquire);
            if (version == nullptr) return nullptr;
            if (version->number != last_) {
                last_ = version->number;
                seen_->number.store(last_, std::memory_order_release);
            }
            return version->object.get();
        }
        /// This reader will not observe any more: nothing waits for it.
        void retire() { seen_->number.store(UINT64_MAX, std::memory_order_release); }

    private:
        friend class Snapshot;
        Snapshot* source_ = nullptr;
        Seen* seen_ = nullptr;
        std::uint64_t last_ = 0;
    };

    /// The reader with this index, 0 .. readers - 1; one thread each.
    Reader reader(std::size_t index) {
        Reader reader;
        reader.source_ = this;
        reader.seen_ = &seen_[index];
        return reader;
    }

    /// Publisher: makes `object` the current one, and frees what nobody can see any more.
    void publish(std::unique_ptr<const T> object) {
        versions_.push_back(std::make_unique<Version>(Version{++published_, std::move(object)}));
        current_.store(versions_.back().get(), std::memory_order_release);
        reclaim();
    }

    /// Publisher: frees old versions that every reader has left; how many are still waiting.
    std::size_t reclaim() {
        std::uint64_t oldest_seen = published_;
        for (const Seen& seen : seen_) {
            oldest_seen = std::min(oldest_seen, seen.number.load(std::memory_order_acquire));
        }
        std::erase_if(versions_, [&](const auto& v) { return v->number < oldest_seen; });
        return versions_.empty() ? 0 : versions_.size() - 1;
    }

    std::uint64_t published() const { return published_; }

    /// Publisher: the object published last, until the next publish(); nullptr if there is none.
    const T* current() const {
        return versions_.empty() ? nullptr : versions_.back()->object.get();
    }

private:
    std::atomic<const Version*> current_{nullptr};
    std::vector<Seen> seen_;
    std::vector<std::unique_ptr<Version>> versions_;  // oldest first; the last is current
    std::uint64_t published_ = 0;
};

}  // namespace ethlink
