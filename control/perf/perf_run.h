// SPDX-License-Identifier: BSD-3-Clause
// Measures one operation between two endpoints, as any program would do it: through libethlink.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::control {

enum class PerfOperation : std::uint8_t { kLoad, kStore, kFetchAdd, kWrite, kRead, kSend, kCount };

/// "fetch-add", as on the command line.
std::string_view name(PerfOperation operation);

/// Latency: one after the other, each waited for. Bandwidth: `depth` of them under way.
enum class PerfMode : std::uint8_t { kLatency, kBandwidth };

/// What one row measures. Bytes per transaction: 1 .. 256 (load, store), 4 or 8 (fetch-add), up to
/// 1 GiB (write, read, send).
struct PerfTask {
    PerfOperation operation{};
    PerfMode mode{};
    std::uint32_t bytes = 8;
    std::uint32_t depth = 64;
    std::uint64_t iterations = 0;  // 0: for as long as `duration`
    Duration duration = std::chrono::seconds(1);
};

/// Times are of completed transactions, in microseconds: of each one (latency) or every 16th
/// (bandwidth), at most the first kSamplesMax. Bandwidth counts the payload: bytes x transactions.
struct PerfResult {
    static constexpr std::size_t kSamplesMax = 4'000'000;

    PerfTask task;
    std::uint64_t transactions = 0;
    std::uint64_t errors = 0;
    int first_error = 0;  // an ethlink_status
    double seconds = 0;
    double t_min = 0, t_max = 0, t_typical = 0, t_avg = 0, t_stdev = 0, p99 = 0, p999 = 0;
    double peak_gbps = 0;  // of the best tenth of a second, or of the whole if it was shorter

    double rate() const { return seconds > 0 ? static_cast<double>(transactions) / seconds : 0; }
    double gbps() const { return rate() * task.bytes * 8 / 1e9; }
};

/// One program at each end: one asks, the other lends its memory and looks on.
class PerfRun {
public:
    /// `from` and `to` are sockets or "instance/node" (ethlink_open). Errors are sentences.
    static Expected<std::unique_ptr<PerfRun>, std::string> open(const std::string& from,
                                                                const std::string& to,
                                                                std::uint32_t bytes_max);
    ~PerfRun();
    PerfRun(const PerfRun&) = delete;
    PerfRun& operator=(const PerfRun&) = delete;

    using Progress = std::function<void(const PerfResult& so_far)>;

    /// Also stops when `stop` is set. The error says what could not be posted, or who is gone.
    Expected<PerfResult, std::string> measure(const PerfTask& task, const std::atomic<bool>& stop,
                                              const Progress& progress);

private:
    struct Ends;
    class Clockwork;
    explicit PerfRun(std::unique_ptr<Ends> ends);

    int post(const PerfTask& task, std::uint64_t cookie);
    void drain_receives();
    int post_receives();

    std::unique_ptr<Ends> ends_;
};

}  // namespace ethlink::control
