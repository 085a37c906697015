// SPDX-License-Identifier: BSD-3-Clause
// A lab of its own, for commands that need a running fabric.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "proto/expected.h"

namespace ethlink::cli {

/// `ethlink lab FILE --serve` in a process of its own, which ends with this object.
class ChildLab {
public:
    /// Returns when programs can connect to all its endpoints. Errors are sentences.
    static Expected<std::unique_ptr<ChildLab>, std::string> start(const std::string& file,
                                                                  const std::atomic<bool>& stop);
    ~ChildLab();
    ChildLab(const ChildLab&) = delete;
    ChildLab& operator=(const ChildLab&) = delete;

    const std::string& instance() const { return instance_; }
    /// "instance/node" of the endpoint with this index, in the order of the file's names.
    std::string endpoint(std::size_t index) const;

    /// Keeps this thread off the CPU that the lab polls on, if there is another one.
    static void leave_its_cpu();

private:
    ChildLab(pid_t pid, std::string instance, std::vector<std::string> nodes)
        : pid_(pid), instance_(std::move(instance)), nodes_(std::move(nodes)) {}

    pid_t pid_;
    std::string instance_;
    std::vector<std::string> nodes_;
};

}  // namespace ethlink::cli
