# SPDX-License-Identifier: BSD-3-Clause
"""The parts of the proof: a command each, how long it may take, and how its figures are read.

A part is a small adapter. Its `read` turns what the command has written into
{"ok": bool, "why": [sentences], figures ...}; what is not as it must be is a Malformed, and the
whole proof fails: a part that is missing is not a part that holds.
"""
import collections
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = sys.executable


class Malformed(Exception):
    """The output of a part is not what its adapter knows."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What a part had: where its files are, what it said, how it ended, how long it took."""
    work: pathlib.Path
    out: str
    code: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Part:
    name: str
    share: float  # of the time that those before it leave; 0: as long as it takes
    command: Callable  # (build, work, seconds) -> ([argv, ...], environment)
    read: Callable  # (Run) -> figures
    what: str = ""
    least: float = 0  # seconds; less would show nothing
    builds: tuple = ()  # argv of what is built before the time counts


def want(condition, what):
    if not condition:
        raise Malformed(what)


def load(text, what):
    try:
        return json.loads(text)
    except ValueError as error:
        raise Malformed(f"{what} is no JSON: {error}") from None


def load_file(path):
    want(path.is_file(), f"it has not written {path.name}")
    return load(path.read_text(encoding="utf-8"), path.name)


def added(maps):
    """Of equal maps of numbers, {name: sum}."""
    total = collections.Counter()
    for each in maps:
        total.update(each)
    return dict(total)


def sums(objects, key):
    """The same for maps that are one of several things in each object."""
    want(all(isinstance(each.get(key), dict) for each in objects),
         f"`{key}` is missing in one of its objects")
    return added(each[key] for each in objects)


# The simulator: tests/sim/sweep.h.

SIMULATIONS = ("sim_fabric", "sim_link_storm", "sim_rack", "sim_txn_storm")


def simulate(build, work, seconds):
    """ETHLINK_SECONDS is what each of their tests may take, and how many there are they say."""
    programs = [[str(build / "tests/sim" / name)] for name in SIMULATIONS]
    counted = work / "count.jsonl"
    for program in programs:
        subprocess.run(program, capture_output=True, check=False, env={
            **os.environ, "ETHLINK_SEEDS": "1", "ETHLINK_SIM_JSON": str(counted)})
    lines = counted.read_text(encoding="utf-8").splitlines() if counted.is_file() else []
    tests = sum(len(json.loads(line)["tests"]) for line in lines)
    return programs, {"ETHLINK_SIM_JSON": str(work / "sim.jsonl"),
                      "ETHLINK_SECONDS": str(max(1, int(seconds / max(1, tests))))}


def read_simulations(run):
    path = run.work / "sim.jsonl"
    want(path.is_file(), "no program has written its line (ETHLINK_SIM_JSON)")
    programs = [load(line, "a line of ETHLINK_SIM_JSON")
                for line in path.read_text(encoding="utf-8").splitlines()]
    names = [program.get("program") for program in programs]
    want(sorted(names) == sorted(SIMULATIONS), f"lines of {names}, expected {SIMULATIONS}")
    tests = [test for program in programs for test in program.get("tests", [])]
    want(tests and all("failed_seed" in test for test in tests), "its tests say no `failed_seed`")
    failed = [f"{test['test']}: seed {test['failed_seed']}" for test in tests
              if test["failed_seed"] is not None]
    figures = {"seeds": sum(program["seeds"] for program in programs),
               "seconds": round(sum(program["seconds"] for program in programs), 1),
               "tests": {test["test"]: test["seeds"] for test in tests}}
    for key in ("tally", "faults", "checks"):
        figures[key] = sums(programs, key)
    return {"ok": run.code == 0 and not failed and figures["seeds"] > 0, "why": failed, **figures}


# The models: tests/models/run.py --json.

def check_models(_, work, __):
    return [[PYTHON, str(ROOT / "tests/models/run.py"), "--json", str(work / "models.json")]], {}


