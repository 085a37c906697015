// SPDX-License-Identifier: BSD-3-Clause
// CRC-32 by carry-less multiplication of four times 128 bits at once, bit-reflected. The last
// vector, the one before it and a head each go straight to their place by a factor that depends on
// how much stands behind them: no odd bytes to shuffle, and no chain of folds at the end.
#include <bit>

#include "proto/wire/crc32.h"
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
constexpr std::size_t kLanes = kVector / kLane;

// The factors that bring the four lanes of a vector to their places: kFinish[n] with n bytes behind
// the vector, and so behind its last lane.
using Finish = std::array<Pair, kLanes>;
alignas(kVector) constexpr auto kFinish = [] {
    constexpr auto kFactors = crc32_constants::all_finish_by<2 * kVector>();
    std::array<Finish, kVector + 1> finish{};
    for (std::size_t n = 0; n < finish.size(); ++n) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            finish[n][i] = kFactors[n + kLane * (kLanes - 1 - i)];
        }
    }
    return finish;
}();

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

// What `state` is worth where `by` moves it.
[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m512i
moved(__m512i state, __m512i by) {
    return _mm512_xor_si512(_mm512_clmulepi64_epi128(state, by, 0x00),
                            _mm512_clmulepi64_epi128(state, by, 0x11));
}

// The same, and `next` which stands there.
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

// By shuffles: gcc 12 warns of what the casts and extractions in its own header leave undefined.
[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline __m128i
sum_of_lanes(__m512i lanes) {
    const __m256i two = _mm256_xor_si256(__builtin_shufflevector(lanes, lanes, 0, 1, 2, 3),
                                         __builtin_shufflevector(lanes, lanes, 4, 5, 6, 7));
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
factors(Pair of_each) {
    const auto low = static_cast<long long>(of_each.low);
    const auto high = static_cast<long long>(of_each.high);
    return _mm512_set_epi64(high, low, high, low, high, low, high, low);
}

// The register after `head` (the register before it added in) and the `left` bytes before `end`;
// at least 16 bytes more stand before those.
[[gnu::target("avx512bw,avx512vl,pclmul,vpclmulqdq,bmi2"), gnu::always_inline]] inline std::uint32_t
after(__m128i head, const std::byte* end, std::size_t left) {
    if (left <= kVector) {
        const __m512i last = moved(load_end(end, left), load(&kFinish[0]));
        const Pair by = kFinish[left].back();
        return reduce(fold(head, pair(by.low, by.high), sum_of_lanes(last)));
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
    const __m512i last = moved(load_end(end, left), load(&kFinish[0]));
    return reduce(sum_of_lanes(fold(state, load(&kFinish[left]), last)));
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
