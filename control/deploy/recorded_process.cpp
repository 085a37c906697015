// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/recorded_process.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "control/runtime/control_socket_path.h"

namespace ethlink::control {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLook = 20ms;
constexpr Duration kKillLimit = 5s;  // a process in the middle of a driver call ends behind it

struct Status {
    char state = '?';
    std::uint64_t threads = 0;
    std::uint64_t start_ticks = 0;

    /// A killed process is a zombie while threads of it still hold its sockets.
    bool has_ended() const { return state == 'X' || (state == 'Z' && threads <= 1); }
};

/// proc(5): the name, in parentheses, may hold anything; state is the 3rd field, the number of
/// threads the 20th, start the 22nd.
std::optional<Status> status_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    if (!std::getline(file, text)) return std::nullopt;
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos) return std::nullopt;
    std::istringstream fields(text.substr(end + 1));
    Status status;
    std::string skipped;
    fields >> status.state;
    for (int field = 4; field < 20; ++field) fields >> skipped;
    fields >> status.threads >> skipped >> status.start_ticks;
    if (!fields) return std::nullopt;
    return status;
}

bool any_alive(const std::vector<RecordedProcess>& processes) {
    return std::ranges::any_of(processes, is_alive);
}

void wait_for_end(const std::vector<RecordedProcess>& processes, Duration limit) {
    const auto end = Clock::now() + limit;
    while (any_alive(processes) && Clock::now() < end) std::this_thread::sleep_for(kLook);
}

}  // namespace

std::optional<RecordedProcess> record_process(pid_t pid) {
    const auto status = status_of(pid);
    if (!status) return std::nullopt;
    return RecordedProcess{pid, status->start_ticks};
}

bool is_alive(const RecordedProcess& process) {
    if (process.pid <= 0) return false;
    const auto status = status_of(process.pid);
    return status && status->start_ticks == process.start_ticks && !status->has_ended();
}

bool send_signal(const RecordedProcess& process, int signal) {
    if (process.pid <= 0) return false;
    // The descriptor stands for one process: what is checked is what gets the signal.
    const FileDescriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
    const bool refused = !handle && errno != ESRCH;
    if (!is_alive(process)) return false;
    if (handle) return syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0) == 0;
    // A sandbox without these calls: the id was checked a moment ago.
    return refused && kill(process.pid, signal) == 0;
}

std::vector<RecordedProcess> end_processes(const std::vector<RecordedProcess>& processes,
                                           Duration limit) {
    for (const RecordedProcess& process : processes) send_signal(process, SIGTERM);
    wait_for_end(processes, limit);
    std::vector<RecordedProcess> killed;
    for (const RecordedProcess& process : processes) {
        if (send_signal(process, SIGKILL)) killed.push_back(process);
    }
    wait_for_end(killed, kKillLimit);
    return killed;
}

}  // namespace ethlink::control
