// SPDX-License-Identifier: BSD-3-Clause
// The whole hop, receive burst to transmit burst, with LLR and CBFC on both sides.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "bench/environment.h"
#include "bench/hop_rig.h"
#include "dataplane/dpdk/tsc_clock.h"

namespace ethlink::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: bench_hop [--size BYTES]... [--ports N]... [--vcs N]... [--keep share|copy]...\n"
    "                 [--windows N] [--csv]\n"
    "  --size     frame with its FCS, 64 .. 2048 (default: 64 256 1500 2048)\n"
    "  --ports    of the switch, 2 .. 16 (default: 2 8)\n"
    "  --vcs      lossless VCs that the frames use in turn, 1 .. 5 (default: 1)\n"
    "  --keep     share: as on a NIC; the hop alone, no byte of payload is copied\n"
    "             copy: on the in-process wire, whose copy for the neighbour is counted\n"
    "  --windows  of 64 turns each; the figure is their median (default: 400)\n"
    "  --csv      keep,ports,vcs,size,cycles only\n";

struct Options {
    std::vector<std::uint32_t> sizes, ports, vcs;
    std::vector<Keep> keeps;
    std::uint32_t windows = 400;
    bool csv = false;
};

[[noreturn]] void fail(const std::string& why) {
    std::fprintf(stderr, "bench_hop: %s\n%.*s", why.c_str(), static_cast<int>(kUsage.size()),
                 kUsage.data());
    std::exit(1);
}

std::uint32_t number(std::string_view text, std::uint32_t from, std::uint32_t to) {
    char* end = nullptr;
    const std::string copy(text);
    const unsigned long value = std::strtoul(copy.c_str(), &end, 10);
    if (copy.empty() || *end != '\0' || value < from || value > to) {
        fail("'" + copy + "' is no number from " + std::to_string(from) + " to " +
             std::to_string(to));
    }
    return static_cast<std::uint32_t>(value);
}

Options read(const std::vector<std::string_view>& arguments) {
    Options options;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view key = arguments[i];
        if (key == "--csv") {
            options.csv = true;
            continue;
        }
        if (i + 1 == arguments.size()) fail(std::string(key) + ": unknown, or without a value");
        const std::string_view value = arguments[++i];
        if (key == "--size") {
            options.sizes.push_back(number(value, 64, 2048));
        } else if (key == "--ports") {
            options.ports.push_back(number(value, 2, 16));
        } else if (key == "--vcs") {
            options.vcs.push_back(number(value, 1, 5));
        } else if (key == "--windows") {
            options.windows = number(value, 1, 1'000'000);
        } else if (key == "--keep" && (value == "share" || value == "copy")) {
            options.keeps.push_back(value == "share" ? Keep::kShare : Keep::kCopy);
        } else {
            fail(std::string(key) + " " + std::string(value) + ": unknown");
        }
    }
    if (options.sizes.empty()) options.sizes = {64, 256, 1500, 2048};
    if (options.ports.empty()) options.ports = {2, 8};
    if (options.vcs.empty()) options.vcs = {1};
    if (options.keeps.empty()) options.keeps = {Keep::kShare, Keep::kCopy};
    return options;
}

const char* name(Keep keep) {
    return keep == Keep::kShare ? "share" : "copy";
}

void print(const HopCase& what, const HopResult& result, double hz, bool csv) {
    if (csv) {
        std::printf("%s,%u,%u,%u,%.2f\n", name(what.keep), what.ports, what.vcs, what.frame_bytes,
                    result.cycles_per_frame);
    } else {
        std::printf("%-5s %5u %3u %6u %8.1f %8.1f %7.2f %6.1f %8.1f %8llu %8llu\n", name(what.keep),
                    what.ports, what.vcs, what.frame_bytes, result.cycles_per_frame,
                    result.cycles_low, hz / result.cycles_per_frame / 1e6, result.burst_mean,
                    result.control_per_1000, static_cast<unsigned long long>(result.replays),
                    static_cast<unsigned long long>(result.refused));
    }
    std::fflush(stdout);
}

/// Whether every frame arrived, and none twice.
bool run_all(const Options& options, dpdk::MbufPool& pool, double hz) {
    bool clean = true;
    for (const Keep keep : options.keeps) {
        for (const std::uint32_t ports : options.ports) {
            for (const std::uint32_t vcs : options.vcs) {
                for (const std::uint32_t size : options.sizes) {
                    const HopCase what{size, ports, vcs, keep, options.windows};
                    const HopResult result = run_hop(what, pool, hz);
                    print(what, result, hz, options.csv);
                    clean &= result.replays == 0 && result.refused == 0 && pool.in_use() == 0;
                }
            }
        }
    }
    return clean;
}

int run(const std::vector<std::string_view>& arguments) {
    const Options options = read(arguments);
    const auto eal = start_environment(256);
    const auto pool = dpdk::MbufPool::create({.frames = 16'383});
    if (!pool) fail(pool.error());
    const double hz = dpdk::TscClock::calibrate().hz();
    if (!options.csv) {
        std::printf("# EAL: %s\n# TSC %.1f MHz; cycles: TSC, median of %u windows of 64 turns\n",
                    eal->command_line().c_str(), hz / 1e6, options.windows);
        std::printf(
            "keep  ports vcs   size  cyc/frm  low10%% Mpps/core  burst ctl/1000  replays"
            "  refused\n");
    }
    if (run_all(options, **pool, hz)) return 0;
    std::fprintf(stderr, "bench_hop: frames were replayed, refused or leaked: no clean run\n");
    return 1;
}

}  // namespace
}  // namespace ethlink::bench

int main(int argc, char** argv) {
    try {
        return ethlink::bench::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_hop: %s\n", error.what());
        return 1;
    }
}
