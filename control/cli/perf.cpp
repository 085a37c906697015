// SPDX-License-Identifier: BSD-3-Clause
// `ethlink perf OP`: latency and bandwidth of remote memory, from one endpoint to another.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ethlink/ethlink.h>

#include "control/cli/child_lab.h"
#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/perf/perf_report.h"
#include "control/perf/perf_run.h"

namespace ethlink::cli {
namespace {

using control::PerfMode;
using control::PerfOperation;
using control::PerfResult;
using control::PerfTask;

struct Arguments {
    std::string operation;
    std::string fabric;
    std::string from, to;
    std::vector<std::uint32_t> sizes;
    bool all_sizes = false;
    std::string mode;
    std::uint32_t depth = 0;
    std::uint64_t iterations = 0;
    double duration_s = 1;
    bool json = false;
};

std::map<std::string, PerfOperation> operations() {
    std::map<std::string, PerfOperation> words;
    for (int i = 0; i < static_cast<int>(PerfOperation::kCount); ++i) {
        const auto operation = static_cast<PerfOperation>(i);
        words.emplace(name(operation), operation);
    }
    return words;
}

bool is_bulk(PerfOperation operation) {
    return operation >= PerfOperation::kWrite;
}

/// What the operation can move; the error is a sentence.
std::string check_size(PerfOperation operation, std::uint32_t bytes) {
    if (is_bulk(operation)) {
        return bytes >= 1 && bytes <= ETHLINK_MESSAGE_MAX ? "" : "1 byte to 1 GiB";
    }
    if (operation == PerfOperation::kFetchAdd)
        return bytes == 4 || bytes == 8 ? "" : "4 or 8 bytes";
    return bytes >= 1 && bytes <= ETHLINK_LINE_MAX ? "" : "1 to 256 bytes";
}

std::vector<std::uint32_t> sizes_of(const Arguments& arguments, PerfOperation operation) {
    if (!arguments.sizes.empty()) return arguments.sizes;
    if (!arguments.all_sizes) return {is_bulk(operation) ? 1u << 16 : 8u};
    if (operation == PerfOperation::kFetchAdd) return {4, 8};
    std::vector<std::uint32_t> sizes;
    const std::uint32_t last = is_bulk(operation) ? 8u << 20 : ETHLINK_LINE_MAX;
    for (std::uint32_t size = is_bulk(operation) ? 64 : 1; size <= last; size *= 2) {
        sizes.push_back(size);
    }
    return sizes;
}

PerfTask task_of(const Arguments& arguments, PerfOperation operation, std::uint32_t bytes) {
    const bool latency = arguments.mode.empty() ? !is_bulk(operation) : arguments.mode == "latency";
    PerfTask task{.operation = operation,
                  .mode = latency ? PerfMode::kLatency : PerfMode::kBandwidth,
                  .bytes = bytes,
                  .iterations = arguments.iterations};
    // Enough to fill the path, and not more than a message rate needs.
    task.depth = arguments.depth > 0 ? arguments.depth : is_bulk(operation) ? 16 : 64;
    task.duration =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(arguments.duration_s));
    return task;
}

Expected<std::vector<PerfResult>, std::string> measure_all(control::PerfRun& run,
                                                           const Arguments& arguments,
                                                           PerfOperation operation,
                                                           const Context& context) {
    std::vector<PerfResult> results;
    for (const std::uint32_t bytes : sizes_of(arguments, operation)) {
        const PerfTask task = task_of(arguments, operation, bytes);
        auto result = run.measure(task, *context.stop,
                                  [](const PerfResult& so_far) { live_line(perf_row(so_far)); });
        end_live_line();
        if (!result) return Unexpected<std::string>(result.error());
        if (!arguments.json) {
            if (results.empty()) std::printf("%s\n", control::perf_heading(task.mode).c_str());
            std::printf("%s\n", perf_row(*result).c_str());
            std::fflush(stdout);
        }
        results.push_back(*result);
        if (context.stop->load()) break;
    }
    return results;
}

int run(const Arguments& arguments, const Context& context) {
    const PerfOperation operation = operations().at(arguments.operation);
    const std::vector<std::uint32_t> sizes = sizes_of(arguments, operation);
    for (const std::uint32_t bytes : sizes) {
        if (const std::string limit = check_size(operation, bytes); !limit.empty()) {
            complain("--size " + std::to_string(bytes) + ": " + arguments.operation + " moves " +
                     limit);
            return kUsage;
        }
    }
    std::string from = arguments.from, to = arguments.to;
    std::unique_ptr<ChildLab> lab;
    if (!arguments.fabric.empty()) {
        auto started = ChildLab::start(arguments.fabric, *context.stop);
        if (!started) {
            complain(started.error());
            return kCannotRun;
        }
        lab = std::move(*started);
        ChildLab::leave_its_cpu();
        if (from.empty()) from = lab->endpoint(0);
        if (to.empty()) to = lab->endpoint(1);
        for (std::string* end : {&from, &to}) {
            if (end->find('/') == std::string::npos) *end = lab->instance() + "/" + *end;
        }
    }
    if (from.empty() || to.empty()) {
        complain(
            "say which endpoints: --from and --to (node, instance/node, or socket), or --fabric "
            "FILE to start a lab of its own");
        return kUsage;
    }
    auto perf = control::PerfRun::open(from, to, *std::ranges::max_element(sizes));
    if (!perf) {
        complain(perf.error());
        return kCannotRun;
    }
    const auto results = measure_all(**perf, arguments, operation, context);
    if (!results) {
        complain(results.error());
        return kFailed;
    }
    if (arguments.json) std::printf("%s\n", control::perf_json(*results).dump(2).c_str());
    for (const PerfResult& result : *results) {
        if (result.errors == 0) continue;
        complain(std::to_string(result.errors) + " transactions failed, the first with " +
                 ethlink_status_name(result.first_error) + ": " +
                 ethlink_status_text(result.first_error));
        return kFailed;
    }
    return kOk;
}

}  // namespace

