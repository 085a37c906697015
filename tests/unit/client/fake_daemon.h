// SPDX-License-Identifier: BSD-3-Clause
// A daemon with the real socket and a fake endpoint, in a directory of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "control/runtime/client_server.h"
#include "tests/unit/client/fake_endpoint.h"
#include "tests/unit/runtime/temporary_directory.h"

namespace ethlink::client::test {

/// Small enough that tests reach the limits.
control::ClientQuota small_quota();

/// Serves on a thread of its own until it ends.
class FakeDaemon {
public:
    explicit FakeDaemon(const control::ClientQuota& quota = small_quota());
    explicit FakeDaemon(const std::string& path, const control::ClientQuota& quota = small_quota());
    ~FakeDaemon();
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;

    const char* path() const { return path_.c_str(); }
    const FakeEndpoint& endpoint() const { return endpoint_; }
    std::size_t connections() const { return connections_; }
    std::uint64_t window_bytes() const { return window_bytes_; }
    /// Waits until nothing of any program is left.
    bool becomes_empty() const;

private:
    void serve();

    control::test::TemporaryDirectory directory_;
    std::string path_;
    FakeEndpoint endpoint_;
    std::unique_ptr<control::ClientServer> server_;
    std::atomic<std::size_t> connections_{0};
    std::atomic<std::uint64_t> window_bytes_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

/// Descriptors that this process has open.
std::size_t open_descriptors();
/// Waits until there are so many: the daemon's thread closes its own a moment later.
bool descriptors_become(std::size_t wanted);

}  // namespace ethlink::client::test
