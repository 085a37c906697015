# SPDX-License-Identifier: BSD-3-Clause
"""Which lines the inputs of the fuzzers reach, by llvm-cov.

A parser is a file whose functions take bytes of somebody else (a neighbour, a GPU, a program, a
file) and say what they mean, or why they mean nothing. What then acts on the meaning (links,
endpoints, tables) is judged by oracles instead: of it many lines need time or threads, not bytes.
Nor does it count what writes, with one exception: print.cpp writes lines, of any bytes at all.
"""
import json
import os
import subprocess

import trees

PARSERS = {
    "frames": ("proto/wire/frame.h", "proto/wire/oefh.h", "proto/wire/net_header.h",
               "proto/wire/vlan.h", "proto/wire/link_word.h", "proto/wire/icrc.h",
               "proto/wire/fcs.h", "proto/wire/print.cpp"),
    "control frames": ("proto/wire/control_frame.h", "proto/wire/control_frame.cpp",
                       "proto/wire/ctl_os.h"),
    "transactions": ("proto/wire/txn_header.h", "proto/wire/txn_item.h", "proto/txn/open_body.h",
                     "dataplane/test_payload.h"),
    "fabric files": ("control/yaml_reader.cpp", "control/config_reader.cpp", "control/config.cpp",
                     "control/config_graph.cpp", "control/config_options.cpp",
                     "control/config_profile.cpp", "control/topology.cpp",
                     "control/topology_form.cpp"),
    "command line": ("control/pktgen/frame_sizes.cpp", "dataplane/dpdk/device_args.cpp"),
    "control socket": ("control/runtime/control_socket.cpp", "control/runtime/commands_table.cpp",
                       "control/runtime/commands_faults.cpp"),
    "programs": ("dataplane/client/session_port.h", "dataplane/client/session_port.cpp",
                 "control/runtime/client_server.cpp", "control/runtime/client_requests.cpp"),
}


def replay(program, sources, raw):
    """Runs the inputs; one that the target does not survive is told by the fuzzer's own run."""
    subprocess.run([str(program), *map(str, sources)], check=False, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env=dict(os.environ, LLVM_PROFILE_FILE=str(raw)))


def lines_of(profile, programs, folder):
    """{file: (lines reached, lines)} of all files of the tree that these programs are made of."""
    objects = [argument for program in programs[1:] for argument in ("-object", str(program))]
    said = subprocess.run(["llvm-cov", "export", "-summary-only",
                           f"-instr-profile={profile}", str(programs[0])] + objects,
                          check=True, capture_output=True, text=True).stdout
    found = {}
    for file in json.loads(said)["data"][0]["files"]:
        name = os.path.relpath(os.path.normpath(os.path.join(folder, file["filename"])), trees.ROOT)
        lines = file["summary"]["lines"]
        found[name] = (lines["covered"], lines["count"])
    return found


def measure(folder, sources):
    """{file: (lines reached, lines)} by all inputs of all targets; sources: {target: folders}."""
    programs, profiles = [], []
    for target, folders in sources.items():
        program = folder / f"tests/fuzz/fuzz_{target}_replay"
        raw = folder / f"{target}.profraw"
        replay(program, [path for path in folders if path.is_dir()], raw)
        programs.append(program)
        profiles.append(str(raw))
    merged = folder / "all.profdata"
    subprocess.run(["llvm-profdata", "merge", "-o", str(merged)] + profiles, check=True)
    return lines_of(merged, programs, folder)


def percent(files):
    files = list(files)
    total = sum(count for _, count in files)
    return round(100 * sum(reached for reached, _ in files) / total, 1) if total else 0.0


def of_parsers(lines):
    """{group: {file: (lines reached, lines)}}; a file of declarations only has no lines."""
    return {group: {name: lines[name] for name in names if name in lines}
            for group, names in PARSERS.items()}
