// SPDX-License-Identifier: BSD-3-Clause
// CRC-32 by carry-less multiplication of four times 128 bits at once, bit-reflected. The last
// vector, the one before it and a head each go straight to their place by a factor that depends on
// how much stands behind them: no odd bytes to shuffle, and no chain of folds at the end.
#include "proto/wire/crc32.h"

#include <bit>

#include "proto/wire/crc32_constants.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ethlink::wire::crc32_variants {

#if defined(__x86_64__)

namespace {

using crc32_constants::Pair;

constexpr std::size_t kLane = 16;  // bytes
constexpr std::size_t kVector = 64;

// The factors that bring a lane to its place, by the number of bytes behind it: kFinish[n % 16]
// has those of n, the ones for 16 more before the ones for 16 less, as the lanes of a vector stand.
constexpr std::size_t kRow = 8;
alignas(kVector) constexpr auto kFinish = [] {
    constexpr auto kFactors = crc32_constants::all_finish_by<kRow * kLane>();
    std::array<std::array<Pair, kRow>, kLane> rows{};
    for (std::size_t n = 0; n < kFactors.size(); ++n) {
        rows[n % kLane][kRow - 1 - n / kLane] = kFactors[n];
    }
    return rows;
}();

// For one lane with `behind` bytes behind it, 0 .. 127.
constexpr const Pair* finish_lane(std::size_t behind) {
    return &kFinish[behind % kLane][kRow - 1 - behind / kLane];
}

// For the four of a vector with `behind` bytes behind it, 0 .. 64.
constexpr const Pair* finish_vector(std::size_t behind) {
    return finish_lane(behind + kVector - kLane);
}

[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m128i pair(
    std::uint64_t low, std::uint64_t high) {
    return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m512i load(
    const void* from) {
    return _mm512_loadu_si512(from);
}

// The last `size` bytes before `end`, 0 .. 64, behind zeros. The address may lie before what the
// bytes belong to, hence the detour; nothing is read there.
[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m512i
load_end(const std::byte* end, std::size_t size) {
    const auto from = std::bit_cast<const void*>(std::bit_cast<std::uintptr_t>(end) - kVector);
    const auto skipped = static_cast<unsigned>(kVector - size);
    return _mm512_maskz_loadu_epi8(~_bzhi_u64(~std::uint64_t{0}, skipped), from);
}

// What `state` is worth where `by` moves it, and `next` which stands there.
[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m512i fold(
    __m512i state, __m512i by, __m512i next) {
    return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(state, by, 0x00),
                                     _mm512_clmulepi64_epi128(state, by, 0x11), next, 0x96);
}

[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m128i fold(
    __m128i state, __m128i by, __m128i next) {
    return _mm_ternarylogic_epi64(_mm_clmulepi64_si128(state, by, 0x00),
                                  _mm_clmulepi64_si128(state, by, 0x11), next, 0x96);
}

[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m128i
sum_of_lanes(__m512i lanes) {
    // With the mask of all lanes: gcc 12 warns of what the form without one leaves undefined.
    const __m256i high = _mm512_maskz_extracti64x4_epi64(0xFF, lanes, 1);
    const __m256i two = _mm256_xor_si256(_mm512_castsi512_si256(lanes), high);
    return _mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
}

// Barrett's reduction of the 96 bits that all the finished lanes add up to.
[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline std::uint32_t
reduce(__m128i sum) {
    const __m128i barrett = pair(crc32_constants::kBarrett.low, crc32_constants::kBarrett.high);
    const __m128i times = _mm_clmulepi64_si128(sum, barrett, 0x00);
    const __m128i multiple = _mm_clmulepi64_si128(times, barrett, 0x10);
    return static_cast<std::uint32_t>(_mm_extract_epi32(_mm_xor_si128(sum, multiple), 2));
}

[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m512i
factors(Pair pair_of_factors) {
    return _mm512_broadcast_i32x4(pair(pair_of_factors.low, pair_of_factors.high));
}

// The register after `head` (the register before it added in) and the `left` bytes before `end`;
// at least 16 bytes more stand before those.
[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline std::uint32_t
after(__m128i head, const std::byte* end, std::size_t left) {
    if (left <= kVector) {
        const __m512i last = fold(load_end(end, left), load(finish_vector(0)),
                                  _mm512_setzero_si512());
        const __m128i by = _mm_load_si128(static_cast<const __m128i*>(
            static_cast<const void*>(finish_lane(left))));
        return reduce(fold(head, by, sum_of_lanes(last)));
    }
    const std::byte* next = end - left;
    __m512i state = _mm512_inserti32x4(load(next - kLane), head, 0);
    next += kVector - kLane;
    left -= kVector - kLane;
    const __m512i by_1 = factors(crc32_constants::fold_by(kVector));
    if (left > 7 * kVector) {
        const __m512i by_4 = factors(crc32_constants::fold_by(4 * kVector));
        __m512i b = load(next);
        __m512i c = load(next + kVector);
        __m512i d = load(next + 2 * kVector);
        next += 3 * kVector;
        left -= 3 * kVector;
        for (; left > 4 * kVector; next += 4 * kVector, left -= 4 * kVector) {
            state = fold(state, by_4, load(next));
            b = fold(b, by_4, load(next + kVector));
            c = fold(c, by_4, load(next + 2 * kVector));
            d = fold(d, by_4, load(next + 3 * kVector));
        }
        state = fold(fold(fold(state, by_1, b), by_1, c), by_1, d);
    }
    for (; left > kVector; next += kVector, left -= kVector) state = fold(state, by_1, load(next));
    const __m512i last = fold(load_end(end, left), load(finish_vector(0)), _mm512_setzero_si512());
    return reduce(sum_of_lanes(fold(state, load(finish_vector(left)), last)));
}

}  // namespace

bool has_avx512() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("pclmul") != 0 &&
           __builtin_cpu_supports("vpclmulqdq") != 0 && __builtin_cpu_supports("bmi2") != 0;
}

[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2")]] std::uint32_t avx512(
    std::span<const std::byte> bytes, std::uint32_t seed) {
    if (bytes.size() < kLane) return table(bytes, seed);
    const std::uint32_t before = ~seed;
    const __m128i head = pair(load_le64(bytes.data()) ^ before, load_le64(bytes.data() + 8));
    return ~after(head, bytes.data() + bytes.size(), bytes.size() - kLane);
}

[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2")]] std::uint32_t avx512_with_head(
    CrcHeadWords head, std::span<const std::byte> whole, std::size_t from) {
    const std::uint32_t before = ~std::uint32_t{0};
    return ~after(pair(head.low ^ before, head.high), whole.data() + whole.size(),
                  whole.size() - from);
}

#else

bool has_avx512() {
    return false;
}

std::uint32_t avx512(std::span<const std::byte> bytes, std::uint32_t seed) {
    return table(bytes, seed);
}

std::uint32_t avx512_with_head(CrcHeadWords head, std::span<const std::byte> whole,
                               std::size_t from) {
    return table_with_head(head, whole, from);
}

#endif

}  // namespace ethlink::wire::crc32_variants
