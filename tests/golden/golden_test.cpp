// SPDX-License-Identifier: BSD-3-Clause
// Annotated frames: each parses, prints the line that it announces, and is emitted bit by bit.
//
// The bytes and the lines were not made with the code under test; golden_crc.py checks their CRCs
// with zlib.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "proto/wire/build.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "proto/wire/link_word.h"
#include "proto/wire/print.h"
#include "tests/unit/wire/bytes.h"

namespace ethlink::wire {
namespace {

using test::Bytes;

struct Golden {
    std::string file;
    std::string line;  // what print() should say: the "# print: " comments, joined by a space
    Bytes bytes;
};

void PrintTo(const Golden& golden, std::ostream* out) {
    *out << golden.file;
}

std::filesystem::path folder() {
    const char* given = std::getenv("ETHLINK_GOLDEN");
    return given != nullptr ? given : "tests/golden";
}

Golden load(const std::filesystem::path& path) {
    Golden golden{.file = path.stem(), .line = {}, .bytes = {}};
    std::ifstream in(path);
    const std::string announce = "# print: ";
    for (std::string text; std::getline(in, text);) {
        if (text.starts_with(announce)) {
            if (!golden.line.empty()) golden.line += ' ';
            golden.line += text.substr(announce.size());
        }
        const Bytes bytes = test::from_hex(text.substr(0, text.find('#')));
        golden.bytes.insert(golden.bytes.end(), bytes.begin(), bytes.end());
    }
    return golden;
}

std::vector<Golden> load_all() {
    std::vector<Golden> all;
    std::error_code none_is_an_empty_list;  // see Golden.FolderIsThere
    for (const auto& entry : std::filesystem::directory_iterator(folder(), none_is_an_empty_list)) {
        if (entry.path().extension() == ".hex") all.push_back(load(entry.path()));
    }
    std::sort(all.begin(), all.end(),
              [](const Golden& a, const Golden& b) { return a.file < b.file; });
    return all;
}

Bytes emit_control_again(const ControlFrameView& view) {
    Bytes out = test::dirty(kMaxControlFrame);
    if (view.kind() == ControlKind::kCcUpdate) {
        std::vector<std::uint32_t> consumed;
        for (std::size_t i = 0; i < view.count(); ++i) consumed.push_back(view.cc(i));
        out.resize(emit_cc_update(out, view.tx_epoch(), view.rx_epoch(), consumed));
        return out;
    }
    if (view.kind() == ControlKind::kHello) {
        out.resize(emit_hello(out, view.tx_epoch(), view.rx_epoch(), view.hello()));
        return out;
    }
    ControlFrameWriter writer(out);
    writer.begin(view.tx_epoch(), view.rx_epoch());
    for (std::size_t i = 0; i < view.count(); ++i) EXPECT_TRUE(writer.add(view.ctl_os(i)));
    out.resize(writer.finish());
    return out;
}

Bytes emit_data_again(const DataFrame& frame) {
    Bytes out = test::dirty(frame.size());
    EXPECT_EQ(frame.emit(out), out.size());
    return out;
}

class GoldenFrame : public ::testing::TestWithParam<Golden> {};

TEST_P(GoldenFrame, PrintsItsLine) {
    std::string line(kPrintMax, '?');
    line.resize(print(GetParam().bytes, line));
    EXPECT_EQ(line, GetParam().line);
}

TEST_P(GoldenFrame, IsEmittedAgain) {
    const Bytes& bytes = GetParam().bytes;
    const auto view = parse(bytes);
    ASSERT_TRUE(view) << name(view.error());
    Bytes again;
    if (view->is_control()) {
        const auto control = parse_control(bytes);
        ASSERT_TRUE(control) << name(control.error());
        again = emit_control_again(*control);
    } else {
        const auto frame = read_data_frame(bytes);
        ASSERT_TRUE(frame) << name(frame.error());
        again = emit_data_again(*frame);
    }
    ASSERT_GE(again.size(), kOefhSize);
    store_link_word(again.data(), view->link_word_raw());
    EXPECT_EQ(again, bytes);
}

TEST_P(GoldenFrame, HasAGoodIcrcOffTheWire) {
    Bytes bytes = GetParam().bytes;
    if (parse(bytes)->is_control()) return;  // parse_control() checks its CRC.
    EXPECT_EQ(check_icrc(*parse(bytes)), load_link_word(bytes.data()) == 0);
    store_link_word(bytes.data(), 0);
    EXPECT_TRUE(check_icrc(*parse(bytes)));
}

TEST(Golden, FolderIsThere) {
    EXPECT_GE(load_all().size(), 30u)
        << "no frames in " << folder() << ": set ETHLINK_GOLDEN to the folder with the .hex files";
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenFrame, ::testing::ValuesIn(load_all()),
                         [](const auto& test) { return test.param.file; });

}  // namespace
}  // namespace ethlink::wire
