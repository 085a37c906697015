// SPDX-License-Identifier: BSD-3-Clause
// A table of words in columns of equal width, for people.
#pragma once

#include <string>
#include <vector>

namespace ethlink::control {

/// Columns that hold nothing but numbers (and `-`) are right-aligned.
class Table {
public:
    explicit Table(std::vector<std::string> head);

    /// As many cells as the head has.
    void add(std::vector<std::string> row);

    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;  // the first one is the head
};

}  // namespace ethlink::control
