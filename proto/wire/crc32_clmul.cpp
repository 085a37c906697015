// SPDX-License-Identifier: BSD-3-Clause
// CRC-32 by carry-less multiplication, in its bit-reflected form. V. Gopal et al., "Fast CRC
// Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009.
#include "proto/wire/crc32.h"
#include "proto/wire/crc32_constants.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ethlink::wire::crc32_variants {

#if defined(__x86_64__)

namespace {

using crc32_constants::fold_by;
using crc32_constants::Pair;

constexpr Pair kBy16 = fold_by(16);
constexpr Pair kBy64 = fold_by(64);
constexpr Pair kFinish = crc32_constants::finish_by(0);

// A window of 16 bytes on it is a shuffle that moves bytes up or down and clears the others.
constexpr auto kSlide = [] {
    std::array<std::uint8_t, 48> slide{};
    for (std::size_t i = 0; i < slide.size(); ++i) {
        slide[i] = i >= 16 && i < 32 ? static_cast<std::uint8_t>(i - 16) : 0x80;
    }
    return slide;
}();

[[gnu::target("pclmul,sse4.1"), gnu::always_inline]] inline __m128i load(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

[[gnu::target("pclmul,sse4.1"), gnu::always_inline]] inline __m128i constant(Pair pair) {
    return _mm_set_epi64x(static_cast<long long>(pair.high), static_cast<long long>(pair.low));
}

// What `state` is worth in the place of the 128 bits that `next` are.
[[gnu::target("pclmul,sse4.1"), gnu::always_inline]] inline __m128i fold(__m128i state, __m128i by,
                                                                         __m128i next) {
    const __m128i low = _mm_clmulepi64_si128(state, by, 0x00);
    const __m128i high = _mm_clmulepi64_si128(state, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// Folds `rest` < 16 bytes, the last ones of `end_16`, behind `state`: the first `rest` bytes of the
// state fold into the block that the others and the new bytes make.
[[gnu::target("pclmul,sse4.1"), gnu::always_inline]] inline __m128i fold_rest(__m128i state,
                                                                              __m128i end_16,
                                                                              std::size_t rest) {
    const __m128i up = load(kSlide.data() + rest);
    const __m128i down = load(kSlide.data() + 16 + rest);
    const __m128i next = _mm_blendv_epi8(_mm_shuffle_epi8(state, down), end_16, down);
    return fold(_mm_shuffle_epi8(state, up), constant(kBy16), next);
}

[[gnu::target("pclmul,sse4.1"), gnu::always_inline]] inline std::uint32_t reduce(__m128i state) {
    // 128 bits to 96, and 64 bits further on; then Barrett.
    const __m128i finish = constant(kFinish);
    const __m128i x =
        _mm_xor_si128(_mm_srli_si128(state, 8), _mm_clmulepi64_si128(state, finish, 0x00));
    const __m128i barrett = constant(crc32_constants::kBarrett);
    const __m128i times = _mm_clmulepi64_si128(x, barrett, 0x00);
    const __m128i multiple = _mm_clmulepi64_si128(times, barrett, 0x10);
    return static_cast<std::uint32_t>(_mm_extract_epi32(_mm_xor_si128(x, multiple), 2));
}

// The register after `state` (16 bytes, the register before them added in) and whole[from ..];
// from >= 16, so that there is a whole block to load even for a short rest.
[[gnu::target("pclmul,sse4.1")]] std::uint32_t after(__m128i state,
                                                     std::span<const std::byte> whole,
                                                     std::size_t from) {
    const std::byte* next = whole.data() + from;
    std::size_t left = whole.size() - from;
    const __m128i by_16 = constant(kBy16);
    if (left >= 48 + 64) {  // Four chains at once: one alone mostly waits for the multiplier.
        const __m128i by_64 = constant(kBy64);
        __m128i a = state;
        __m128i b = load(next);
        __m128i c = load(next + 16);
        __m128i d = load(next + 32);
        for (next += 48, left -= 48; left >= 64; next += 64, left -= 64) {
            a = fold(a, by_64, load(next));
            b = fold(b, by_64, load(next + 16));
            c = fold(c, by_64, load(next + 32));
            d = fold(d, by_64, load(next + 48));
        }
        state = fold(fold(fold(a, by_16, b), by_16, c), by_16, d);
    }
    for (; left >= 16; next += 16, left -= 16) state = fold(state, by_16, load(next));
    if (left != 0) state = fold_rest(state, load(next + left - 16), left);
    return reduce(state);
}

}  // namespace

bool has_clmul() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
}

[[gnu::target("pclmul,sse4.1")]] std::uint32_t clmul(std::span<const std::byte> bytes,
                                                     std::uint32_t seed) {
    if (bytes.size() < 16) return table(bytes, seed);
    const __m128i before = _mm_cvtsi32_si128(static_cast<int>(~seed));
    return ~after(_mm_xor_si128(load(bytes.data()), before), bytes, 16);
}

[[gnu::target("pclmul,sse4.1")]] std::uint32_t clmul_with_head(CrcHeadWords head,
                                                               std::span<const std::byte> whole,
                                                               std::size_t from) {
    head.low ^= 0xFFFF'FFFF;  // the register before it
    return ~after(constant({head.low, head.high}), whole, from);
}

#else

bool has_clmul() {
    return false;
}

std::uint32_t clmul(std::span<const std::byte> bytes, std::uint32_t seed) {
    return table(bytes, seed);
}

std::uint32_t clmul_with_head(CrcHeadWords head, std::span<const std::byte> whole,
                              std::size_t from) {
    return table_with_head(head, whole, from);
}

#endif

}  // namespace ethlink::wire::crc32_variants
