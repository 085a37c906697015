// SPDX-License-Identifier: BSD-3-Clause
// DPDK's own log messages, caught: for error sentences and for the program's log.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace ethlink::dpdk {

enum class LogLevel { kError, kWarning, kInfo };

/// Gets each message of DPDK, one line without its end, on the thread that logged it.
/// Poll cores do not log in normal operation; the sink must be thread-safe all the same.
using LogSink = std::function<void(LogLevel level, std::string_view line)>;

/// From now on DPDK logs through us; Eal::start() does this first. The sink begins as stderr.
void catch_eal_log();

/// Where messages go; an empty sink stands for stderr.
void set_eal_log_sink(LogSink sink);

/// Keeps what DPDK logs on this thread while it lives, instead of handing it to the sink.
class LogExcerpt {
public:
    LogExcerpt();
    ~LogExcerpt();
    LogExcerpt(const LogExcerpt&) = delete;
    LogExcerpt& operator=(const LogExcerpt&) = delete;

    /// " (DPDK says: ...)" or nothing.
    std::string as_suffix() const;

    void add(std::string_view line);

private:
    std::string text_;
    LogExcerpt* outer_;
};

}  // namespace ethlink::dpdk
