#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds the fuzzers with clang and runs them, two at a time.

usage: run.py [--seconds N] [--keep] [--coverage] [--json] [TARGET...]

  --seconds N  each target (30)
  --keep       minimise what was found, and keep it in tests/fuzz/corpus/
  --coverage   lines of the target's own files that its inputs reach (a second build, by llvm-cov)
  --json       one object on stdout instead of the table

New inputs stay in the build directory. An input that a target does not survive is printed with its
path; the exit code is then 1.
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

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests/fuzz"
CORPUS = HERE / "corpus"
AT_ONCE = 2

# What each target is meant for. Of these files --coverage counts the lines.
COVERS = {
    "client_socket": ("control/runtime/client_server.cpp", "control/runtime/client_listener.cpp"),
    "clients": ("dataplane/client/session_port.cpp", "dataplane/client/session_port.h",
                "dataplane/client/abi.h", "dataplane/endpoint_clients.cpp"),
    "commands": ("control/runtime/commands_table.cpp", "control/runtime/commands_faults.cpp"),
    "config": ("control/config.cpp", "control/config_graph.cpp", "control/config_options.cpp",
               "control/config_profile.cpp", "control/config_reader.cpp", "control/topology.cpp",
               "control/topology_form.cpp", "control/yaml_reader.cpp"),
    "control_frame": ("proto/wire/control_frame.cpp", "proto/wire/control_frame.h",
                      "proto/wire/ctl_os.h"),
    "control_socket": ("control/runtime/control_socket.cpp",),
    "crc": ("proto/wire/crc32.cpp", "proto/wire/crc32_clmul.cpp", "proto/wire/crc32_avx512.cpp",
            "proto/wire/fcs.h"),
    "endpoint": ("proto/txn/target.cpp", "proto/txn/initiator.cpp", "proto/txn/window_table.h",
                 "proto/txn/open_body.h", "proto/txn/delivery_rx.h", "dataplane/txn_endpoint.cpp"),
    "frame": ("proto/wire/frame.h", "proto/wire/oefh.h", "proto/wire/net_header.h",
              "proto/wire/vlan.h", "proto/wire/icrc.h", "proto/wire/build.cpp",
              "proto/wire/print.cpp"),
    "link": ("proto/link.h", "proto/link_control.h", "proto/llr_rx.cpp", "proto/llr_tx.cpp"),
    "link_hostile": ("proto/link.h", "proto/link_control.h", "proto/llr_rx.cpp",
                     "proto/llr_tx.cpp", "proto/cbfc_sender.cpp", "proto/cbfc_receiver.h"),
    "switch": ("dataplane/switch_stage.h", "dataplane/worker.h", "dataplane/forwarding_table.cpp"),
    "texts": ("control/pktgen/frame_sizes.cpp", "dataplane/dpdk/device_args.cpp"),
    "txn_items": ("proto/wire/txn_item.h", "proto/wire/txn_header.h", "dataplane/test_payload.h"),
}
# Bytes of an input at most: 4 KiB where it is not said.
LENGTH_MAX = {"config": 6000, "control_frame": 400, "crc": 600, "texts": 300}
# The parsers: all that turns foreign bytes into values.
PARSERS = ("clients", "commands", "config", "control_frame", "control_socket", "frame", "texts",
           "txn_items")


def say(text):
    print(text, file=sys.stderr, flush=True)


def targets():
    found = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.cpp"))
    if found != sorted(COVERS):
        raise SystemExit(f"COVERS in run.py names other targets than there are: {found}")
    return found


