// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/child_lab.h"

#include <chrono>
#include <csignal>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <ethlink/ethlink.h>

#include "control/cli/common.h"
#include "control/runtime/traffic.h"

namespace ethlink::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kStartLimit = 20s;
constexpr std::int64_t kTryUs = 100'000;

/// Does not return.
[[noreturn]] void become_lab(const std::string& file, const std::string& instance, pid_t parent) {
    // Whatever happens to us, the lab does not stay behind.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execl("/proc/self/exe", "ethlink", "lab", file.c_str(), "--serve", "--poll", "--threads", "1",
          "--quiet", "--instance", instance.c_str(), nullptr);
    _exit(127);
}

bool is_open(const std::string& where) {
    ethlink_session* session = nullptr;
    const bool open = ethlink_open(where.c_str(), kTryUs, &session) == ETHLINK_OK;
    ethlink_close(session);
    return open;
}

}  // namespace

Expected<std::unique_ptr<ChildLab>, std::string> ChildLab::start(const std::string& file,
                                                                 const std::atomic<bool>& stop) {
    const auto fabric = load_or_complain(file);
    if (!fabric) return Unexpected<std::string>("no lab of " + file);
    std::vector<std::string> nodes;
    for (const control::NodeId node : control::endpoints_of(*fabric)) {
        nodes.push_back(fabric->node(node).name);
    }
    if (nodes.size() < 2) {
        return Unexpected<std::string>(file + " has less than two endpoints");
    }
    const std::string instance = instance_name(fabric->name);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) return Unexpected<std::string>("no process for the lab: fork failed");
    if (pid == 0) become_lab(file, instance, parent);
    std::unique_ptr<ChildLab> lab(new ChildLab(pid, instance, std::move(nodes)));
    const auto end = std::chrono::steady_clock::now() + kStartLimit;
    for (std::size_t i = 0; i < lab->nodes_.size();) {
        if (is_open(lab->endpoint(i))) {
            ++i;
            continue;
        }
        int status = 0;
        if (waitpid(pid, &status, WNOHANG) == pid) {
            lab->pid_ = -1;
            return Unexpected<std::string>("the lab did not start; try it alone: ethlink lab " +
                                           file + " --serve");
        }
        if (stop.load() || std::chrono::steady_clock::now() > end) {
            return Unexpected<std::string>("the lab did not open its endpoints in time");
        }
        std::this_thread::sleep_for(20ms);
    }
    return lab;
}

ChildLab::~ChildLab() {
    if (pid_ < 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
}

/// A lab with one poll thread takes the first CPU that this process may use.
void ChildLab::leave_its_cpu() {
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0 || CPU_COUNT(&cpus) < 2) return;
    std::size_t first = 0;
    while (!CPU_ISSET(first, &cpus)) ++first;
    CPU_CLR(first, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
}

std::string ChildLab::endpoint(std::size_t index) const {
    return instance_ + "/" + nodes_[index];
}

}  // namespace ethlink::cli