def read_models(run):
    rows = load_file(run.work / "models.json")
    want(isinstance(rows, list) and rows, "models.json is no list of cases")
    for row in rows:
        want({"model", "variant", "states", "as_expected", "expected"} <= row.keys(),
             f"a case lacks keys: {row}")
    bad = [f"{row['model']}:{row['variant']}" for row in rows if not row["as_expected"]]
    models = {}
    for row in rows:
        of = models.setdefault(row["model"], {"hold": 0, "known_bad_that_fail": 0, "states": 0})
        of["hold" if row["expected"] == "ok" else "known_bad_that_fail"] += 1
        of["states"] += row["states"]
    return {"ok": run.code == 0 and not bad, "why": [f"{name} is not as expected" for name in bad],
            "models": models, **added(models.values())}


# The fuzzers: tests/fuzz/run.py --coverage --json.

FUZZ_TARGETS = len(list((ROOT / "tests/fuzz").glob("fuzz_*.cpp")))
FUZZ_AT_ONCE = 2
PARSER_LINES_LEAST = 95.0  # per cent
FUZZ = [str(ROOT / "dev"), "fuzz", "--coverage"]


def fuzz(_, __, seconds):
    each = max(5, int(seconds * FUZZ_AT_ONCE / FUZZ_TARGETS))
    return [[*FUZZ, "--seconds", str(each), "--json"]], {}


def read_fuzz(run):
    said = load(run.out, "the output of ./dev fuzz --json")
    want({"seconds", "targets", "executions", "died", "parser_lines_percent", "parsers"}
         <= said.keys(), f"it has {sorted(said)}")
    want(len(said["targets"]) == FUZZ_TARGETS, f"{len(said['targets'])} of {FUZZ_TARGETS} targets")
    why = [f"{target['target']}: {target.get('why', '')} {target.get('input', '')}"
           for target in said["targets"] if target["died"]]
    if said["parser_lines_percent"] < PARSER_LINES_LEAST:
        why.append(f"{said['parser_lines_percent']} % of the parsers' lines are reached, "
                   f"{PARSER_LINES_LEAST} % must be")
    return {"ok": run.code == 0 and not why, "why": why,
            "targets": len(said["targets"]), "seconds_each": said["seconds"],
            "executions": said["executions"],
            "inputs_in_tree": sum(target["inputs_in_tree"] for target in said["targets"]),
            "parser_lines_percent": said["parser_lines_percent"],
            "parsers": {group: {**added(of["files"].values()),
                                "lines_percent": of["lines_percent"]}
                        for group, of in said["parsers"].items()}}


# Sanitizers: the last lines of tests/sanitize.py.

SANITIZE = [str(ROOT / "dev"), "sanitize"]


def sanitize(_, __, ___):
    return [SANITIZE], {}


def read_sanitize(run):
    found = {kind: (int(programs), int(reports)) for kind, programs, reports in re.findall(
        r"^(address|thread): (\d+) programs, (\d+) reports$", run.out, re.MULTILINE)}
    want(set(found) == {"address", "thread"}, "it does not say what both sanitizers found")
    reports = re.findall(r"^(?:address|thread): \w+: .*|^FAILED .*", run.out, re.MULTILINE)
    return {"ok": run.code == 0 and not any(n for _, n in found.values()), "why": reports[:20],
            **{kind: {"programs": programs, "reports": n}
               for kind, (programs, n) in found.items()}}


# Two implementations and Wireshark: tests/differential/.

DIFFERENTIAL_ROUNDS = 20_000


def differ(build, work, _):
    return [[PYTHON, str(ROOT / "tests/differential/differential_test.py"), "--codec",
             str(build / "tests/differential/codec"), "--seed", str(work.stat().st_ino % 100_000),
             "--rounds", str(DIFFERENTIAL_ROUNDS), "--json", str(work / "differential.json")]], {}


