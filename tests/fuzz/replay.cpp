// SPDX-License-Identifier: BSD-3-Clause
// Runs a fuzz target over files instead of a fuzzer: in every build, with every compiler.
//
// usage: fuzz_TARGET_replay FILE_OR_FOLDER...      the folders' files, each once
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/input.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(int count, char** arguments) {
    std::vector<fs::path> files;
    for (int i = 1; i < count; ++i) {
        if (!fs::is_directory(arguments[i])) {
            files.emplace_back(arguments[i]);
            continue;
        }
        for (const auto& entry : fs::directory_iterator(arguments[i])) {
            if (entry.is_regular_file()) files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    return files;
}

void run_one(std::span<const std::byte> bytes) {
    ethlink::fuzz::Input input(bytes);
    ethlink::fuzz::run(input);
}

int replay(const std::vector<fs::path>& files) {
    for (const fs::path& file : files) {
        std::ifstream stream(file, std::ios::binary);
        if (!stream) {
            std::fprintf(stderr, "%s cannot be read\n", file.c_str());
            return 2;
        }
        const std::string text{std::istreambuf_iterator<char>(stream), {}};
        // Exactly as many bytes as the file has.
        ethlink::fuzz::Bytes bytes(text.size());
        std::ranges::copy(std::as_bytes(std::span(text)), bytes.begin());
        std::printf("%s\n", file.filename().c_str());
        std::fflush(stdout);
        run_one(bytes);
    }
    // The empty one is always an input.
    run_one({});
    std::printf("%zu inputs, each as it should be\n", files.size() + 1);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const std::vector<fs::path> files = files_of(count, arguments);
        if (!files.empty()) return replay(files);
        std::fprintf(stderr, "usage: %s FILE_OR_FOLDER...\n", arguments[0]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return 2;
}
