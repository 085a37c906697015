#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plants bugs, one at a time, in a copy of the tree, and says which test finds each.

usage: run.py [-j N] [--json FILE] [--keep | --recorded] [--list] [--check] [--table]
              [NAME | AREA]...

A mutant is a few lines of AREA.yaml: a file, its old text, the new one, the suite that should find
it, and why it is a bug. `survives:` explains one that no test can find. The copies live in
BUILD/mutants/, so that a second run builds little. The exit code is 0 if all were found or are
explained, 1 if one was not, 2 if a mutant does not apply or build.

--keep adds what came out to results.json and docs/mutants.md (record.py), --recorded tells what was
kept instead of trying anything, --table writes docs/mutants.md anew.
--check looks only whether every old text is in the tree, once: a test of each run.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import time

import yaml

import record

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COPIED = ("proto", "dataplane", "control", "tests", "bench", "configs", "docs", "meson.build",
          "meson_options.txt")
SECONDS = 120  # of one run; none needs a quarter of it
PURE = ("dataplane/libdataplane.a", "proto/libproto.a")
CONTROL = ("control/libcontrol.a", "control/pktgen/libpktgen_core.a", *PURE)
LIBRARIES = {  # what objects of a folder are linked with, where not all of a program is built
    "tests/sim": ("tests/sim/libsim_sweep.a", *CONTROL),
    "tests/unit/control": CONTROL,
    "tests/unit/dataplane": PURE,
    "tests/unit/proto": PURE,
    "tests/unit/txn": PURE,
}
SYSTEM = ("-lgtest_main", "-lgmock", "-lgtest", "-lrapidcheck", "-lyaml-cpp", "-ltbb", "-lpthread")


@dataclasses.dataclass(frozen=True)
class Mutant:
    area: str
    name: str
    file: str
    old: str
    new: str
    suite: str
    why: str
    survives: str = ""

    def problem(self, suites):
        """Why it cannot be planted; None if it can."""
        path = ROOT / self.file
        if not path.is_file():
            return f"there is no {self.file}"
        if self.suite not in suites:
            return f"there is no suite {self.suite}; there are: {', '.join(suites)}"
        if not self.why or self.old == self.new:
            return "it needs a `why`, and a `new` that differs from its `old`"
        times = path.read_text(encoding="utf-8").count(self.old)
        if times != 1:
            return f"its old text is {times} times in {self.file}; it must be there once"
        return None


@dataclasses.dataclass
class Result:
    mutant: Mutant
    found: str = ""    # the test, and how
    seed: int = 0      # the lowest that fails; 0: no simulation, or it did not say
    seconds: float = 0.0
    broken: str = ""   # it could not be tried

    @property
    def verdict(self):
        if self.broken:
            return f"CANNOT BE TRIED: {self.broken}"
        if self.found:
            return self.found
        return f"survives: {self.mutant.survives}" if self.mutant.survives else "SURVIVES"

    def as_dict(self):
        return {"name": self.mutant.name, "area": self.mutant.area, "file": self.mutant.file,
                "suite": self.mutant.suite, "why": self.mutant.why, "found": bool(self.found),
                "by": self.found, "seed": self.seed or None, "seconds": round(self.seconds, 1),
                "explained": self.mutant.survives or None, "error": self.broken or None}


def load():
    suites = yaml.safe_load((HERE / "suites.yaml").read_text(encoding="utf-8"))
    mutants = []
    for path in sorted(HERE.glob("*.yaml")):
        if path.stem == "suites":
            continue
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            mutants.append(Mutant(area=path.stem, **entry))
    return suites, mutants


def check(suites, mutants):
    names = [mutant.name for mutant in mutants]
    problems = [f"{name}: there are two of this name" for name in set(names)
                if names.count(name) > 1]
    for mutant in mutants:
        if problem := mutant.problem(suites):
            problems.append(f"{mutant.area}.yaml: {mutant.name}: {problem}")
    return problems


def check_table(suites, mutants):
    if problem := record.problem(mutants, suites):
        print(problem, file=sys.stderr)
        return 2
    print(f"{len(mutants)} mutants of {len({m.area for m in mutants})} areas can be planted")
    return 0


