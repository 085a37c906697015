#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Is the house in order? Fails on layering and banned constructs, reports sizes.

usage: tidy.py [ROOT]      check the tree (default: the one this file is in)
       tidy.py --self-test check that planted violations are caught
"""
import pathlib
import re
import sys
import tempfile

CODE = (".h", ".cpp")
TEXT = CODE + (".py", ".sh", ".lua", ".yaml", ".yml", ".md", ".build", ".txt", ".json", "")
FOLDERS = ("proto", "dataplane", "control", "tests", "bench", "configs", "docs", "contrib", ".ci")
LINE_MAX = 100
FILE_LINES_HINT = 400
FUNCTION_LINES_HINT = 60

# What a folder may include by "path" (prefixes) of the tree itself; the longest key decides.
MAY_INCLUDE = {
    "proto/": ("proto/",),
    "dataplane/": ("proto/", "dataplane/"),
    "dataplane/dpdk/": ("proto/", "dataplane/"),
    "control/": ("proto/", "dataplane/", "control/"),
    "control/cli/": ("proto/", "dataplane/", "control/"),
    "tests/": ("proto/", "dataplane/", "control/", "tests/"),
    "bench/": ("proto/", "dataplane/", "control/", "tests/", "bench/"),
}
# ... and what it may not all the same.
MAY_NOT_INCLUDE = {
    "dataplane/": ("dataplane/dpdk/",),
    "dataplane/dpdk/": (),
    "control/": ("control/cli/",),
    "control/cli/": (),
}
# <name> that only these places may include. "" ends the search: everybody.
ONLY_FOR = (
    (r"rte_", ("dataplane/dpdk/", "tests/dpdk/", "tests/unit/dpdk/", "bench/")),
    (r"CLI/|CLI11", ("control/cli/",)),
    (r"yaml-cpp/", ("control/",)),
    (r"(nlohmann|spdlog|fmt|tbb|oneapi)/", ("control/", "tests/", "bench/")),
    (r"(gtest|gmock|rapidcheck)[/.]", ("tests/", "bench/")),
    (r"benchmark/", ("bench/",)),
)
# The C++ library, compiler intrinsics and tl::expected: all that proto/ may know.
PURE_INCLUDE = re.compile(r"^([a-z_0-9]+|[a-z]+intrin\.h|arm_(neon|acle)\.h|tl/expected\.hpp)$")
IMPURE_STD = ("thread", "mutex", "shared_mutex", "condition_variable", "future", "iostream",
              "fstream", "sstream", "vector", "string", "functional", "map", "unordered_map",
              "deque", "list", "set", "stdexcept", "semaphore", "stop_token")

# (where, what, why): a regular expression over code without comments and literals.
BANNED = (
    ("proto/", r"::now\s*\(", "time is an argument"),
    ("proto/", r"\bnew\b|\b(malloc|calloc|realloc)\s*\(|\bmake_(unique|shared)\b",
     "no heap in proto/"),
    ("proto/", r"\bthrow\b", "no exceptions in proto/"),
    ("proto/", r"\bstd::(vector|string|function|map|deque|list)\b", "no heap in proto/"),
    ("dataplane/", r"::now\s*\(", "time is an argument; only dataplane/dpdk reads a clock"),
    ("dataplane/", r"\bthrow\b", "no exceptions on the per-frame path"),
    ("dataplane/", r"\bstd::(mutex|shared_mutex|lock_guard|unique_lock|scoped_lock)\b",
     "no lock below control/"),
    ("dataplane/", r"\bstd::(cout|cerr|clog)\b", "poll cores never print"),
    ("proto/|dataplane/", r"\bdefault\s*:", "an enum switch is total: name each case"),
    ("control/", r"\brte_\w+\s*\(", "DPDK calls live in dataplane/dpdk/"),
    ("(proto|dataplane|control|tests|bench)/", r"\breinterpret_cast\b",
     "only in dataplane/dpdk/ and proto/byte_order.h"),
)
EXEMPT = {
    r"\breinterpret_cast\b": ("dataplane/dpdk/", "proto/byte_order.h"),
    r"::now\s*\(": ("dataplane/dpdk/",),
    r"\bthrow\b": ("dataplane/dpdk/",),
    r"\bstd::(mutex|shared_mutex|lock_guard|unique_lock|scoped_lock)\b": ("dataplane/dpdk/",),
}
ABSOLUTE_PATH = re.compile(r"(?<![\w.}$])/(?:home|root|work|Users)/\w")
LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)
NO_BODY = re.compile(  # What stands before a brace with a parenthesis and is no function.
    r"(if|for|while|switch|namespace|class|struct|enum|union|template\s*<[^{]*>\s*class)\b")


def bare(text):
    """The code without comments and literals; line numbers stay."""
    return LITERALS.sub(lambda match: " " + "\n" * match.group(0).count("\n"), text)


def longest(table, path):
    """The entry of the longest folder that path is in, or None."""
    keys = [key for key in table if path.startswith(key)]
    return table[max(keys, key=len)] if keys else None


def check_includes(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quote, name = match.groups()
        if quote == '"':
            allowed = longest(MAY_INCLUDE, path)
            refused = longest(MAY_NOT_INCLUDE, path) or ()
            if allowed is None:
                continue
            if "/" not in name:
                yield number, f'"{name}": includes start at the root of the tree'
            elif not name.startswith(allowed) or name.startswith(refused):
                yield number, f'layering: {path.split("/")[0]}/ may not include "{name}"'
            continue
        for pattern, places in ONLY_FOR:
            if re.match(pattern, name) and not path.startswith(places):
                yield number, f"<{name}> belongs in {' '.join(places)} only"
        if path.startswith("proto/") and not PURE_INCLUDE.match(name):
            yield number, f"<{name}>: proto/ knows std and tl::expected only"
        if path.startswith("proto/") and name in IMPURE_STD:
            yield number, f"<{name}>: no heap, thread or stream in proto/"


def check_code(path, text):
    lines = text.split("\n")
    if not lines[0].startswith("// SPDX-License-Identifier: BSD-3-Clause"):
        yield 1, "the first line must be // SPDX-License-Identifier: BSD-3-Clause"
    if path.endswith(".h") and "#pragma once" not in lines:
        yield 1, "#pragma once is missing"
    yield from check_includes(path, text)
    code = bare(text)
    for where, pattern, why in BANNED:
        if not re.match(where, path) or path.startswith(EXEMPT.get(pattern, ("\0",))):
            continue
        for match in re.finditer(pattern, code):
            yield code.count("\n", 0, match.start()) + 1, f"{match.group(0).strip()}: {why}"


def check_text(path, text):
    is_code = path.endswith(CODE + (".py", ".build", ".sh", ".lua"))
    is_script = text.startswith("#!") or path.endswith((".py", ".sh"))
    if is_script and "SPDX-License-Identifier: BSD-3-Clause" not in text[:200]:
        yield 1, "SPDX-License-Identifier: BSD-3-Clause is missing in the first lines"
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line and is_code:
            yield number, "tab"
        if line != line.rstrip() and not path.endswith(".md"):
            yield number, "space at the end of the line"
        if len(line) > LINE_MAX and is_code:
            yield number, f"{len(line)} columns, more than {LINE_MAX}"
        if ABSOLUTE_PATH.search(line):
            yield number, "a path of somebody's machine"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end of the file"


def function_sizes(text):
    """(line, lines) of what looks like a function body: a rough guess, for the report only."""
    code = re.sub(r"(?m)^[ ]*#.*$", "", bare(text))
    stack, head = [], 0
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        if match.group(0) == "{":
            said = code[head:at].strip()
            body = ")" in said and not NO_BODY.match(said)
            stack.append((at, body and not any(inside for _, inside in stack)))
        elif match.group(0) == "}" and stack:
            begin, is_function = stack.pop()
            if is_function:
                yield code.count("\n", 0, begin) + 1, code.count("\n", begin, at) + 1
        head = at + 1


def files(root):
    found = [path for path in root.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += [path for path in (root / folder).rglob("*") if path.is_file()]
    return sorted(path for path in found
                  if path.suffix in TEXT and "__pycache__" not in path.parts)


def check(root):
    """All findings of a tree as "path:line: what", and the report's lines."""
    findings, report = [], []
    for file in files(root):
        path = file.relative_to(root).as_posix()
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            findings.append(f"{path}:1: not UTF-8")
            continue
        found = list(check_text(path, text))
        if path.endswith(CODE):
            found += check_code(path, text)
            report += [f"{path}:{line}: a function of about {size} lines"
                       for line, size in function_sizes(text) if size > FUNCTION_LINES_HINT]
        if path.endswith(CODE + (".py",)) and text.count("\n") > FILE_LINES_HINT:
            report.append(f"{path}: {text.count(chr(10))} lines")
        findings += [f"{path}:{line}: {what}" for line, what in found]
    return findings, report


