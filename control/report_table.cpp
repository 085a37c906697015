// SPDX-License-Identifier: BSD-3-Clause
// Widths first, then the lines.
#include "control/report_table.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace ethlink::control {
namespace {

bool is_number(const std::string& cell) {
    return cell == "-" || std::all_of(cell.begin(), cell.end(),
                                      [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

Table::Table(std::vector<std::string> head) {
    rows_.push_back(std::move(head));
}

void Table::add(std::vector<std::string> row) {
    rows_.push_back(std::move(row));
}

std::string Table::text() const {
    const std::size_t columns = rows_.front().size();
    std::vector<std::size_t> width(columns, 0);
    std::vector<bool> numeric(columns, false);
    std::vector<bool> wordy(columns, false);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            width[c] = std::max(width[c], rows_[r][c].size());
            if (r == 0) continue;
            if (!is_number(rows_[r][c])) wordy[c] = true;
            if (rows_[r][c] != "-" && !rows_[r][c].empty()) numeric[c] = true;
        }
    }
    std::string lines;
    for (const std::vector<std::string>& row : rows_) {
        std::string line;
        for (std::size_t c = 0; c < columns; ++c) {
            const std::string pad(width[c] - row[c].size(), ' ');
            line += (c == 0 ? "" : "  ") + (numeric[c] && !wordy[c] ? pad + row[c] : row[c] + pad);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        lines += line + "\n";
    }
    return lines;
}

}  // namespace ethlink::control
