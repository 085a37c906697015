// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/bring_up.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <utility>

#include "control/deploy/namespaces.h"
#include "control/deploy/spawn.h"
#include "control/failure.h"
#include "control/runtime/control_socket_client.h"

namespace ethlink::control {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Done = Expected<void, std::string>;

constexpr auto kLook = 50ms;
constexpr std::size_t kLogLines = 8;

/// As waitpid() says it.
std::string how_it_ended(int status) {
    if (WIFEXITED(status)) return "ended with exit code " + std::to_string(WEXITSTATUS(status));
    return std::string("was killed by signal ") + strsignal(WTERMSIG(status));
}

}  // namespace

Done BringUp::make_namespaces() {
    Done done;
    for (NodeRecord& node : record_.nodes) {
        if (done && !node.network_namespace.empty()) done = add_namespace(node.network_namespace);
        // Not made by us, so not ours to remove.
        if (!done) node.network_namespace.clear();
    }
    if (!done) static_cast<void>(directory_.write(record_));
    return done;
}

Done BringUp::start_node(NodeRecord& node, const std::string& program) {
    DaemonStart start{.program = program,
                      .argv = node.argv,
                      // DPDK's own files: they go when the directory goes.
                      .environment = {{"RUNTIME_DIRECTORY", directory_.path()}},
                      .log = directory_.log_of(node.node),
                      .network_namespace = {}};
    if (!node.network_namespace.empty()) {
        start.network_namespace = namespace_path(node.network_namespace);
    }
    const auto pid = start_daemon(start, [&](pid_t child) {
        node.process = record_process(child);
        return node.process && directory_.write(record_);
    });
    if (!pid) return failure(node.node + ": " + pid.error());
    running_[*pid] = &node;
    return {};
}

Done BringUp::start(const std::string& program, const std::vector<VethPair>& veths) {
    Done done = directory_.write(record_).and_then([&] { return make_namespaces(); });
    if (done && !veths.empty()) {
        std::vector<std::string> namespaces;
        for (const NodeRecord& node : record_.nodes) namespaces.push_back(node.network_namespace);
        done = add_veths(veths, namespaces);
    }
    for (NodeRecord& node : record_.nodes) {
        if (done) done = start_node(node, program);
    }
    return done;
}

bool BringUp::has_links_up(const NodeRecord& node) const {
    auto client = ControlClient::connect(socket_path(directory_.socket_directory(), node.instance));
    if (!client) return false;
    const auto about = client->ask({{"command", "instance"}}, 1s);
    // A process of this name that was there before is not ours.
    return about && about->value("pid", 0) == node.process->pid && about->value("links_up", false);
}

Done BringUp::wait_for_links(Duration limit, const std::atomic<bool>& stop) {
    const auto end = Clock::now() + limit;
    std::deque<const NodeRecord*> waiting;
    for (const NodeRecord& node : record_.nodes) waiting.push_back(&node);
    while (true) {
        std::erase_if(waiting, [&](const NodeRecord* node) { return has_links_up(*node); });
        if (const auto dead = ended(); !dead.empty()) return failure(dead.front());
        if (waiting.empty()) return {};
        if (stop.load()) return failure("interrupted before the links were up");
        if (Clock::now() > end) {
            std::string names;
            for (const NodeRecord* node : waiting)
                names += (names.empty() ? "" : ", ") + node->node;
            return failure(
                "after " + std::to_string(std::chrono::ceil<std::chrono::seconds>(limit).count()) +
                " s the links of " + names + " are not all up; give it longer with --wait" +
                log_end(*waiting.front()));
        }
        std::this_thread::sleep_for(kLook);
    }
}

std::vector<std::string> BringUp::ended() {
    std::vector<std::string> sentences;
    for (auto it = running_.begin(); it != running_.end();) {
        int status = 0;
        if (waitpid(it->first, &status, WNOHANG) != it->first) {
            ++it;
            continue;
        }
        sentences.push_back(it->second->node + " " + how_it_ended(status) + log_end(*it->second));
        it = running_.erase(it);
    }
    return sentences;
}

std::string BringUp::log_end(const NodeRecord& node) const {
    std::ifstream log(directory_.log_of(node.node));
    std::deque<std::string> lines;
    for (std::string line; std::getline(log, line);) {
        lines.push_back(line);
        if (lines.size() > kLogLines) lines.pop_front();
    }
    if (lines.empty()) return "; it said nothing";
    std::string text = "; the end of its log:";
    for (const std::string& line : lines) text += "\n    " + line;
    return text;
}

}  // namespace ethlink::control
