// SPDX-License-Identifier: BSD-3-Clause
// A session's memory in a test, and a program on it that writes what it likes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "dataplane/client/abi.h"
#include "dataplane/client/session_port.h"

namespace ethlink::client::test {

/// Zeroed and formatted, as the daemon would have made it.
class SharedMemory {
public:
    explicit SharedMemory(std::uint32_t depth)
        : bytes_(static_cast<std::byte*>(::operator new(session_bytes(depth), kAlign))),
          depth_(depth) {
        std::memset(bytes_.get(), 0, session_bytes(depth));
        format_session(view());
    }
    std::span<std::byte> bytes() const { return {bytes_.get(), session_bytes(depth_)}; }
    SessionView view() const { return SessionView::at(bytes_.get(), depth_); }

private:
    static constexpr std::align_val_t kAlign{4096};
    struct Free {
        void operator()(std::byte* bytes) const { ::operator delete(bytes, kAlign); }
    };
    std::unique_ptr<std::byte, Free> bytes_;
    std::uint32_t depth_;
};

/// The data of a Store, which travels in the request if it is short.
inline std::span<const std::byte> store_data(const Submission& store) {
    if (store.length > kValueBytes) return store.local;
    return std::as_bytes(std::span(&store.operand, 1)).first(store.length);
}

/// The program's end without any of libethlink's care.
class RawProgram {
public:
    explicit RawProgram(const SessionView& view) : view_(view) {}

    void submit(const RawSubmission& raw) {
        write_entry(view_.submission(next_), next_, raw);
        ++next_;
    }
    std::optional<RawCompletion> take() {
        RawCompletion raw;
        if (!read_entry(view_.completion(taken_), taken_, raw)) return std::nullopt;
        view_.control->completions_taken.store(++taken_, std::memory_order_release);
        return raw;
    }
    /// Looks, but tells the daemon nothing.
    std::optional<RawCompletion> peek(std::uint32_t position) const {
        RawCompletion raw;
        if (!read_entry(view_.completion(position), position, raw)) return std::nullopt;
        return raw;
    }

private:
    SessionView view_;
    std::uint32_t next_ = 0;
    std::uint32_t taken_ = 0;
};

/// A well-formed 8-byte Load of peer 0.
inline RawSubmission load_of(std::uint16_t slot, std::uint64_t cookie = 0) {
    RawSubmission raw;
    raw.opcode = static_cast<std::uint8_t>(Opcode::kLoad);
    raw.length = 8;
    raw.slot = slot;
    raw.cookie = cookie;
    return raw;
}

}  // namespace ethlink::client::test
