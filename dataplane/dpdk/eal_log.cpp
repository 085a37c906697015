// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/eal_log.h"

#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include <rte_log.h>

namespace ethlink::dpdk {
namespace {

constexpr std::size_t kExcerptMax = 1024;

thread_local LogExcerpt* current_excerpt = nullptr;

struct SharedSink {
    std::mutex mutex;
    LogSink sink;
};

/// Never destroyed: DPDK's threads may log while the program exits.
SharedSink& shared_sink() {
    static SharedSink* sink = new SharedSink;
    return *sink;
}

LogLevel level_of_current_message() {
    const int level = rte_log_cur_msg_loglevel();
    if (level <= static_cast<int>(RTE_LOG_ERR)) return LogLevel::kError;
    return level <= static_cast<int>(RTE_LOG_WARNING) ? LogLevel::kWarning : LogLevel::kInfo;
}

void hand_on(std::string_view line) {
    if (line.empty()) return;
    if (current_excerpt != nullptr) {
        current_excerpt->add(line);
        return;
    }
    SharedSink& shared = shared_sink();
    const std::lock_guard lock(shared.mutex);
    if (shared.sink) {
        shared.sink(level_of_current_message(), line);
    } else {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
    }
}

ssize_t write_lines(void*, const char* bytes, std::size_t size) {
    std::string_view rest(bytes, size);
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        hand_on(rest.substr(0, end));
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return static_cast<ssize_t>(size);
}

}  // namespace

void catch_eal_log() {
    static FILE* stream = [] {
        cookie_io_functions_t functions{};
        functions.write = write_lines;
        return fopencookie(nullptr, "w", functions);
    }();
    if (stream != nullptr) rte_openlog_stream(stream);
}

void set_eal_log_sink(LogSink sink) {
    SharedSink& shared = shared_sink();
    const std::lock_guard lock(shared.mutex);
    shared.sink = std::move(sink);
}

LogExcerpt::LogExcerpt() : outer_(std::exchange(current_excerpt, this)) {}

LogExcerpt::~LogExcerpt() {
    current_excerpt = outer_;
}

std::string LogExcerpt::as_suffix() const {
    return text_.empty() ? std::string() : " (DPDK says: " + text_ + ")";
}

void LogExcerpt::add(std::string_view line) {
    if (text_.size() >= kExcerptMax) return;
    if (!text_.empty()) text_ += "; ";
    text_ += line;
}

}  // namespace ethlink::dpdk
