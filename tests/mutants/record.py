# SPDX-License-Identifier: BSD-3-Clause
"""What became of each mutant when it was tried last: results.json, and docs/mutants.md made of it.

A result belongs to a mutant, the suite that had to find it, and a tree. When mutant or suite have
changed, or the test that found it has left the suite's files, it says nothing any more, and the
mutant counts as not tried. When only the file has changed in which the bug was planted, the result
stands and is told as an older one.
"""
import hashlib
import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = HERE / "results.json"
TABLE = ROOT / "docs/mutants.md"
BUILT = ("proto", "dataplane", "control", "tests/unit", "tests/sim", "tests/fabrics",
         "meson.build")
NOT_TRIED = "not tried yet, or changed since"
HEAD = """\
# Mutants

Written by `./dev mutants --keep`; not edited by hand. Each row is a bug that was planted in a copy
of the tree of that commit, and the first test of the suite that failed, with the lowest seed where
it is a simulation: so many seeds it takes. A plus sign: the tree was that of the commit and a
little more. How it is done: [testing.md](testing.md#the-mutants).
"""


def digest(*texts):
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def of_bug(mutant, suites):
    """Changes when the mutant or its suite do."""
    return digest(mutant.file, mutant.old, mutant.new, mutant.suite,
                  json.dumps(suites[mutant.suite], sort_keys=True))


def of_file(mutant):
    return digest((ROOT / mutant.file).read_text(encoding="utf-8"))


def is_there(test, suite):
    """Whether this test ("Name.Test/instance (how)") still stands in a file of the suite."""
    if not test or "only" not in suite:
        return True
    group, _, name = test.partition(" ")[0].partition(".")
    pattern = rf"\b{group.rpartition('/')[2]},\s*{name.partition('/')[0]}\b"
    folder = (ROOT / suite["program"]).parent
    return any(re.search(pattern, (folder / f"{file}_test.cpp").read_text(encoding="utf-8"))
               for file in suite["only"])


def commit():
    """The last one that changed what is built, with a plus sign if there is more than that."""
    def tell(*argv):
        return subprocess.run(["git", *argv, "--", *BUILT], capture_output=True, text=True,
                              check=False, cwd=ROOT).stdout.strip()
    name = tell("log", "-1", "--format=%h", "--abbrev=12") or "none"
    return name + ("+" if tell("status", "--porcelain") else "")


def load():
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}


def keep(results, suites, known):
    """Adds these to what is known of all mutants that there still are."""
    at, record = commit(), load()
    for result in results:
        record[result.mutant.name] = {
            "by": result.found, "seed": result.seed or None, "seconds": round(result.seconds, 1),
            "error": result.broken or None, "commit": at, "bug": of_bug(result.mutant, suites),
            "file": of_file(result.mutant)}
    record = {mutant.name: record[mutant.name] for mutant in known if mutant.name in record}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(document(known, suites), encoding="utf-8")


def row(mutant, suites, record):
    """As run.py's --json tells a result, with the commit, and whether the file is the same yet."""
    told = record.get(mutant.name)
    if (told is None or told["bug"] != of_bug(mutant, suites)
            or not is_there(told["by"], suites[mutant.suite])):
        told = {"by": "", "seed": None, "seconds": None, "error": NOT_TRIED, "commit": None,
                "file": None}
    return {"name": mutant.name, "area": mutant.area, "file": mutant.file, "suite": mutant.suite,
            "why": mutant.why, "found": bool(told["by"]), "by": told["by"], "seed": told["seed"],
            "seconds": told["seconds"], "explained": mutant.survives or None,
            "error": told["error"], "commit": told["commit"],
            "same_file": told["file"] == of_file(mutant)}


def rows(mutants, suites):
    record = load()
    return [row(mutant, suites, record) for mutant in mutants]


def fate(told):
    if told["error"]:
        return told["error"]
    if told["found"]:
        return f"`{told['by']}`"
    return f"survives: {told['explained']}" if told["explained"] else "**survives**"


def document(mutants, suites):
    told = rows(mutants, suites)
    found = sum(each["found"] for each in told)
    untried = sum(each["error"] == NOT_TRIED for each in told)
    explained = sum(bool(each["explained"]) and not each["found"] for each in told)
    text = HEAD + (f"\n{len(told)} planted, {found} found, {explained} explained, {untried} not "
                   "tried.\n")
    for area in dict.fromkeys(each["area"] for each in told):
        text += (f"\n## {area}\n\n| mutant | what it does | suite | found by | seed | commit |\n"
                 "|---|---|---|---|---|---|\n")
        for each in told:
            if each["area"] == area:
                text += (f"| {each['name']} | {each['why']} | {each['suite']} | {fate(each)} | "
                         f"{each['seed'] or '-'} | {each['commit'] or '-'} |\n")
    return text


def problem(mutants, suites):
    """Why the table in docs/ is not what the results say, or None."""
    if TABLE.is_file() and TABLE.read_text(encoding="utf-8") == document(mutants, suites):
        return None
    return (f"{TABLE.relative_to(ROOT)} is not what the lists and results.json say: "
            "./dev mutants --table writes it")