class Tree:
    """A copy of the sources with a build directory, for one mutant at a time."""

    def __init__(self, place):
        self.source = place / "tree"
        self.build = place / "build"

    def prepare(self):
        self.copy_sources()
        if not (self.build / "build.ninja").exists():
            # -O1 compiles fast; with these assertions a place outside a container is found at once.
            run(["meson", "setup", str(self.build), str(self.source), "-Ddpdk=disabled",
                 "-Dbench=disabled", "-Dwerror=false", "-Doptimization=1", "-Ddebug=false",
                 "-Dcpp_args=-D_GLIBCXX_ASSERTIONS"])

    def copy_sources(self):
        wanted = set()
        for top in COPIED:
            path = ROOT / top
            for file in [path] if path.is_file() else sorted(path.rglob("*")):
                if not file.is_file() or "__pycache__" in file.parts or ".yaml" in file.name and \
                        file.parent == HERE:
                    continue
                relative = file.relative_to(ROOT)
                wanted.add(relative)
                self.write(relative, file.read_bytes(), file.stat().st_mode)
        for file in [file for file in self.source.rglob("*") if file.is_file()]:
            if file.relative_to(self.source) not in wanted:
                file.unlink()

    def write(self, relative, content, mode=0o644):
        """Only if it differs, so that nothing is built in vain."""
        target = self.source / relative
        if target.is_file() and target.read_bytes() == content:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)

    def plant(self, mutant):
        text = (ROOT / mutant.file).read_text(encoding="utf-8")
        self.write(mutant.file, text.replace(mutant.old, mutant.new).encode())

    def heal(self, mutant):
        self.write(mutant.file, (ROOT / mutant.file).read_bytes())

    def make(self, name, suite):
        """Builds a suite's program; returns its path. Raises on errors."""
        program = suite["program"]
        if "only" not in suite:
            run(["ninja", "-C", str(self.build), "-j1", program])
            return self.build / program
        folder = str(pathlib.PurePath(program).parent)
        objects = [f"{program}.p/{file}_test.cpp.o" for file in suite["only"]]
        objects += [f"{program}.p/{file}" for file in suite.get("also", ())]
        libraries = LIBRARIES[folder]
        run(["ninja", "-C", str(self.build), "-j1", *objects, *libraries])
        target = self.build / f"mutant_{name}"
        run([os.environ.get("CXX", "c++"), "-o", str(target), *objects, "-Wl,--start-group",
             *libraries, "-Wl,--end-group", *SYSTEM], cwd=self.build)
        return target


class BuildError(Exception):
    pass


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        said = done.stdout + done.stderr
        error = re.search(r"^.*\berror\b.*$", said, re.MULTILINE)
        raise BuildError(error.group(0) if error else said[-500:])


def try_suite(program, suite):
    """(who failed and how, or an empty text; the seed)"""
    environment = dict(os.environ, GTEST_FAIL_FAST="1", GTEST_COLOR="no", ETHLINK_SHRINK="0")
    environment.pop("ETHLINK_SIM_JSON", None)
    if "seeds" in suite:
        environment["ETHLINK_SEEDS"] = str(suite["seeds"])
    command = [str(program)]
    if "filter" in suite:
        command.append(f"--gtest_filter={suite['filter']}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT,
                              env=environment, timeout=SECONDS, errors="replace")
        said, status = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        said, status = (late.stdout or b"").decode(errors="replace"), "late"
    if status == 0:
        return "", 0
    seed = re.search(r"^seed (\d+) |ETHLINK_SEED=(\d+)", said, re.MULTILINE)
    number = int(seed.group(1) or seed.group(2)) if seed else 0
    failed = re.search(r"^\[  FAILED  \] (\S+?)(?:,| \()", said, re.MULTILINE)
    begun = re.findall(r"^\[ RUN      \] (\S+)", said, re.MULTILINE)
    who = failed.group(1) if failed else begun[-1] if begun else program.name
    if status == "late":
        return f"{who} (no end after {SECONDS} s)", number
    if status < 0:
        return f"{who} ({signal.Signals(-status).name})", number
    how = re.search(r"^seed \d+ breaks (\w+):", said, re.MULTILINE)
    return who + (f" ({how.group(1)})" if how else ""), number


