// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/client/fake_endpoint.h"

#include <chrono>
#include <cstring>
#include <random>

#include "tests/unit/client/shared_memory.h"

namespace ethlink::client::test {

FakeEndpoint::FakeEndpoint() {
    thread_ = std::thread([this] { run(); });
}

FakeEndpoint::~FakeEndpoint() {
    stop_ = true;
    thread_.join();
}

void FakeEndpoint::run() {
    while (!stop_) {
        std::deque<std::function<void()>> commands;
        {
            const std::lock_guard lock(mutex_);
            commands.swap(commands_);
        }
        for (const auto& work : commands) work();
        bool busy = !commands.empty();
        std::uint64_t wakes = 0;
        for (const auto& [id, session] : sessions_) {
            busy |= poll(*session);
            wakes += session->port.counters().wakes.read();
            if (const char* why = session->port.broken()) {
                const std::lock_guard lock(mutex_);
                broken_[id] = why;
            }
        }
        if (wakes > wakes_) wakes_ = wakes;
        if (!busy) std::this_thread::yield();
    }
}

void FakeEndpoint::command(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(work));
}

void FakeEndpoint::finish(std::function<void()> done) {
    const std::lock_guard lock(mutex_);
    finished_.push_back(std::move(done));
}

void FakeEndpoint::turn() {
    std::deque<std::function<void()>> finished;
    {
        const std::lock_guard lock(mutex_);
        finished.swap(finished_);
    }
    for (const auto& done : finished) done();
}

const char* FakeEndpoint::broken(control::SessionId id) {
    const std::lock_guard lock(mutex_);
    const auto found = broken_.find(id);
    return found == broken_.end() ? nullptr : found->second;
}

// Commands.

void FakeEndpoint::attach_session(control::SessionId id, std::span<std::byte> memory,
                                  std::uint32_t depth, Done done) {
    command([=, this] {
        sessions_.emplace(id, std::make_unique<Session>(memory, depth));
        finish([done] { done({}); });
    });
}

void FakeEndpoint::detach_session(control::SessionId id, Done done) {
    command([=, this] {
        for (const auto& [window, key] : sessions_.at(id)->keys) remote_.erase(key);
        sessions_.erase(id);
        finish([done] { done({}); });
    });
}

void FakeEndpoint::add_window(control::SessionId id, std::uint16_t window,
                              std::span<std::byte> bytes, std::uint8_t rights, Registered done) {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    const std::uint64_t key = random();
    command([=, this] {
        sessions_.at(id)->port.add_window(window, bytes);
        sessions_.at(id)->keys[window] = key;
        remote_[key] = {bytes, rights};
        finish([=] { done({}, key); });
    });
}

void FakeEndpoint::remove_window(control::SessionId id, std::uint16_t window, Done done) {
    command([=, this] {
        Session& session = *sessions_.at(id);
        session.port.remove_window(window);
        remote_.erase(session.keys.at(window));
        session.keys.erase(window);
        cancel(session, [](const Submission&) { return true; });
        finish([done] { done({}); });
    });
}

void FakeEndpoint::open_channel(control::SessionId id, std::uint16_t peer, GpuId gpu,
                                PeerClass peer_class, Duration, Done done) {
    if (gpu.value == kUnreachableGpu) {
        done(control::Verdict::of(Status::kUnreachable, "there is no way to GPU 0x0203"));
        return;
    }
    command([=, this] {
        Session& session = *sessions_.at(id);
        session.port.open_peer(peer, opcodes_of(peer_class));
        session.channels[peer] = {gpu.value, {}};
        finish([done] { done({}); });
    });
}

void FakeEndpoint::close_channel(control::SessionId id, std::uint16_t peer, Done done) {
    command([=, this] {
        Session& session = *sessions_.at(id);
        session.port.close_peer(peer);
        cancel(session, [peer](const Submission& other) { return other.peer == peer; });
        session.channels.erase(peer);
        session.port.flush();
        finish([done] { done({}); });
    });
}

void FakeEndpoint::cancel(Session& session, const std::function<bool(const Submission&)>& which) {
    const auto end = [&](const Submission& submission) {
        if (!which(submission)) return false;
        session.port.complete({.slot = submission.slot, .status = Status::kCancelled});
        return true;
    };
    for (auto& [peer, channel] : session.channels) std::erase_if(channel.receives, end);
    std::erase_if(session.silent, end);
    std::erase_if(session.slow, [&](const Slow& slow) { return end(slow.submission); });
    session.port.flush();
}

// Requests.

bool FakeEndpoint::poll(Session& session) {
    bool busy = false;
    while (!session.slow.empty() && session.slow.front().due <= Clock::now()) {
        carry_out(session, session.slow.front().submission);
        session.slow.pop_front();
    }
    while (const auto front = session.port.front()) {
        const Submission submission = *front;
        session.port.pop(*front);
        busy = true;
        const std::uint16_t gpu = session.channels.at(submission.peer).gpu;
        if (gpu == kSilentGpu) {
            session.silent.push_back(submission);
        } else if (gpu == kSlowGpu) {
            session.slow.push_back({Clock::now() + kSlow, submission});
        } else {
            carry_out(session, submission);
        }
    }
    session.port.flush();
    return busy;
}

