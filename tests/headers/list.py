# SPDX-License-Identifier: BSD-3-Clause
"""Prints "KIND PATH" for each header: pure (proto/), plain, or dpdk if it reaches DPDK.

usage: list.py ROOT               print
       list.py ROOT --built LINES fail if the build was configured with another list than LINES
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def reaches_dpdk(root, path, seen):
    """Whether the header includes an <rte_...>, itself or through ours."""
    if path in seen or not (root / path).is_file():
        return False
    seen.add(path)
    for quote, name in INCLUDE.findall((root / path).read_text(encoding="utf-8")):
        if name.startswith("rte_") or (quote == '"' and reaches_dpdk(root, name, seen)):
            return True
    return False


def listed(root):
    for folder in ("proto", "dataplane", "control"):
        for file in sorted((root / folder).rglob("*.h")):
            path = file.relative_to(root).as_posix()
            kind = "dpdk" if reaches_dpdk(root, path, set()) else "plain"
            yield f"{'pure' if folder == 'proto' else kind} {path}"


def main():
    lines = list(listed(pathlib.Path(sys.argv[1])))
    if sys.argv[2:3] != ["--built"]:
        print("\n".join(lines))
        return 0
    differing = sorted(set(lines) ^ set(sys.argv[3:]))
    for line in differing:
        print(f"{line}: came, went or changed since the build was configured")
    if differing:
        print("run: meson setup --reconfigure BUILD-DIRECTORY")
    return 1 if differing else 0


sys.exit(main())
