// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/client/fake_daemon.h"

#include <chrono>
#include <filesystem>
#include <iterator>

#include <gtest/gtest.h>

namespace ethlink::client::test {

using namespace std::chrono_literals;

control::ClientQuota small_quota() {
    control::ClientQuota quota;
    quota.connections = 16;
    quota.session_window_bytes = 32u << 20;
    quota.all_window_bytes = 48u << 20;
    quota.depth = kDepthMin;
    quota.hello_within = 300ms;
    return quota;
}

FakeDaemon::FakeDaemon(const control::ClientQuota& quota) : FakeDaemon(std::string(), quota) {}

FakeDaemon::FakeDaemon(const std::string& path, const control::ClientQuota& quota)
    : path_(path.empty() ? directory_.path() + "/gpu1.client.sock" : path) {
    auto server = control::ClientServer::open(path_, {}, quota, endpoint_);
    EXPECT_TRUE(server) << server.error();
    server_ = std::move(*server);
    thread_ = std::thread([this] { serve(); });
}

/// As a daemon that is stopped in order.
FakeDaemon::~FakeDaemon() {
    stop_ = true;
    thread_.join();
    server_->close_all();
    while (!server_->empty()) server_->serve(1ms);
}

void FakeDaemon::serve() {
    while (!stop_) {
        server_->serve(5ms);
        connections_ = server_->connections();
        window_bytes_ = server_->window_bytes();
    }
}

bool FakeDaemon::becomes_empty() const {
    for (int i = 0; i < 2000; ++i) {
        if (connections_ == 0 && window_bytes_ == 0) return true;
        std::this_thread::sleep_for(2ms);
    }
    return false;
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator descriptors("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(descriptors), end(descriptors)));
}

bool descriptors_become(std::size_t wanted) {
    for (int i = 0; i < 2000; ++i) {
        if (open_descriptors() == wanted) return true;
        std::this_thread::sleep_for(1ms);
    }
    ADD_FAILURE() << open_descriptors() << " descriptors, not " << wanted;
    return false;
}

}  // namespace ethlink::client::test
