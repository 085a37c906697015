// SPDX-License-Identifier: BSD-3-Clause
#include "tests/dpdk/environment.h"

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <thread>
#include <unistd.h>
#include <utility>

#include "dataplane/dpdk/interrupt_thread.h"
#include "tests/dpdk/debug_mempool.h"

namespace ethlink::dpdk::test {
namespace {

Eal* the_eal = nullptr;

template <class T>
T or_die(Expected<T, std::string> expected) {
    if (expected) return std::move(*expected);
    std::cerr << expected.error() << '\n';
    std::abort();
}

}  // namespace

Eal& eal() {
    return *the_eal;
}
void set_eal(Eal& started) {
    the_eal = &started;
}

std::unique_ptr<MbufPool> make_pool(std::uint32_t frames, std::uint32_t data_room) {
    static int count = 0;
    return or_die(MbufPool::create({.name = "test" + std::to_string(count++),
                                    .frames = frames,
                                    .data_room_bytes = data_room,
                                    .cache_frames = has_address_sanitizer() ? 0u : 32u}));
}

std::unique_ptr<EthPort> open_port(const std::string& device, MbufPool& pool,
                                   std::uint32_t max_frame_bytes) {
    return or_die(EthPort::open({.device = device, .max_frame_bytes = max_frame_bytes}, pool));
}

Mbuf numbered_frame(MbufPool& pool, std::uint8_t i, std::uint32_t bytes) {
    Mbuf frame = pool.allocate(bytes);
    if (frame) std::memset(frame.bytes().data(), i, bytes);
    return frame;
}

std::string new_socket() {
    static int count = 0;
    return "ethlink-test-" + std::to_string(getpid()) + "-" + std::to_string(count++);
}

bool eventually(const std::function<bool()>& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > give_up) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

BusyInterruptThread::BusyInterruptThread() {
    std::atomic<bool> began{false};
    thread_ = std::thread([this, &began] {
        const auto ran = run_on_interrupt_thread([this, &began] {
            began.store(true);
            while (!free_.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
        if (!ran) std::abort();
    });
    while (!began.load()) std::this_thread::yield();
}

BusyInterruptThread::~BusyInterruptThread() {
    free_.store(true);
    thread_.join();
}

bool shell(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

}  // namespace ethlink::dpdk::test
