# SPDX-License-Identifier: BSD-3-Clause
"""Builds of the same sources that look on while programs run; fuzzers and sanitizers share them.

address   clang: AddressSanitizer, UndefinedBehaviorSanitizer, and the counters of libFuzzer
thread    gcc: ThreadSanitizer
coverage  clang: which lines were reached, for llvm-cov

All at -O1, because what the optimizer has folded away nobody sees, and with line numbers only,
because the rest of the debug information doubles the time that a build takes.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = ROOT / "build-proof"  # of whoever names no other
COMMON = ["-Dbench=disabled", "-Db_lundef=false", "-Doptimization=1", "-Ddebug=false"]
COMPILERS = {"address": ("clang", "clang++"), "thread": ("gcc", "g++"),
             "coverage": ("clang", "clang++")}
OPTIONS = {
    "address": ["-Dfuzz=true", "-Db_sanitize=address,undefined",
                "-Dcpp_args=['-g1', '-fno-omit-frame-pointer']"],
    # ThreadSanitizer sees calls of memcpy() and the like, not what GCC makes of them by itself. And
    # GCC warns of what it thinks that its own sanitizer's calls do.
    "thread": ["-Db_sanitize=thread", "-Dwerror=false",
               "-Dcpp_args=['-g1', '-fno-omit-frame-pointer', '-fno-builtin-memcpy', "
               "'-fno-builtin-memmove', '-fno-builtin-memset', '-fno-builtin-memcmp']"],
    "coverage": ["-Ddpdk=disabled",
                 "-Dcpp_args=['-g1', '-fprofile-instr-generate', '-fcoverage-mapping']",
                 "-Dcpp_link_args=-fprofile-instr-generate"],
}
PACKAGES = {"clang++": "clang libclang-rt-14-dev", "llvm-cov": "llvm", "g++": "g++"}
# Meson tries programs out, which would leave their profile wherever this runs.
QUIET = dict(os.environ, LLVM_PROFILE_FILE="/dev/null")


def say(text):
    print(text, file=sys.stderr, flush=True)


def missing(kind):
    """The command that installs what this tree needs and the machine lacks, or None."""
    lacks = [tool for tool in (COMPILERS[kind][1],) + (("llvm-cov",) if kind == "coverage" else ())
             if not shutil.which(tool)]
    if not lacks:
        return None
    return (f"{', '.join(lacks)} missing. As root: apt-get install --no-install-recommends "
            + " ".join(PACKAGES[tool] for tool in lacks))


def run(command, what, **options):
    """Quiet, unless it fails; returns its stdout."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        say(done.stdout[-4000:] + done.stderr[-4000:])
        raise SystemExit(f"{what} failed: see above")
    return done.stdout


def set_up(where, kind):
    """The folder of this tree below `where`, configured; as it is if it was there."""
    folder = pathlib.Path(where).resolve() / kind
    if (folder / "build.ninja").exists():
        return folder
    cache = "ccache " if shutil.which("ccache") else ""
    compilers = dict(zip(("CC", "CXX"), (cache + name for name in COMPILERS[kind])))
    run(["meson", "setup", str(folder), str(ROOT)] + COMMON + OPTIONS[kind],
        f"meson setup {folder}", env=dict(QUIET, **compilers))
    return folder


def build(folder, targets):
    run(["ninja", "-C", str(folder), *targets], f"the build in {folder}", env=QUIET)


def tests_of(folder):
    """{name of a test: what must be built for it, as ninja calls it}; only programs of the tree."""
    targets = json.loads(run(["meson", "introspect", str(folder), "--targets"], "introspection"))
    files = {target["id"]: [str(pathlib.Path(name).relative_to(folder))
                            for name in target["filename"]] for target in targets}
    tests = json.loads(run(["meson", "introspect", str(folder), "--tests"], "introspection"))
    return {test["name"]: [file for needed in test["depends"] for file in files[needed]]
            for test in tests if folder in pathlib.Path(test["cmd"][0]).parents}