def read_differential(run):
    said = load_file(run.work / "differential.json")
    want({"seed", "kinds"} <= said.keys() and said["kinds"], f"it has {sorted(said)}")
    return {"ok": run.code == 0, "why": [], "seed": said["seed"], "rounds": DIFFERENTIAL_ROUNDS,
            "kinds": said["kinds"]}


# Planted bugs: what ./dev mutants --keep has kept of the last time that each was tried.

MUTANTS = [str(ROOT / "dev"), "mutants"]
SOME = 8  # names in one sentence


def recall(_, work, __):
    return [[*MUTANTS, "--recorded", "--json", str(work / "mutants.json")]], {}


def some(names):
    told, more = names[:SOME], len(names) - SOME
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def read_mutants(run):
    said = load_file(run.work / "mutants.json")
    want(isinstance(said, dict) and said.get("mutants"), "it has no list `mutants`")
    rows = said["mutants"]
    for row in rows:
        want({"name", "area", "suite", "found", "seed", "explained", "error", "commit",
              "same_file"} <= row.keys(), f"a mutant lacks keys: {row}")
    survivors = {row["name"]: row["explained"] or "" for row in rows if not row["found"]}
    errors = collections.defaultdict(list)
    for row in rows:
        if row["error"]:
            errors[row["error"]].append(row["name"])
    wrong = [f"{error}: {some(names)}" for error, names in errors.items()]
    wrong += [f"{row['name']} was not found" for row in rows
              if not row["found"] and not row["explained"] and not row["error"]]
    areas = {}
    for row in rows:
        of = areas.setdefault(row["area"], {"planted": 0, "found": 0, "suites": [], "seed": 0})
        of["planted"] += 1
        of["found"] += row["found"]
        of["suites"] = sorted({*of["suites"], row["suite"]})
        of["seed"] = max(of["seed"], row["seed"] or 0)
    return {"ok": run.code == 0 and not wrong, "why": wrong, "planted": len(rows),
            "found": len(rows) - len(survivors), "survivors": survivors, "areas": areas,
            "commits": dict(collections.Counter(row["commit"] for row in rows)),
            "in_files_that_changed": sum(not row["same_file"] for row in rows)}


# Real processes: tests/soak/soak.py --json.

def soak(build, _, seconds):
    return [[PYTHON, str(ROOT / "tests/soak/soak.py"), "--json", "--minutes",
             str(round(max(1.0, seconds / 60), 2))]], {
                 "ETHLINK_PROGRAM": str(build / "ethlink"),
                 "ETHLINK_LEDGER": str(build / "tests/e2e/ledger")}


def read_soak(run):
    said = load(run.out, "the output of the soak")
    want({"seed", "ok", "media", "seconds"} <= said.keys() and said["media"],
         f"it has {sorted(said)}")
    for medium in said["media"]:
        want({"medium", "rounds", "events", "faults", "transactions", "frames", "credits_leaked",
              "mbufs_leaked", "recovery_samples_ms"} <= medium.keys(),
             f"a medium lacks keys: {sorted(medium)}")
    return {**said, "ok": run.code == 0 and said["ok"],
            "why": [f"{medium['medium']}, round {failure['round']}: {failure['what']}"
                    for medium in said["media"] for failure in medium["failures"]]}


PARTS = (
    Part("models", 0, check_models, read_models, "the protocol in every schedule, by Spin"),
    Part("differential", 0, differ, read_differential, "a second implementation, and Wireshark"),
    Part("mutants", 0, recall, read_mutants, "planted bugs, each of which some test has found"),
    Part("sanitizers", 0, sanitize, read_sanitize, "the suites under ASan, UBSan and TSan",
         builds=(*SANITIZE, "--build-only")),
    # Those that can use any time; what one takes beyond its own is not the next one's.
    Part("fuzzers", 0.3, fuzz, read_fuzz, "any bytes at any door", 60,
         builds=(*FUZZ, "--build-only")),
    Part("simulator", 0.35, simulate, read_simulations, "the shipped code in virtual time", 40),
    Part("soak", 0.35, soak, read_soak, "real processes, killed and hung", 60),
)