std::byte* FakeEndpoint::find(const Submission& submission, std::uint8_t right) {
    const auto found = remote_.find(submission.key);
    if (found == remote_.end() || (found->second.rights & right) == 0) return nullptr;
    const std::span<std::byte> bytes = found->second.bytes;
    const bool inside = submission.address <= bytes.size() &&
                        submission.length <= bytes.size() - submission.address;
    return inside ? bytes.data() + submission.address : nullptr;
}

void FakeEndpoint::carry_out(Session& session, const Submission& submission) {
    switch (submission.opcode) {
        case Opcode::kLoad: return session.port.complete(load(submission));
        case Opcode::kStore: return session.port.complete(store(submission));
        case Opcode::kFetchAdd:
        case Opcode::kSwap:
        case Opcode::kCompareSwap:
        case Opcode::kFetchAnd:
        case Opcode::kFetchOr:
        case Opcode::kFetchXor: return session.port.complete(atomic(submission));
        case Opcode::kWrite:
        case Opcode::kRead: return bulk(session, submission);
        case Opcode::kWriteImm:
        case Opcode::kSend: return deliver(session, submission);
        case Opcode::kRecv:
            session.channels.at(submission.peer).receives.push_back(submission);
            return;
        case Opcode::kFence: return session.port.complete({.slot = submission.slot});
    }
}

Completion FakeEndpoint::load(const Submission& submission) {
    const std::byte* from = find(submission, WindowRight::kRead);
    Completion completion{.slot = submission.slot};
    if (from == nullptr) {
        completion.status = Status::kRemoteAccess;
    } else if (submission.length <= kValueBytes) {
        std::memcpy(&completion.value, from, submission.length);
    } else {
        std::memcpy(submission.local.data(), from, submission.length);
    }
    return completion;
}

Completion FakeEndpoint::store(const Submission& submission) {
    std::byte* to = find(submission, WindowRight::kWrite);
    if (to == nullptr) return {.slot = submission.slot, .status = Status::kRemoteAccess};
    std::memcpy(to, store_data(submission).data(), submission.length);
    return {.slot = submission.slot};
}

std::uint64_t changed(const Submission& submission, std::uint64_t before) {
    const std::uint64_t operand = submission.operand;
    if (submission.opcode == Opcode::kFetchAdd) return before + operand;
    if (submission.opcode == Opcode::kFetchAnd) return before & operand;
    if (submission.opcode == Opcode::kFetchOr) return before | operand;
    if (submission.opcode == Opcode::kFetchXor) return before ^ operand;
    if (submission.opcode == Opcode::kSwap) return operand;
    return before == submission.compare ? operand : before;
}

Completion FakeEndpoint::atomic(const Submission& submission) {
    std::byte* at = find(submission, WindowRight::kAtomic);
    if (at == nullptr) return {.slot = submission.slot, .status = Status::kRemoteAccess};
    std::uint64_t before = 0;
    std::memcpy(&before, at, submission.length);
    const std::uint64_t after = changed(submission, before);
    std::memcpy(at, &after, submission.length);
    return {.slot = submission.slot, .value = before};
}

void FakeEndpoint::bulk(Session& session, const Submission& submission) {
    const bool read = submission.opcode == Opcode::kRead;
    std::byte* remote = find(submission, read ? WindowRight::kRead : WindowRight::kWrite);
    if (remote == nullptr) {
        session.port.complete({.slot = submission.slot, .status = Status::kRemoteAccess});
        return;
    }
    if (read) std::memcpy(submission.local.data(), remote, submission.length);
    if (!read) std::memcpy(remote, submission.local.data(), submission.length);
    session.port.complete({.slot = submission.slot});
}

void FakeEndpoint::deliver(Session& session, const Submission& submission) {
    const bool send = submission.opcode == Opcode::kSend;
    std::deque<Submission>& receives = session.channels.at(submission.peer).receives;
    Status status = receives.empty() ? Status::kNoReceive : Status::kOk;
    if (status == Status::kOk && send && submission.length > receives.front().length) {
        status = Status::kTooLong;
    }
    if (status == Status::kOk && !send && submission.length > 0) {
        std::byte* remote = find(submission, WindowRight::kWrite);
        if (remote == nullptr) status = Status::kRemoteAccess;
        if (remote != nullptr) std::memcpy(remote, submission.local.data(), submission.length);
    }
    session.port.complete({.slot = submission.slot, .status = status});
    if (status != Status::kOk) return;
    const Submission receive = receives.front();
    receives.pop_front();
    if (send && submission.length > 0) {
        std::memcpy(receive.local.data(), submission.local.data(), submission.length);
    }
    session.port.complete({.slot = receive.slot,
                           .length = submission.length,
                           .value = send ? 0 : submission.immediate,
                           .immediate = !send});
}

}  // namespace ethlink::client::test