void add_perf(CLI::App& app, const Context& context, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& perf =
        *app.add_subcommand("perf", "Measure remote memory: latency, bandwidth, message rate");
    std::vector<std::string> words;
    for (const auto& [word, operation] : operations()) words.push_back(word);
    perf.add_option("operation", arguments->operation, "What to measure")
        ->required()
        ->check(CLI::IsMember(words));
    perf.add_option("--fabric", arguments->fabric,
                    "Start this fabric as a lab and measure between its first two endpoints");
    perf.add_option("--from", arguments->from, "Who asks: node, instance/node, or socket");
    perf.add_option("--to", arguments->to, "Whose memory it is");
    auto* size = perf.add_option("--size", arguments->sizes,
                                 "Bytes per transaction, or a list (default: 8, RDMA 65536)")
                     ->delimiter(',');
    perf.add_flag("--all", arguments->all_sizes, "Sweep over all sizes")->excludes(size);
    perf.add_option("--mode", arguments->mode, "Default: latency for load, store and fetch-add")
        ->check(CLI::IsMember({"latency", "bandwidth"}));
    perf.add_option("--depth", arguments->depth,
                    "Bandwidth: transactions under way (default: 64, RDMA 16)")
        ->check(CLI::Range(1, 1024));
    perf.add_option("--iterations", arguments->iterations, "Transactions per size");
    perf.add_option("--duration", arguments->duration_s, "Seconds per size")
        ->check(CLI::Range(0.01, 86400.0))
        ->capture_default_str();
    perf.add_flag("--json", arguments->json, "One JSON object on stdout");
    perf.footer(
        "Columns as in perftest. Example: ethlink perf load --fabric configs/single-rack.yaml "
        "--size 8");
    perf.callback([arguments, &context, &exit_code] { exit_code = run(*arguments, context); });
}

}  // namespace ethlink::cli
