// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/hugepages.h"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace ethlink::dpdk {
namespace {

constexpr std::string_view kDirectoryPrefix = "hugepages-";  // hugepages-2048kB

std::uint64_t page_kb(const std::string& directory_name) {
    std::uint64_t kb = 0;
    if (directory_name.starts_with(kDirectoryPrefix)) {
        std::from_chars(directory_name.data() + kDirectoryPrefix.size(),
                        directory_name.data() + directory_name.size(), kb);
    }
    return kb;
}

bool has_writable_hugetlbfs() {
    std::ifstream mounts("/proc/self/mounts");
    std::string device, path, type, rest;
    while (mounts >> device >> path >> type && std::getline(mounts, rest)) {
        if (type == "hugetlbfs" && access(path.c_str(), W_OK) == 0) return true;
    }
    return false;
}

}  // namespace

std::uint64_t free_hugepage_mb() {
    std::uint64_t kb = 0;
    std::error_code error;
    const std::filesystem::directory_iterator sizes("/sys/kernel/mm/hugepages", error);
    if (error) return 0;
    for (const auto& size : sizes) {
        std::uint64_t pages = 0;
        std::ifstream(size.path() / "free_hugepages") >> pages;
        kb += pages * page_kb(size.path().filename());
    }
    return kb / 1024;
}

MemoryChoice choose_memory(MemoryMode wanted, std::uint32_t memory_mb) {
    if (wanted != MemoryMode::kAuto) return {wanted, {}};
    const std::uint64_t free_mb = free_hugepage_mb();
    if (free_mb >= memory_mb) {
        return {has_writable_hugetlbfs() ? MemoryMode::kHugepages : MemoryMode::kInMemory, {}};
    }
    return {MemoryMode::kNoHuge,
            "memory: ordinary pages, because " + std::to_string(memory_mb) +
                " MiB are needed and " + std::to_string(free_mb) +
                " MiB of hugepages are free; dpdk-hugepages.py -p 2M --setup " +
                std::to_string(memory_mb) + "M makes it faster"};
}

}  // namespace ethlink::dpdk