def build(folder, arguments, what):
    """Sets up (once) and builds, quietly unless it fails."""
    environment = dict(os.environ, CC=os.environ.get("CC", "clang"),
                       CXX=os.environ.get("CXX", "clang++"),
                       LLVM_PROFILE_FILE="/dev/null")  # of what the set-up itself tries out
    commands = [["ninja", "-C", str(folder)] + what]
    if not (folder / "build.ninja").exists():
        commands.insert(0, ["meson", "setup", str(folder), str(ROOT), "-Ddpdk=disabled",
                            "-Dbench=disabled", "-Db_lundef=false"] + arguments)
    for command in commands:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            say(done.stdout[-4000:] + done.stderr[-4000:])
            raise SystemExit(f"{' '.join(command[:2])} failed: see above")


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
        "new_inputs": number(r"stat::new_units_added:\s*(\d+)", text),
        "died": done.returncode != 0,
    }
    if result["died"]:
        result["executions"] = number(r"#(\d+)", text)
        result["input"] = (re.findall(r"Test unit written to (\S+)", text) or ["none"])[-1]
        why = re.findall(r"(?:violated|ERROR|runtime error): .*", text)
        result["why"] = why[0] if why else text[-400:]
    say(f"fuzz: {target}: {result['executions']} executions, {result['edges']} edges"
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


def coverage(chosen, work):
    """{target: {file: (lines reached, lines)}} of the corpus and what was found."""
    folder = work.parent / "coverage"
    flags = "['-fprofile-instr-generate', '-fcoverage-mapping']"
    build(folder, [f"-Dcpp_args={flags}", "-Dcpp_link_args=-fprofile-instr-generate"], ["fuzz"])
    tool = {name: shutil.which(name) or shutil.which(f"{name}-14")
            for name in ("llvm-profdata", "llvm-cov")}
    reached = {}
    for target in chosen:
        program = folder / f"tests/fuzz/fuzz_{target}_replay"
        raw, data = folder / f"{target}.profraw", folder / f"{target}.profdata"
        sources = [str(path) for path in (CORPUS / target, work / target) if path.is_dir()]
        subprocess.run([str(program)] + sources, check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env=dict(os.environ, LLVM_PROFILE_FILE=str(raw)))
        subprocess.run([tool["llvm-profdata"], "merge", "-o", str(data), str(raw)], check=True)
        said = subprocess.run([tool["llvm-cov"], "export", "-summary-only",
                               f"-instr-profile={data}", str(program)], check=True,
                              capture_output=True, text=True).stdout
        of_file = {}
        for file in json.loads(said)["data"][0]["files"]:
            name = os.path.relpath(os.path.normpath(os.path.join(folder, file["filename"])), ROOT)
            lines = file["summary"]["lines"]
            of_file[name] = (lines["covered"], lines["count"])
        reached[target] = {name: of_file[name] for name in COVERS[target] if name in of_file}
    return reached


def percent(files):
    total = sum(count for _, count in files)
    return 100.0 * sum(covered for covered, _ in files) / total if total else 0.0


def print_table(results):
    print(f"{'target':16} {'executions':>11} {'per s':>8} {'edges':>6} {'new':>5} {'inputs':>6} "
          f"{'lines':>7}")
    for result in results:
        lines = f"{result['lines_percent']:6.1f}%" if "lines_percent" in result else "-"
        fate = "   DIED: " + result["why"] if result["died"] else ""
        print(f"{result['target']:16} {result['executions']:11} {result['per_second']:8} "
              f"{result['edges']:6} {result['edges'] - result['edges_at_start']:5} "
              f"{result['inputs_in_tree']:6} {lines:>7}{fate}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-fuzz")
    options = parser.parse_args()
    chosen = options.targets or targets()
    unknown = set(chosen) - set(targets())
    if unknown:
        raise SystemExit(f"there is no target {', '.join(sorted(unknown))}; there are: "
                         + ", ".join(targets()))
    if not shutil.which(os.environ.get("CXX", "clang++")):
        raise SystemExit("clang is missing. As root: apt-get install --no-install-recommends clang "
                         "libclang-rt-14-dev llvm")
    say("fuzz: building")
    folder = options.build.resolve() / "fuzz"
    build(folder, ["-Dfuzz=true", "-Db_sanitize=address,undefined"], ["fuzz"])
    work = options.build.resolve() / "found"
    subprocess.run([sys.executable, str(HERE / "seeds.py"), str(work / "seeds")], check=True)
    program = {target: folder / f"tests/fuzz/fuzz_{target}" for target in chosen}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda target: fuzz(program[target], target, options.seconds, work),
                                chosen))
    if options.keep:
        for target in chosen:
            keep(program[target], target, work)
    for result in results:
        result["inputs_in_tree"] = len(list((CORPUS / result["target"]).glob("*.input")))
    summary = {"seconds": options.seconds, "targets": results,
               "executions": sum(result["executions"] for result in results),
               "died": [result["target"] for result in results if result["died"]]}
    if options.coverage:
        reached = coverage(chosen, work)
        for result in results:
            files = reached[result["target"]]
            result["files"] = {name: {"reached": a, "lines": b} for name, (a, b) in files.items()}
            result["lines_percent"] = round(percent(files.values()), 1)
        parsers = [lines for target in chosen if target in PARSERS
                   for lines in reached[target].values()]
        summary["parser_lines_percent"] = round(percent(parsers), 1)
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        print_table(results)
        if "parser_lines_percent" in summary:
            print(f"lines of the parsers: {summary['parser_lines_percent']} %")
    return 1 if summary["died"] else 0


if __name__ == "__main__":
    sys.exit(main())
