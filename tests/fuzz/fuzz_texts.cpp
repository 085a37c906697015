// SPDX-License-Identifier: BSD-3-Clause
// Short texts that people write on command lines and in files: frame sizes, device strings, names.
// What is accepted is in range and means the same when it is written again (F1, F5, X6).
#include <string>

#include "control/config_reader.h"
#include "control/pktgen/frame_sizes.h"
#include "control/pktgen/traffic_matrix.h"
#include "control/runtime/control_socket_path.h"
#include "dataplane/dpdk/device_args.h"
#include "tests/fuzz/input.h"

namespace ethlink::fuzz {
namespace {

void frame_sizes(std::string_view text, std::uint32_t max) {
    for (const std::uint32_t size : control::rfc2544_sizes(max)) {
        must(size >= control::kMinFrameSize && size <= max, "RFC 2544: a size that fits");
    }
    const auto sizes = control::FrameSizes::parse(text, max);
    if (!sizes) return must(!sizes.error().empty(), "refused with a reason");
    must(!sizes->round().empty() && sizes->round().size() <= control::FrameSizes::kRoundMax,
         "a round has frames, and not too many");
    for (const std::uint32_t size : sizes->round()) {
        must(size >= control::kMinFrameSize && size <= max, "a size that the fabric carries");
    }
    must(sizes->largest() <= max && sizes->mean() <= sizes->largest(), "the mean is a mean");
}

/// `room`: of a buffer of the pool, which may be too small.
void device(std::string_view text, std::uint32_t frame, std::uint32_t room) {
    auto args = dpdk::DeviceArgs::parse(text);
    if (!args) return must(!args.error().empty(), "refused with a reason");
    must(!args->name().empty(), "a device has a name");
    const std::string again =
        args->name() + (args->arguments().empty() ? "" : ",") + args->arguments();
    const auto twice = dpdk::DeviceArgs::parse(again);
    must(twice && twice->name() == args->name() && twice->arguments() == args->arguments(),
         "a device means the same when it is written again");
    const auto complete = dpdk::complete(*args, frame, room);
    must(complete || !complete.error().empty(), "completed, or refused with a reason");
    if (!complete) return;
    const auto still = dpdk::complete(*complete, frame, room);
    must(still && still->arguments() == complete->arguments(), "complete is complete");
}

}  // namespace

void run(Input& input) {
    const std::uint8_t what = input.u8();
    const std::uint32_t max = 64 + 40u * input.u8();
    const Bytes bytes = input.rest();
    const std::string_view text = as_text(bytes);
    switch (what % 4) {
        case 0: frame_sizes(text, max); break;
        case 1: device(text, max, what < 128 ? max + 256 : max / 2 + what); break;
        case 2: {
            const auto pattern = control::traffic_pattern(text);
            must(!pattern || name(*pattern) == text, "a pattern has one name");
            break;
        }
        default:
            must(!control::is_name(text) || (text.size() <= 31 && text.find('/') == text.npos),
                 "F1: a node's name leads nowhere");
            must(!control::is_instance_name(text) ||
                     (text.size() <= 32 && text.find('/') == text.npos && text.front() != '.'),
                 "X6: an instance's name leads nowhere");
    }
}

}  // namespace ethlink::fuzz
