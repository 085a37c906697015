// SPDX-License-Identifier: BSD-3-Clause
// Which of many have something to do: a bit each, so that a turn asks nobody else.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ethlink {

/// One thread.
class ReadySet {
public:
    explicit ReadySet(std::size_t size) : words_((size + 63) / 64) {}

    void add(std::size_t index) { words_[index / 64] |= std::uint64_t{1} << (index % 64); }
    void remove(std::size_t index) { words_[index / 64] &= ~(std::uint64_t{1} << (index % 64)); }

    /// Calls visit(index) for each; one for which it returns false has nothing to do any more.
    template <class Visit>
    void for_each(const Visit& visit) {
        for (std::size_t w = 0; w < words_.size(); ++w) {
            for (std::uint64_t left = words_[w]; left != 0; left &= left - 1) {
                const std::size_t index = w * 64 + static_cast<std::size_t>(std::countr_zero(left));
                if (!visit(index)) remove(index);
            }
        }
    }

private:
    std::vector<std::uint64_t> words_;
};

}  // namespace ethlink
