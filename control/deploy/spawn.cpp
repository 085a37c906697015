// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/spawn.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "control/failure.h"
#include "control/runtime/control_socket_path.h"

extern char** environ;

namespace ethlink::control {
namespace {

std::string reason() {
    return std::strerror(errno);
}

/// What exec() takes; the words outlive it.
std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& text : words) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

/// A file in memory: neither side of it ever waits for the other, as with a pipe.
FileDescriptor memory_file(const char* name, std::string_view text) {
    FileDescriptor file(memfd_create(name, MFD_CLOEXEC));
    if (!file) return file;
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = write(file.get(), text.data() + at, text.size() - at);
        if (n <= 0) return FileDescriptor();
        at += static_cast<std::size_t>(n);
    }
    lseek(file.get(), 0, SEEK_SET);
    return file;
}

std::string content(const FileDescriptor& file) {
    std::string text;
    std::array<char, 4096> bytes;
    lseek(file.get(), 0, SEEK_SET);
    for (ssize_t n = 0; (n = read(file.get(), bytes.data(), bytes.size())) > 0;) {
        text.append(bytes.data(), static_cast<std::size_t>(n));
    }
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
    std::vector<std::string> list;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        if (more.count(text.substr(0, text.find('='))) == 0) list.push_back(text);
    }
    for (const auto& [key, value] : more) list.push_back(key + "=" + value);
    return list;
}

/// What the child needs, made before fork(): behind it only system calls are safe.
struct Prepared {
    const char* program;
    char* const* argv;
    char* const* environment;
    int log, null, go, network_namespace;
};

[[noreturn]] void give_up(const char* why) {
    // Into the log, which is stderr by now.
    [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, why, std::strlen(why));
    _exit(127);
}

[[noreturn]] void become_daemon(const Prepared& prepared) {
    setsid();
    dup2(prepared.null, STDIN_FILENO);
    dup2(prepared.log, STDOUT_FILENO);
    dup2(prepared.log, STDERR_FILENO);
    char byte = 0;
    if (read(prepared.go, &byte, 1) != 1) _exit(0);
    if (prepared.network_namespace >= 0 && setns(prepared.network_namespace, CLONE_NEWNET) != 0) {
        give_up("ethlink: cannot enter the network namespace\n");
    }
    // Whatever the caller has open, a lock perhaps, is not ours to hold for days.
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    execve(prepared.program, prepared.argv, prepared.environment);
    give_up("ethlink: the program cannot be started\n");
}

}  // namespace

Expected<void, std::string> run_tool(const std::vector<std::string>& argv, std::string_view input) {
    const FileDescriptor in = memory_file("input", input), out = memory_file("output", {});
    if (!in || !out) return failure(argv.front() + ": no memory file: " + reason());
    std::vector<std::string> words = argv;
    const std::vector<char*> list = pointers(words);
    const pid_t pid = fork();
    if (pid < 0) return failure(argv.front() + ": fork failed: " + reason());
    if (pid == 0) {
        dup2(in.get(), STDIN_FILENO);
        dup2(out.get(), STDOUT_FILENO);
        dup2(out.get(), STDERR_FILENO);
        execvp(list.front(), list.data());
        _exit(127);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    const std::string said = content(out);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && said.empty()) {
        return failure("there is no program `" + argv.front() + "` here");
    }
    return failure(argv.front() + ": " + (said.empty() ? "failed without a word" : said));
}

Expected<pid_t, std::string> start_daemon(const DaemonStart& start,
                                          const std::function<bool(pid_t)>& record) {
    const FileDescriptor log(
        open(start.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!log) return failure("cannot write " + start.log + ": " + reason());
    const FileDescriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    FileDescriptor network_namespace;
    if (!start.network_namespace.empty()) {
        network_namespace =
            FileDescriptor(open(start.network_namespace.c_str(), O_RDONLY | O_CLOEXEC));
        if (!network_namespace) {
            return failure("cannot open " + start.network_namespace + ": " + reason());
        }
    }
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return failure("no pipe: " + reason());
    FileDescriptor go(ends[0]), say(ends[1]);
    std::vector<std::string> argv = start.argv;
    std::vector<std::string> environment = environment_with(start.environment);
    const std::vector<char*> argv_list = pointers(argv);
    const std::vector<char*> environment_list = pointers(environment);
    const Prepared prepared{start.program.c_str(),
                            argv_list.data(),
                            environment_list.data(),
                            log.get(),
                            null.get(),
                            go.get(),
                            network_namespace.get()};
    const pid_t pid = fork();
    if (pid < 0) return failure("fork failed: " + reason());
    if (pid == 0) {
        close(ends[1]);  // Else our own end would keep us waiting after the parent's death.
        become_daemon(prepared);
    }
    const char byte = 1;
    if (record(pid) && write(say.get(), &byte, 1) == 1) return pid;
    say = FileDescriptor();
    waitpid(pid, nullptr, 0);
    return failure("the process could not be recorded, so it was not started");
}

}  // namespace ethlink::control
