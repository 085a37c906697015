#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds the fuzzers with clang and runs them, two at a time.

usage: run.py [--seconds N] [--keep] [--coverage] [--json] [--build DIR] [--build-only] [TARGET...]

  --seconds N  each target (30)
  --keep       minimise what was found, and keep it in tests/fuzz/corpus/
  --coverage   besides: lines of the parsers that the inputs reach (a second build, by llvm-cov);
               which files these are, and why: tests/fuzz/coverage.py
  --json       one object on stdout instead of the table

New inputs stay in the build directory. An input that a target does not survive is printed with its
path; the exit code is then 1. Without clang nothing is run, and the exit code is 77.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import coverage  # pylint: disable=wrong-import-position
import trees  # pylint: disable=wrong-import-position

CORPUS = HERE / "corpus"
AT_ONCE = 2
SKIPPED = 77

# Bytes of an input at most: 4 KiB where it is not said.
LENGTH_MAX = {"config": 6000, "control_frame": 400, "crc": 600, "texts": 300}


def targets():
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.cpp"))


def number(pattern, text, otherwise=0):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else otherwise


def fuzz(program, target, seconds, work):
    """One target for so long. New inputs come into work/TARGET."""
    found = work / target
    found.mkdir(parents=True, exist_ok=True)
    command = [str(program), f"-max_total_time={seconds}", "-timeout=30", "-rss_limit_mb=2000",
               f"-max_len={LENGTH_MAX.get(target, 4096)}", "-len_control=20",
               "-print_final_stats=1", f"-artifact_prefix={work}/{target}-", str(found)]
    if (HERE / f"{target}.dict").exists():
        command.append(f"-dict={HERE / target}.dict")
    for folder in (CORPUS / target, work / "seeds" / target):
        if folder.is_dir():
            command.append(str(folder))
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    text = done.stderr
    result = {
        "target": target,
        "executions": number(r"stat::number_of_executed_units:\s*(\d+)", text),
        "per_second": number(r"stat::average_exec_per_sec:\s*(\d+)", text),
        "edges_at_start": number(r"INITED cov: (\d+)", text),
        "edges": number(r"cov: (\d+)", text),
        "died": done.returncode != 0,
    }
    if result["died"]:
        result["executions"] = number(r"#(\d+)", text)
        result["input"] = (re.findall(r"Test unit written to (\S+)", text) or ["none"])[-1]
        why = re.findall(r"(?:violated|ERROR|runtime error): .*", text)
        result["why"] = why[0] if why else text[-400:]
    trees.say(f"fuzz: {target}: {result['executions']} executions, {result['edges']} edges"
              + (f", DIED: {result['why']}\n      {result['input']}" if result["died"] else ""))
    return result


def keep(program, target, work):
    """The smallest set of inputs that reaches the same edges, by content, beside named ones."""
    folder = CORPUS / target
    with tempfile.TemporaryDirectory(prefix="ethlink-fuzz-") as merged:
        sources = [path for path in (folder, work / target, work / "seeds" / target)
                   if path.is_dir()]
        # Edges alone: how often each was passed would keep ten times as many.
        subprocess.run([str(program), "-set_cover_merge=1", "-use_counters=0", merged]
                       + [str(path) for path in sources], capture_output=True, check=True)
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.input"):
            if re.fullmatch("[0-9a-f]{12}", path.stem):
                path.unlink()
        for path in pathlib.Path(merged).iterdir():
            shutil.copyfile(path, folder / f"{path.name[:12]}.input")


def build_for_coverage(chosen, place):
    folder = trees.set_up(place, "coverage")
    trees.say("fuzz: building again, for the lines that are reached")
    trees.build(folder, [f"tests/fuzz/fuzz_{target}_replay" for target in chosen])
    return folder


def measure(chosen, work, place):
    """What --coverage adds to the summary."""
    folder = build_for_coverage(chosen, place)
    lines = coverage.measure(folder, {
        target: [CORPUS / target, work / "seeds" / target, work / target] for target in chosen})
    groups = coverage.of_parsers(lines)
    return {
        "parser_lines_percent": coverage.percent(
            counts for files in groups.values() for counts in files.values()),
        "parsers": {group: {"lines_percent": coverage.percent(files.values()),
                            "files": {name: {"lines_reached": reached, "lines": count}
                                      for name, (reached, count) in files.items()}}
                    for group, files in groups.items()}}


def print_table(summary):
    print(f"{'target':16} {'executions':>11} {'per s':>8} {'edges':>6} {'new':>5} {'inputs':>6}")
    for result in summary["targets"]:
        fate = "   DIED: " + result["why"] if result["died"] else ""
        print(f"{result['target']:16} {result['executions']:11} {result['per_second']:8} "
              f"{result['edges']:6} {result['edges'] - result['edges_at_start']:5} "
              f"{result['inputs_in_tree']:6}{fate}")
    print(f"{summary['executions']} executions, {len(summary['died'])} targets died")
    if "parsers" not in summary:
        return
    print(f"\n{'parsers':44} {'reached':>8} {'lines':>6}")
    for group, of_group in summary["parsers"].items():
        print(f"{group:52} {of_group['lines_percent']:5} %")
        for name, counts in of_group["files"].items():
            print(f"  {name:42} {counts['lines_reached']:8} {counts['lines']:6}")
    print(f"{'all parsers':52} {summary['parser_lines_percent']:5} %")


def summarise(results, seconds):
    for result in results:
        result["inputs_in_tree"] = len(list((CORPUS / result["target"]).glob("*.input")))
    return {"seconds": seconds,  # each
            "targets": results,
            "executions": sum(result["executions"] for result in results),
            "inputs_in_tree": sum(result["inputs_in_tree"] for result in results),
            "died": [result["target"] for result in results if result["died"]]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=trees.PLACE)
    parser.add_argument("--build-only", action="store_true")
    options = parser.parse_args()
    chosen = options.targets or targets()
    unknown = set(chosen) - set(targets())
    if unknown:
        raise SystemExit(f"there is no target {', '.join(sorted(unknown))}; there are: "
                         + ", ".join(targets()))
    lacks = trees.missing("coverage" if options.coverage else "address")
    if lacks:
        trees.say(f"fuzz: {lacks}")
        return SKIPPED
    trees.say("fuzz: building")
    folder = trees.set_up(options.build, "address")
    program = {target: f"tests/fuzz/fuzz_{target}" for target in chosen}
    trees.build(folder, program.values())
    if options.build_only:
        if options.coverage:
            build_for_coverage(chosen, options.build)
        return 0
    work = options.build.resolve() / "found"
    trees.run([sys.executable, str(HERE / "seeds.py"), str(work / "seeds")], "seeds.py")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(
            lambda target: fuzz(folder / program[target], target, options.seconds, work), chosen))
    if options.keep:
        for target in chosen:
            keep(folder / program[target], target, work)
    summary = summarise(results, options.seconds)
    if options.coverage:
        summary |= measure(chosen, work, options.build)
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        print_table(summary)
    return 1 if summary["died"] else 0


if __name__ == "__main__":
    sys.exit(main())