HEAD = "// SPDX-License-Identifier: BSD-3-Clause\n#pragma once\n"
# (path, text behind HEAD or whole text, part of the finding; None = must be clean)
PLANTED = (
    ("proto/clean.h", HEAD + '#include <span>\n#include "proto/a.h"\n// new throw "\n', None),
    ("proto/names.h", HEAD + "std::string_view renewed(int defaults);\n", None),
    ("dataplane/dpdk/clean.h", HEAD + "#include <rte_mbuf.h>\nreinterpret_cast<int*>(p);\n", None),
    ("control/cli/clean.h", HEAD + "#include <CLI/CLI.hpp>\n#include \"control/a.h\"\n", None),
    ("docs/clean.md", "See docs/root/x, ${HOME}/home/x and a line of text.\n", None),
    ("proto/up.h", HEAD + '#include "dataplane/burst.h"\n', "layering"),
    ("proto/rte.h", HEAD + "#include <rte_mbuf.h>\n", "<rte_mbuf.h>"),
    ("proto/posix.h", HEAD + "#include <unistd.h>\n", "std and tl::expected only"),
    ("proto/thread.h", HEAD + "#include <thread>\n", "no heap, thread"),
    ("proto/clock.h", HEAD + "auto t = Clock::now();\n", "time is an argument"),
    ("proto/heap.h", HEAD + "auto* p = new int;\n", "no heap"),
    ("proto/c_heap.h", HEAD + "void* p = malloc(1);\n", "no heap"),
    ("proto/string.h", HEAD + "std::string s;\n", "no heap"),
    ("proto/throw.h", HEAD + "void f() { throw 1; }\n", "no exceptions"),
    ("proto/default.h", HEAD + "switch (x) { default: break; }\n", "total"),
    ("proto/cast.h", HEAD + "reinterpret_cast<int*>(p);\n", "reinterpret_cast"),
    ("dataplane/dpdk_up.h", HEAD + '#include "dataplane/dpdk/eal.h"\n', "layering"),
    ("dataplane/up.h", HEAD + '#include "control/config.h"\n', "layering"),
    ("dataplane/rte.h", HEAD + "#include <rte_mbuf.h>\n", "belongs in"),
    ("dataplane/lock.h", HEAD + "std::mutex m;\n", "no lock"),
    ("dataplane/default.h", HEAD + "switch (x) { default : break; }\n", "total"),
    ("dataplane/local.h", HEAD + '#include "burst.h"\n', "root of the tree"),
    ("dataplane/dpdk/up.h", HEAD + '#include "control/config.h"\n', "layering"),
    ("control/rte.h", HEAD + "#include <rte_eal.h>\n", "belongs in"),
    ("control/call.h", HEAD + "rte_eal_cleanup();\n", "DPDK calls"),
    ("control/cli_up.h", HEAD + '#include "control/cli/options.h"\n', "layering"),
    ("control/cli11.h", HEAD + "#include <CLI/CLI.hpp>\n", "belongs in"),
    ("control/tests.h", HEAD + '#include "tests/support/packet.h"\n', "layering"),
    ("tests/yaml.h", HEAD + "#include <yaml-cpp/yaml.h>\n", "belongs in"),
    ("tests/bench.h", HEAD + '#include "bench/hop.h"\n', "layering"),
    ("control/spdx.h", "#pragma once\n", "first line"),
    ("control/once.h", "// SPDX-License-Identifier: BSD-3-Clause\n", "#pragma once"),
    ("control/tab.h", HEAD + "\tint x;\n", "tab"),
    ("control/wide.h", HEAD + "// " + "x" * 98 + "\n", "columns"),
    ("control/trail.h", HEAD + "int x; \n", "end of the line"),
    ("control/end.h", HEAD + "int x;", "no newline"),
    ("control/path.h", HEAD + "// see " + "/" + "home/me/x\n", "somebody's machine"),
    ("configs/path.yaml", "file: " + "/" + "root/x\n", "somebody's machine"),
    ("tests/spdx.py", "print(1)\n", "SPDX"),
)


