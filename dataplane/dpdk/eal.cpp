// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/eal.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sched.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "dataplane/dpdk/eal_log.h"
#include "dataplane/dpdk/hugepages.h"
#include "dataplane/dpdk/interrupt_thread.h"
#include "dataplane/dpdk/runtime_directory.h"

namespace ethlink::dpdk {
namespace {

using Strings = std::vector<std::string>;

bool allowed_in_file_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}

constexpr std::size_t kInstanceMax = 32;

Expected<void, std::string> check_instance(std::string_view instance) {
    if (!instance.empty() && instance.size() <= kInstanceMax &&
        std::all_of(instance.begin(), instance.end(), allowed_in_file_name)) {
        return {};
    }
    return Unexpected<std::string>("\"" + std::string(instance) +
                                   "\" cannot be an instance name: use 1 to 32 letters, digits, "
                                   "'-', '_' or '.'.");
}

std::string joined(const std::vector<unsigned>& numbers) {
    std::string text;
    for (const unsigned number : numbers) {
        if (!text.empty()) text += ',';
        text += std::to_string(number);
    }
    return text;
}

Expected<void, std::string> check_cpus(const EalOptions& options,
                                       const std::vector<unsigned>& usable) {
    std::vector<unsigned> named = options.control_cpus;
    named.insert(named.end(), options.worker_cpus.begin(), options.worker_cpus.end());
    for (const unsigned cpu : named) {
        if (std::find(usable.begin(), usable.end(), cpu) != usable.end()) continue;
        return Unexpected<std::string>(
            "CPU " + std::to_string(cpu) +
            " is not there or not allowed for this process; allowed: " + joined(usable) + ".");
    }
    if (options.worker_cpus.size() + 1 > RTE_MAX_LCORE) {
        return Unexpected<std::string>(std::to_string(options.worker_cpus.size()) +
                                       " workers are too many: at most " +
                                       std::to_string(RTE_MAX_LCORE - 1) + ".");
    }
    return {};
}

/// "0@(0,1),1@0,2@1": several lcores may stand on one CPU, and one may move among several.
std::string lcore_map(const EalOptions& options, const std::vector<unsigned>& usable) {
    const std::vector<unsigned>& control =
        options.control_cpus.empty() ? usable : options.control_cpus;
    std::string map = "0@(" + joined(control) + ")";
    unsigned lcore = 1;
    for (const unsigned cpu : options.worker_cpus) {
        const std::string place =
            options.pin_workers ? std::to_string(cpu) : "(" + joined(usable) + ")";
        map += "," + std::to_string(lcore++) + "@" + place;
    }
    return map;
}

void add_memory(Strings& arguments, const EalOptions& options, MemoryMode memory) {
    switch (memory) {
        case MemoryMode::kHugepages:
            arguments.emplace_back("--huge-unlink=always");  // A kill -9 leaves no memory behind.
            break;
        case MemoryMode::kInMemory: arguments.emplace_back("--in-memory"); break;
        case MemoryMode::kAuto:
        case MemoryMode::kNoHuge:
            arguments.emplace_back("--no-huge");
            arguments.emplace_back("--no-shconf");  // 22.11 refuses --in-memory beside --no-huge.
            break;
    }
    arguments.emplace_back("-m");
    arguments.push_back(std::to_string(options.memory_mb));
}

void add_devices(Strings& arguments, const EalOptions& options) {
    if (options.pci_devices.empty()) {
        arguments.emplace_back("--no-pci");
        arguments.emplace_back("--iova-mode=va");  // Needs no right to read physical addresses.
    }
    for (const std::string& device : options.pci_devices) {
        arguments.emplace_back("-a");
        arguments.push_back(device);
    }
}

bool has_duplicates(std::vector<unsigned> cpus) {
    std::sort(cpus.begin(), cpus.end());
    return std::adjacent_find(cpus.begin(), cpus.end()) != cpus.end();
}

/// Whether any CPU must carry two of: the workers, a control thread that has no CPU of its own.
bool shares_a_cpu(const EalOptions& options, const std::vector<unsigned>& usable) {
    std::vector<unsigned> cpus = options.worker_cpus;
    if (has_duplicates(cpus)) return true;
    const std::vector<unsigned>& control =
        options.control_cpus.empty() ? usable : options.control_cpus;
    return std::all_of(control.begin(), control.end(), [&cpus](unsigned cpu) {
        return std::find(cpus.begin(), cpus.end(), cpu) != cpus.end();
    });
}

/// After telemetry, which removes its socket at exit, too: handlers run last in, first out.
void remove_runtime_directory() {
    const char* directory = rte_eal_get_runtime_dir();
    if (directory != nullptr) leave_runtime_directory(directory);
}

/// EAL answers an option that it does not know with a page on stdout, which belongs to our report.
/// While this lives, stdout leads nowhere; or to stderr, if somebody asks for that page.
class NoStdout {
public:
    explicit NoStdout(const Strings& eal_extra) {
        std::fflush(stdout);
        const bool asked = std::ranges::any_of(
            eal_extra, [](const std::string& word) { return word == "-h" || word == "--help"; });
        const int nowhere = asked ? dup(STDERR_FILENO) : open("/dev/null", O_WRONLY | O_CLOEXEC);
        saved_ = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
        if (saved_ >= 0 && nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
        if (nowhere >= 0) close(nowhere);
    }
    ~NoStdout() {
        std::fflush(stdout);
        if (saved_ < 0) return;
        dup2(saved_, STDOUT_FILENO);
        close(saved_);
    }
    NoStdout(const NoStdout&) = delete;
    NoStdout& operator=(const NoStdout&) = delete;

private:
    int saved_ = -1;
};

std::string what_to_do(MemoryMode memory) {
    switch (memory) {
        case MemoryMode::kHugepages:
        case MemoryMode::kInMemory:
            return " Are there enough free hugepages (dpdk-hugepages.py -s; set them up with "
                   "dpdk-hugepages.py -p 2M --setup 1G)? Memory mode no-huge works without.";
        case MemoryMode::kAuto:
        case MemoryMode::kNoHuge:
            return " Is another process running under the same instance name, or is the memory "
                   "limit (ulimit -v, container) too low?";
    }
    return {};
}

std::string joined(const Strings& arguments) {
    std::string line;
    for (const std::string& argument : arguments) {
        if (!line.empty()) line += ' ';
        line += argument;
    }
    return line;
}

/// EAL keeps the pointers and moves them around; it gets copies that live for ever.
std::vector<char*>& permanent_argv(const Strings& arguments) {
    static auto* strings = new Strings(arguments);
    static auto* argv = new std::vector<char*>;
    for (std::string& argument : *strings) argv->push_back(argument.data());
    argv->push_back(nullptr);
    return *argv;
}

std::string file_prefix(const EalOptions& options) {
    return "ethlink-" + options.instance;
}

}  // namespace

std::vector<unsigned> usable_cpus() {
    std::vector<unsigned> cpus;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
    return cpus;
}

Expected<Strings, std::string> eal_arguments(const EalOptions& options, MemoryMode memory) {
    const std::vector<unsigned> usable = usable_cpus();
    const auto checked =
        check_instance(options.instance).and_then([&] { return check_cpus(options, usable); });
    if (!checked) return Unexpected<std::string>(checked.error());
    Strings arguments{"ethlink", "--file-prefix=" + file_prefix(options),
                      "--lcores=" + lcore_map(options, usable), "--main-lcore=0"};
    add_memory(arguments, options, memory);
    add_devices(arguments, options);
    if (!options.telemetry) arguments.emplace_back("--no-telemetry");
    // Without this the CRC of DPDK does not use AVX-512 where there is one.
    arguments.emplace_back("--force-max-simd-bitwidth=512");
    for (const char* part : {"lib.*", "bus.*", "pmd.*"}) {
        arguments.push_back("--log-level=" + std::string(part) + ":error");
    }
    arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
    return arguments;
}

Expected<std::unique_ptr<Eal>, std::string> Eal::start(const EalOptions& options) {
    static bool started = false;
    if (started) return Unexpected<std::string>("DPDK can be started only once in a process.");
    const MemoryChoice choice = choose_memory(options.memory, options.memory_mb);
    choose_runtime_directory();
    EalOptions possible = options;
    const bool fits = telemetry_socket_fits(file_prefix(options));
    possible.telemetry = options.telemetry && fits;
    const auto arguments = eal_arguments(possible, choice.mode);
    if (!arguments) return Unexpected<std::string>(arguments.error());

    std::unique_ptr<Eal> eal(new Eal);
    eal->command_line_ = joined(*arguments);
    eal->memory_ = choice.mode;
    if (!choice.notice.empty()) eal->notices_.push_back(choice.notice);
    if (!fits && options.telemetry) {
        eal->notices_.push_back(
            "DPDK's telemetry is off: the path of its socket would be too long; a shorter instance "
            "name or runtime directory helps");
    }
    eal->shares_cpus_ = shares_a_cpu(options, usable_cpus());
    for (unsigned i = 0; i < options.worker_cpus.size(); ++i) eal->workers_.push_back(i + 1);

    started = true;
    std::atexit(remove_runtime_directory);
    catch_eal_log();
    const LogExcerpt log;
    std::vector<char*>& argv = permanent_argv(*arguments);
    const int begun = [&] {
        const NoStdout quiet(options.extra);
        return rte_eal_init(static_cast<int>(argv.size()) - 1, argv.data());
    }();
    if (begun < 0) {
        const std::string text = "DPDK does not start (" + eal->command_line_ +
                                 "): " + rte_strerror(rte_errno) + log.as_suffix() + "." +
                                 what_to_do(choice.mode);
        return Unexpected<std::string>(text);
    }
    eal->initialised_ = true;
    claim_runtime_directory(rte_eal_get_runtime_dir());
    return eal;
}

Eal::~Eal() {
    if (!initialised_) return;
    end_interrupt_thread();
    rte_eal_cleanup();
}

}  // namespace ethlink::dpdk
