// SPDX-License-Identifier: BSD-3-Clause
// Random numbers that nobody can guess who has seen others of them: first PSNs, epochs.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace ethlink {

/// SipHash-2-4 (Aumasson, Bernstein 2012) of a 64-bit message. A keyed function: without the key
/// its results look random, however many are known.
constexpr std::uint64_t sip_hash(const std::array<std::uint64_t, 2>& key, std::uint64_t message) {
    std::uint64_t a = key[0] ^ 0x736F'6D65'7073'6575, b = key[1] ^ 0x646F'7261'6E64'6F6D;
    std::uint64_t c = key[0] ^ 0x6C79'6765'6E65'7261, d = key[1] ^ 0x7465'6462'7974'6573;
    const auto rounds = [&](int n) {
        for (; n > 0; --n) {
            a += b, c += d;
            b = std::rotl(b, 13) ^ a, d = std::rotl(d, 16) ^ c;
            a = std::rotl(a, 32);
            c += b, a += d;
            b = std::rotl(b, 17) ^ c, d = std::rotl(d, 21) ^ a;
            c = std::rotl(c, 32);
        }
    };
    for (const std::uint64_t word : {message, std::uint64_t{8} << 56}) {  // the length in bytes
        d ^= word;
        rounds(2);
        a ^= word;
    }
    c ^= 0xFF;
    rounds(4);
    return a ^ b ^ c ^ d;
}

/// SipHash of 0, 1, 2 ... Slower than Random and not on the path of frames.
class SecretRandom {
public:
    using Key = std::array<std::uint64_t, 2>;

    /// A key from the system; whoever knows it knows every number.
    explicit SecretRandom(const Key& key) : key_(key) {}
    /// No secret: the same numbers for the same seed, for simulations.
    static SecretRandom seeded(std::uint64_t seed) { return SecretRandom(Key{seed, ~seed}); }

    std::uint64_t next() { return sip_hash(key_, count_++); }

private:
    Key key_;
    std::uint64_t count_ = 0;
};

}  // namespace ethlink
