// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/export.h"

#include <filesystem>

#include "control/deploy/quote.h"

namespace ethlink::control {

std::string fabric_file_name(const Fabric& fabric) {
    return fabric.name + ".yaml";
}

std::string head_comment(const Fabric& fabric, const std::string& engine,
                         const std::vector<std::string>& lines) {
    // The file without its directory: the same fabric gives the same text wherever it lies.
    const std::string file = std::filesystem::path(fabric.file).filename();
    std::string text = "# Rendered from " + one_line(file) + " by `ethlink export " + engine +
                       "`: change that file and render again.\n#\n";
    for (const std::string& line : lines) text += line.empty() ? "#\n" : "# " + line + "\n";
    return text;
}

}  // namespace ethlink::control
