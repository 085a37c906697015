// SPDX-License-Identifier: BSD-3-Clause
// Only the process that was recorded gets a signal, and it ends in any case.
#include "control/deploy/recorded_process.h"

#include <chrono>
#include <csignal>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

using namespace std::chrono_literals;

enum class Manners { kEnds, kIgnoresTerm };

/// A child that sleeps; gone with the test.
class Sleeper {
public:
    explicit Sleeper(Manners manners = Manners::kEnds) {
        // Before fork(), so that the signal cannot come too early.
        if (manners == Manners::kIgnoresTerm) std::signal(SIGTERM, SIG_IGN);
        pid_ = fork();
        if (pid_ == 0) {
            for (;;) pause();
        }
        std::signal(SIGTERM, SIG_DFL);
    }
    ~Sleeper() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

TEST(RecordedProcess, LivesUntilItIsEnded) {
    const Sleeper child;
    const auto process = record_process(child.pid());
    ASSERT_TRUE(process);
    EXPECT_TRUE(is_alive(*process));
    EXPECT_TRUE(end_processes({*process}, 5s).empty());
    EXPECT_FALSE(is_alive(*process)) << "a zombie has ended, too";
    EXPECT_FALSE(send_signal(*process, SIGTERM));
}

TEST(RecordedProcess, ASuccessorOfItsIdIsNotTouched) {
    const Sleeper child;
    auto process = record_process(child.pid());
    ASSERT_TRUE(process);
    ++process->start_ticks;
    EXPECT_FALSE(is_alive(*process));
    EXPECT_FALSE(send_signal(*process, SIGKILL));
    EXPECT_TRUE(end_processes({*process}, 1s).empty());
    EXPECT_EQ(waitpid(child.pid(), nullptr, WNOHANG), 0) << "it still runs";
}

TEST(RecordedProcess, OneThatDoesNotListenIsKilled) {
    const Sleeper child(Manners::kIgnoresTerm);
    const auto process = record_process(child.pid());
    ASSERT_TRUE(process);
    EXPECT_EQ(end_processes({*process}, 100ms).size(), 1u);
    EXPECT_FALSE(is_alive(*process));
}

TEST(RecordedProcess, HasNotEndedWhileAThreadIsLeft) {
    const pid_t pid = fork();
    if (pid == 0) {
        std::thread([] { std::this_thread::sleep_for(300ms), _exit(0); }).detach();
        syscall(SYS_exit, 0);  // this thread only
    }
    const auto process = record_process(pid);
    ASSERT_TRUE(process);
    std::this_thread::sleep_for(100ms);
    EXPECT_TRUE(is_alive(*process)) << "it still holds its files";
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (is_alive(*process) && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(10ms);
    }
    EXPECT_FALSE(is_alive(*process));
    waitpid(pid, nullptr, 0);
}

TEST(RecordedProcess, OneThatIsStoppedEndsToo) {
    const Sleeper child;
    const auto process = record_process(child.pid());
    ASSERT_TRUE(process);
    kill(child.pid(), SIGSTOP);
    end_processes({*process}, 100ms);
    EXPECT_FALSE(is_alive(*process));
}

TEST(RecordedProcess, NonsenseIsNobody) {
    EXPECT_FALSE(record_process(0));
    EXPECT_FALSE(record_process(-1));
    for (const pid_t pid : {0, -1}) {
        EXPECT_FALSE(is_alive({pid, 0}));
        EXPECT_FALSE(send_signal({pid, 0}, SIGTERM)) << "that would be a whole process group";
    }
}

}  // namespace
}  // namespace ethlink::control
