// SPDX-License-Identifier: BSD-3-Clause
// A page between two that nobody may read: a byte too many at either end is a crash, whatever
// instruction reads it (a sanitizer does not see them all, and most builds have none).
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <sys/mman.h>
#include <unistd.h>

namespace ethlink::wire::test {

class LonelyPage {
public:
    LonelyPage() : pages_(mmap(nullptr, 3 * size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        if (pages_ == MAP_FAILED) throw std::bad_alloc();
        if (mprotect(bytes().data(), size_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    }
    LonelyPage(const LonelyPage&) = delete;
    LonelyPage& operator=(const LonelyPage&) = delete;
    ~LonelyPage() { munmap(pages_, 3 * size_); }

    std::span<std::byte> bytes() const { return {static_cast<std::byte*>(pages_) + size_, size_}; }

private:
    std::size_t size_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* pages_;
};

}  // namespace ethlink::wire::test
