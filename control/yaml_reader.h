// SPDX-License-Identifier: BSD-3-Clause
// One YAML document as a tree of plain values, each with its place: what yaml-cpp lets pass is
// refused.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_error.h"
#include "proto/expected.h"

namespace ethlink::control {

struct YamlNode;

/// A value and where it is written. For an alias that is the alias, not its anchor.
struct YamlValue {
    const YamlNode* node = nullptr;
    Mark mark;
};

struct YamlEntry {
    std::string key;
    Mark mark;  // of the key
    YamlValue value;
};

struct YamlNode {
    enum class Kind { kEmpty, kScalar, kList, kMap };
    Kind kind = Kind::kEmpty;
    bool quoted = false;             // a quoted scalar is text, whatever it looks like
    std::string text;                // scalars, untouched: the reader of the key converts
    std::vector<YamlValue> items;    // lists
    std::vector<YamlEntry> entries;  // maps, in file order; keys are unique
};

/// Owns the tree. The root is a map.
class YamlDocument {
public:
    YamlValue root() const { return root_; }

private:
    friend class YamlBuilder;
    std::unique_ptr<std::deque<YamlNode>> nodes_ = std::make_unique<std::deque<YamlNode>>();
    YamlValue root_;
};

/// A file longer than this is none of ours: kLinksMax links with their nodes are 14 MiB.
inline constexpr std::size_t kYamlBytesMax = 16u << 20;

/// Nesting deeper than this is none of ours: the deepest key of a fabric file is at level 6.
inline constexpr std::size_t kYamlDepthMax = 16;

/// Parses exactly one document. Refused, beside bad syntax: bytes that are no text, an empty
/// document, a second one, duplicate keys, keys that are no scalars, tags, `<<`, recursive aliases.
/// Never throws, whatever the bytes.
[[nodiscard]] Expected<YamlDocument, ConfigError> parse_yaml(std::string_view text,
                                                             const std::string& file);

}  // namespace ethlink::control
