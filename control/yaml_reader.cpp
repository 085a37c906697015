// SPDX-License-Identifier: BSD-3-Clause
// Builds the tree from yaml-cpp's events, so that every key is seen, in order, with its place.
#include "control/yaml_reader.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace ethlink::control {
namespace {

/// How the builder leaves yaml-cpp's parser; caught in parse_yaml(), seen nowhere else.
struct Refusal {
    Mark mark;
    std::string key;
    std::string why;
    std::string hint;
};

Mark to_mark(const YAML::Mark& mark) {
    if (mark.is_null()) return {};
    return {mark.line + 1, mark.column + 1};
}

/// Length of the UTF-8 sequence that starts a text, or 0 if it is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    std::size_t length = 0;
    if (first >= 0xC2 && first <= 0xDF) length = 2;
    if (first >= 0xE0 && first <= 0xEF) length = 3;
    if (first >= 0xF0 && first <= 0xF4) length = 4;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    return length;
}

bool is_allowed_control(char c) {
    return c == '\n' || c == '\r' || c == '\t';
}

/// The place of the first byte that cannot stand in a text file.
std::optional<Mark> find_garbage(std::string_view text) {
    Mark mark;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const auto c = static_cast<unsigned char>(text.front());
        const bool control = (c < 0x20 && !is_allowed_control(text.front())) || c == 0x7F;
        if (length == 0 || control) return mark;
        const bool line_ends = text.front() == '\n';
        mark = line_ends ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + 1};
        text.remove_prefix(length);
    }
    return std::nullopt;
}

}  // namespace

/// Receives yaml-cpp's events and builds the tree; throws Refusal.
class YamlBuilder : public YAML::EventHandler {
public:
    YamlDocument take() { return std::move(document_); }
    bool has_root() const { return document_.root_.node != nullptr; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (!has_root()) return;
        throw Refusal{to_mark(mark), "", "a second document begins here",
                      "one file describes one fabric: remove the line `---` and what follows"};
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add(YamlNode{}, to_mark(mark), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        const bool is_open = found != anchors_.end() &&
                             std::any_of(open_.begin(), open_.end(), [&](const Level& level) {
                                 return level.node == found->second;
                             });
        if (found == anchors_.end() || is_open) {
            throw Refusal{to_mark(mark), path(), "this alias contains itself",
                          "write the value out"};
        }
        attach({found->second, to_mark(mark)});
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        refuse_tag(mark, tag);
        YamlNode node;
        node.kind = YamlNode::Kind::kScalar;
        node.quoted = tag == "!";
        node.text = value;
        add(std::move(node), to_mark(mark), anchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, YamlNode::Kind::kList);
    }
    void OnSequenceEnd() override { open_.pop_back(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, YamlNode::Kind::kMap);
    }
    void OnMapEnd() override { open_.pop_back(); }

private:
    /// A list or map that is being filled.
    struct Level {
        YamlNode* node = nullptr;
        std::optional<YamlEntry> pending;              // a map's key that awaits its value
        std::unordered_map<std::string, Mark> seen{};  // a map's keys so far
    };

    static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!") return;
        throw Refusal{to_mark(mark), "", "tags such as `" + tag + "` are not used here",
                      "remove the tag"};
    }

    YamlNode* add(YamlNode node, Mark mark, YAML::anchor_t anchor) {
        document_.nodes_->push_back(std::move(node));
        YamlNode* added = &document_.nodes_->back();
        if (anchor != YAML::NullAnchor) anchors_[anchor] = added;
        attach({added, mark});
        return added;
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              YamlNode::Kind kind) {
        refuse_tag(mark, tag);
        if (open_.size() >= kYamlDepthMax) {
            throw Refusal{to_mark(mark), "",
                          "nested more than " + std::to_string(kYamlDepthMax) + " levels deep",
                          "no key of a fabric file is so deep: check the indentation"};
        }
        YamlNode node;
        node.kind = kind;
        open_.push_back(Level{add(std::move(node), to_mark(mark), anchor), std::nullopt, {}});
    }

