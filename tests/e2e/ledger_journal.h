// SPDX-License-Identifier: BSD-3-Clause
// What a worker of the ledger has done so far, in a file that outlives it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

/// One page, shared with whoever watches (tests/soak/load.py has the same order of words). A killed
/// worker's atomics were carried out at least as often as it has seen, at most as often as it has
/// asked: so `added_asked` is written before the request, `added_seen` after its completion.
struct Journal {
    using Word = std::atomic<std::uint64_t>;
    Word posted, done, good, wrong;
    Word added_asked, added_seen;
    /// Written by the watcher: when something was broken, ns of the monotonic clock. The worker
    /// answers once with the mark and the time of the first success that was asked for after it.
    Word mark_ns;
    Word answered_mark_ns, answered_ns;

    static std::uint64_t now_ns() {
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        return static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    }

    /// Of a request that was posted then and has succeeded now.
    void on_success(std::uint64_t posted_ns) {
        const std::uint64_t mark = mark_ns.load();
        if (mark == 0 || mark == answered_mark_ns.load() || posted_ns <= mark) return;
        answered_ns.store(now_ns());
        answered_mark_ns.store(mark);
    }
};

/// The mapping of a file, which is there already if it is to have a mark; without a name, memory of
/// the process alone.
class JournalFile {
public:
    explicit JournalFile(const std::string& path) {
        const bool named = !path.empty();
        const int file = named ? open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
        if (named && (file < 0 || ftruncate(file, kBytes) != 0)) fail(path);
        memory_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                       named ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, file, 0);
        if (memory_ == MAP_FAILED) fail(path);
        if (named) close(file);
    }
    ~JournalFile() { munmap(memory_, kBytes); }
    JournalFile(const JournalFile&) = delete;
    JournalFile& operator=(const JournalFile&) = delete;

    // Words of zeros, or the watcher's, are a journal as they are.
    Journal& operator*() const { return *static_cast<Journal*>(memory_); }
    Journal* operator->() const { return static_cast<Journal*>(memory_); }

private:
    static constexpr std::size_t kBytes = 4096;

    [[noreturn]] static void fail(const std::string& path) {
        std::perror(path.c_str());
        std::exit(1);
    }

    void* memory_;
};
