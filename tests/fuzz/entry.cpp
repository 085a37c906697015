// SPDX-License-Identifier: BSD-3-Clause
// Where libFuzzer comes in: the same for every target.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ethlink::fuzz::Input input(std::as_bytes(std::span(data, size)));
    ethlink::fuzz::run(input);
    return 0;
}