    void attach(YamlValue value) {
        if (open_.empty()) {
            document_.root_ = value;
            return;
        }
        Level& level = open_.back();
        if (level.node->kind == YamlNode::Kind::kList) {
            level.node->items.push_back(value);
            return;
        }
        if (level.pending) {
            level.pending->value = value;
            level.node->entries.push_back(std::move(*level.pending));
            level.pending.reset();
            return;
        }
        begin_entry(level, value);
    }

    void begin_entry(Level& level, YamlValue key) {
        if (key.node->kind != YamlNode::Kind::kScalar) {
            throw Refusal{key.mark, path(), "a key must be a plain word", "write `key: value`"};
        }
        const std::string& word = key.node->text;
        if (word == "<<" && !key.node->quoted) {
            throw Refusal{key.mark, path(), "merge keys (`<<`) are not resolved",
                          "use an alias for the whole value, or write the keys out"};
        }
        const auto [earlier, is_new] = level.seen.emplace(word, key.mark);
        if (!is_new) {
            const std::string place = path();
            throw Refusal{key.mark, place.empty() ? word : place + "." + word,
                          "this key is already set in line " + std::to_string(earlier->second.line),
                          "keep one of the two"};
        }
        level.pending = YamlEntry{word, key.mark, {}};
    }

    /// The path to where the builder stands, for messages.
    std::string path() const {
        std::string place;
        for (std::size_t i = 0; i < open_.size(); ++i) {
            const YamlNode& node = *open_[i].node;
            const bool innermost = i + 1 == open_.size();
            if (node.kind == YamlNode::Kind::kList) {
                // What is being filled further in is already the last item.
                const std::size_t index = node.items.size() - (innermost ? 0 : 1);
                place += "[" + std::to_string(index) + "]";
            } else if (!innermost) {
                place += (place.empty() ? "" : ".") + node.entries.back().key;
            } else if (open_[i].pending) {
                place += (place.empty() ? "" : ".") + open_[i].pending->key;
            }
        }
        return place;
    }

    YamlDocument document_;
    std::vector<Level> open_;
    std::unordered_map<YAML::anchor_t, YamlNode*> anchors_;
};

namespace {

Expected<YamlDocument, Refusal> build(std::string_view text) {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    YamlBuilder builder;
    while (parser.HandleNextDocument(builder)) continue;
    if (!builder.has_root()) {
        return Unexpected<Refusal>({{}, "", "the file is empty", "start from a file of configs/"});
    }
    YamlDocument document = builder.take();
    const YamlValue root = document.root();
    if (root.node->kind != YamlNode::Kind::kMap) {
        return Unexpected<Refusal>({root.mark, "", "this is no fabric file: keys are expected here",
                                    "start from a file of configs/"});
    }
    return document;
}

Expected<YamlDocument, Refusal> parse(std::string_view text) {
    if (text.size() > kYamlBytesMax) {
        return Unexpected<Refusal>(
            {{},
             "",
             "the file is larger than " + std::to_string(kYamlBytesMax >> 20) + " MiB",
             "use the compact form: `topology:`"});
    }
    if (const auto garbage = find_garbage(text)) {
        return Unexpected<Refusal>(
            {*garbage, "", "this byte cannot stand in a text file", "save the file as UTF-8 text"});
    }
    try {
        return build(text);
    } catch (const Refusal& refusal) {
        return Unexpected<Refusal>(refusal);
    } catch (const YAML::Exception& e) {
        return Unexpected<Refusal>({to_mark(e.mark), "", "this is not YAML: " + e.msg,
                                    "check indentation, colons, quotes and brackets"});
    } catch (const std::exception& e) {
        return Unexpected<Refusal>({{}, "", std::string("cannot be parsed: ") + e.what(), ""});
    }
}

}  // namespace

Expected<YamlDocument, ConfigError> parse_yaml(std::string_view text, const std::string& file) {
    auto document = parse(text);
    if (document) return std::move(*document);
    Refusal& refusal = document.error();
    return Unexpected<ConfigError>(ConfigError{file, refusal.mark.line, refusal.mark.column,
                                               std::move(refusal.key), std::move(refusal.why),
                                               std::move(refusal.hint)});
}

}  // namespace ethlink::control