def attempt(mutant, suites, trees):
    result = Result(mutant)
    tree = trees.get()
    begin = time.monotonic()
    try:
        tree.plant(mutant)
        program = tree.make(mutant.suite, suites[mutant.suite])
        result.found, result.seed = try_suite(program, suites[mutant.suite])
    except BuildError as error:
        result.broken = f"it does not build: {error}"
    finally:
        tree.heal(mutant)
        trees.put(tree)
    result.seconds = time.monotonic() - begin
    return result


def sound(name, suites, trees):
    """Why a suite says nothing: it fails without any mutant. None if it passes."""
    tree = trees.get()
    try:
        found, _ = try_suite(tree.make(name, suites[name]), suites[name])
        return f"{name} fails without a mutant: {found}" if found else None
    except BuildError as error:
        return f"{name} does not build: {error}"
    finally:
        trees.put(tree)


def make_trees(build, count):
    trees = queue.SimpleQueue()
    for i in range(count):
        tree = Tree(build / "mutants" / str(i))
        tree.prepare()
        trees.put(tree)
    return trees


def print_row(result):
    seed = str(result.seed) if result.seed else "-"
    print(f"{result.mutant.area:11} {result.mutant.name:38} {result.mutant.suite:11} "
          f"{seed:>6} {result.seconds:6.1f}  {result.verdict}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME|AREA")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="so many at a time (2)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--json", metavar="FILE", help="the table as JSON; - for stdout only")
    parser.add_argument("--list", action="store_true", help="name the mutants and say why")
    parser.add_argument("--keep", action="store_true", help="keep the results, and write the table")
    parser.add_argument("--recorded", action="store_true", help="tell the results that were kept")
    parser.add_argument("--table", action="store_true", help="write docs/mutants.md anew")
    parser.add_argument("--check", action="store_true", help="whether all can be planted")
    options = parser.parse_args()

    suites, mutants = load()
    problems = check(suites, mutants)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    if options.check:
        return check_table(suites, mutants)
    if options.table:
        record.keep([], suites, mutants)
        return 0
    chosen = [m for m in mutants
              if not options.names or m.name in options.names or m.area in options.names]
    unknown = set(options.names) - {m.name for m in mutants} - {m.area for m in mutants}
    if unknown:
        parser.error(f"no mutant, and no area, is called {', '.join(sorted(unknown))}; see --list")
    if options.list:
        for mutant in chosen:
            print(f"{mutant.area:11} {mutant.name:38} {mutant.suite:11} {mutant.why}")
        return 0
    if options.recorded:
        return summarize(options, record.rows(chosen, suites), 0)
    return try_all(options, suites, chosen, mutants)


def try_all(options, suites, chosen, mutants):
    quiet = options.json == "-"
    begin = time.monotonic()
    trees = make_trees(options.build.resolve(), min(options.j, len(chosen)))
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        used = sorted({mutant.suite for mutant in chosen})
        unsound = [why for why in pool.map(lambda s: sound(s, suites, trees), used) if why]
        for why in unsound:
            print(why, file=sys.stderr)
        if unsound:
            return 2
        if not quiet:
            print(f"{'area':11} {'mutant':38} {'suite':11} {'seed':>6} {'s':>6}  found by")
        results = []
        for result in pool.map(lambda m: attempt(m, suites, trees), chosen):
            results.append(result)
            if not quiet:
                print_row(result)
    if options.keep:
        record.keep(results, suites, mutants)
    return summarize(options, [r.as_dict() for r in results], time.monotonic() - begin)


def summarize(options, rows, seconds):
    found = sum(row["found"] for row in rows)
    explained = sum(not row["found"] and bool(row["explained"]) for row in rows)
    table = {"planted": len(rows), "found": found, "explained": explained,
             "seconds": round(seconds, 1), "mutants": rows}
    text = json.dumps(table, indent=1) + "\n"
    if options.json == "-":
        sys.stdout.write(text)
    else:
        print(f"{found} of {len(rows)} found, {explained} explained, {seconds:.0f} s")
        for row in rows:
            if not row["found"]:
                print(f"  {row['name']}: {row['error'] or row['explained'] or 'SURVIVES'}")
        if options.json:
            pathlib.Path(options.json).write_text(text, encoding="utf-8")
    if any(row["error"] for row in rows):
        return 2
    return 0 if all(row["found"] or row["explained"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
