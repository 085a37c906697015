// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/system_random.h"

#include <sys/random.h>

namespace ethlink::control {
namespace {

/// getrandom() never fails for so few bytes once the system has started; until then it waits.
std::uint64_t draw() {
    std::uint64_t word = 0;
    while (getrandom(&word, sizeof word, 0) != sizeof word) {
    }
    return word;
}

}  // namespace

std::uint64_t draw_key() {
    std::uint64_t key = 0;
    while (key == 0) key = draw();
    return key;
}

SecretRandom draw_secret_random() {
    return SecretRandom({draw(), draw()});
}

}  // namespace ethlink::control
