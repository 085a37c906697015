// SPDX-License-Identifier: BSD-3-Clause
// What the protocol asks of the thing it carries: almost nothing.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ethlink {

/// A frame is a move-only handle to one contiguous run of bytes; an empty handle is false.
/// Destroying a non-empty handle gives its buffer back to the pool it came from.
template <class F>
concept FrameHandle = std::movable<F> && !std::copyable<F> && std::default_initializable<F> &&
                      requires(F & frame, const F& constant, std::uint32_t n) {
    {static_cast<bool>(constant)};
    { frame.bytes() } -> std::same_as<std::span<std::byte>>;
    { constant.bytes() } -> std::same_as<std::span<const std::byte>>;
    { constant.size() } -> std::same_as<std::uint32_t>;
    // Grows at the tail: the new bytes, uninitialised; nullptr and no change without room.
    { frame.append(n) } -> std::same_as<std::byte*>;
    // Shrinks at the tail; n <= size().
    { frame.trim(n) } -> std::same_as<void>;
    // Asks the cache for the first line; never a fault.
    { constant.prefetch() } -> std::same_as<void>;
    // Another owner of the same bytes. Who may write them from now on: see Keep.
    { frame.share() } -> std::same_as<F>;
    typename F::Pool;
};

/// Where frames come from. A pool is shared by all ports of a process; it never grows.
template <class P, class F>
concept FramePool = requires(P& pool, const F& frame, std::span<F> frames, std::uint32_t n) {
    // A frame of n uninitialised bytes, or an empty handle if none is left or n does not fit.
    { pool.allocate(n) } -> std::same_as<F>;
    // A frame with the same bytes in a buffer of its own, or an empty handle.
    { pool.copy(frame) } -> std::same_as<F>;
    // Frees many frames of this pool at once; the handles are empty afterwards.
    { pool.release(frames) } -> std::same_as<void>;
};

/// How a link keeps a frame for replay while the port sends it.
enum class Keep : std::uint8_t {
    kShare,  // one more reference to the same bytes: media that only read them (NICs, copying PMDs)
    kCopy,   // bytes of its own: media that damage frames, or hand on more than the bytes
    // One more reference, and the neighbour, who is handed the very buffer (in-process wire), may
    // write what a hop may change: the link word and the Network word, kSentHead. The rest nobody
    // writes while it is shared. What must go again goes as a copy with the head as it was.
    kLend,
};

/// What a link makes of it that appends an FCS of its own: the neighbour cuts that off what he is
/// handed, and would shorten what is kept.
constexpr Keep with_fcs(Keep keep) {
    return keep == Keep::kLend ? Keep::kCopy : keep;
}

/// Bytes of a frame that hold all that a hop may change, tagged or not: [8, 24).
inline constexpr std::size_t kSentHeadOffset = 8;
inline constexpr std::size_t kSentHeadSize = 16;

}  // namespace ethlink