def self_test():
    """Each planted file gives exactly its own finding; the size report sees a long function."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="ethlink-tidy-") as folder:
        root = pathlib.Path(folder)
        for path, text, _ in PLANTED:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        body = "    f();\n" * (FUNCTION_LINES_HINT + 1)
        (root / "proto/long.cpp").write_text(HEAD + "void g() {\n" + body + "}\n")
        findings, report = check(root)
    for path, _, expected in PLANTED:
        own = [line for line in findings if line.startswith(path + ":")]
        if expected is None and own:
            wrong.append(f"{path} is clean, but: {own}")
        if expected is not None and (not own or not all(expected in line for line in own)):
            wrong.append(f"{path} should give '{expected}', but gives: {own}")
    if len(report) != 1 or "proto/long.cpp:3" not in report[0]:
        wrong.append(f"the size report should name proto/long.cpp:3: {report}")
    print("\n".join(wrong) or f"{len(PLANTED)} planted files: each judged as it should be")
    return 1 if wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1]) if sys.argv[1:] else pathlib.Path(__file__).parent.parent
    findings, report = check(root.resolve())
    for line in report:
        print(f"size     {line}")
    for line in findings:
        print(f"WRONG    {line}")
    print(f"{len(findings)} findings, {len(report)} hints on size")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
