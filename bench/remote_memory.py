#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Remote memory beside what others do on this machine, alternating in one run.

usage: remote_memory.py ETHLINK BENCH_COPY [--rounds N] [--seconds S] [--fabric FILE] [--copies N]

Ours is `ethlink perf --fabric FILE`: a lab with one busy poll thread (two endpoints and the switch
between them) and the asking program, through libethlink.

Latency beside fi_pingpong over loopback (package libfabric-bin), two processes. It sends a ping,
waits for the pong, N times, and prints the mean time of one transfer, which is the whole time
divided by 2 N: a round trip is twice that. It prints no percentiles and warms nothing up, so the
means are compared; the median of ours stands beside it. A load of ours is a round trip too: the
request there, the data back.

RDMA write beside memcpy (bench_copy): the same bytes, as often as a byte is copied on our path
(docs/architecture.md, "Where a byte is copied"), in the same pieces, by one thread.
"""
import argparse
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

# provider, endpoint type
PROVIDERS = [("tcp", "msg"), ("tcp;ofi_rxm", "rdm"), ("udp", "dgram"), ("udp;ofi_rxd", "rdm")]
PINGS = 50_000
STORE_DEPTHS = (64, 256, 512)
WRITES = (64 << 10, 1 << 20)

# What is to be reached: name, figure, at most or at least.
GOALS = [("load 8 B, p50 us", "most", 2), ("load 8 B, p99 us", "most", 10),
         ("loads, depth 64, M/s", "least", 5), ("stores, best depth, M/s", "least", 10),
         ("write 1024 KiB, Gbit/s", "least", 40), ("memcpy / write 1024 KiB", "most", 2.5)]
GOAL_TO_PEER = 5  # times their round trip


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return (f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} CPUs, "
            f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f}")


def perf_command(options, operation, *arguments):
    return [options.ethlink, "perf", operation, "--fabric", options.fabric, "--duration",
            str(options.seconds), *arguments, "--json"]


def deep(depth):
    return ["--size", "8", "--mode", "bandwidth", "--depth", str(depth)]


def run_perf(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        sys.exit(f"remote_memory.py: {' '.join(command)}: exit code {done.returncode}\n"
                 f"{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def pingpong_commands(provider, endpoint, port):
    common = ["-p", provider, "-e", endpoint, "-I", str(PINGS), "-S", "8"]
    return (["fi_pingpong", *common, "-B", port],
            ["fi_pingpong", *common, "-P", port, "127.0.0.1"])


def run_pingpong(provider, endpoint):
    """The mean round trip in microseconds, or a sentence why there is none."""
    server_command, client_command = pingpong_commands(provider, endpoint, free_port())
    server = subprocess.Popen(server_command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
    try:
        for _ in range(20):  # Until the server listens.
            client = subprocess.run(client_command, capture_output=True, text=True, timeout=60,
                                    check=False)
            if client.returncode == 0 or "refused" not in client.stdout + client.stderr:
                break
            time.sleep(0.05)
        server.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        return "it does not end: it repeats nothing, and a datagram was lost"
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    row = re.search(r"^8 .*?([0-9.]+)\s+[0-9.]+\s*$", client.stdout, re.M)
    if client.returncode != 0 or not row:
        return " ".join((client.stderr or client.stdout).split())[-200:] or "it says nothing"
    return 2 * float(row.group(1))


def copy_command(options, size):
    return [options.bench_copy, "--bytes", str(size), "--copies", str(options.copies), "--frames",
            str(options.frames), "--milliseconds", str(int(options.seconds * 1000))]


def run_copy(command):
    return float(subprocess.run(command, capture_output=True, text=True, timeout=120,
                                check=True).stdout)


def one_round(options, note):
    """All figures once, ours and theirs in turn; note(name, figure)."""
    load = run_perf(perf_command(options, "load", "--size", "8"))["latency_us"]
    for key, name in (("typical", "p50"), ("avg", "mean"), ("p99", "p99")):
        note(f"load 8 B, {name} us", load[key])
    for provider, endpoint in PROVIDERS if options.pingpong else []:
        figure = run_pingpong(provider, endpoint)
        if isinstance(figure, float):
            note(f"fi_pingpong {provider}, mean us", figure)
            note(f"fi_pingpong {provider} / load", figure / load["avg"])
        else:
            options.skipped[f"fi_pingpong {provider}"] = figure
    note("loads, depth 64, M/s", run_perf(perf_command(options, "load", *deep(64)))["rate_mops"])
    stores = {}
    for depth in STORE_DEPTHS:
        told = run_perf(perf_command(options, "store", *deep(depth)))
        stores[depth] = told["rate_mops"]
        note(f"stores, depth {depth}, M/s", stores[depth])
    note("stores, best depth, M/s", max(stores.values()))
    for size in WRITES:
        name = f"write {size >> 10} KiB"
        told = run_perf(perf_command(options, "write", "--size", str(size)))
        copied = run_copy(copy_command(options, size))
        note(f"{name}, Gbit/s", told["bandwidth_gbps"])
        note(f"memcpy x {options.copies}, {size >> 10} KiB, Gbit/s", copied)
        note(f"memcpy / {name}", copied / told["bandwidth_gbps"])


def report(figures, options):
    print(f"{'':34} {'median':>9} {'least':>9} {'most':>9}")
    for name, values in figures.items():
        print(f"{name:34} {statistics.median(values):9.2f} {min(values):9.2f} {max(values):9.2f}")
    for name, why in options.skipped.items():
        print(f"{name:34} skipped: {why}")
    goals = GOALS + [(name, "least", GOAL_TO_PEER) for name in figures if name.endswith("/ load")]
    print(f"{'':34} {'median':>9} {'goal':>15}")
    for name, kind, goal in goals:
        value = statistics.median(figures[name])
        reached = value <= goal if kind == "most" else value >= goal
        print(f"{name:34} {value:9.2f} {'at ' + kind:>9} {goal:5} "
              f"{'reached' if reached else 'MISSED'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ethlink")
    parser.add_argument("bench_copy")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--fabric", default=str(Path(__file__).resolve().parent.parent /
                                                "configs" / "single-rack.yaml"))
    parser.add_argument("--copies", type=int, default=2, help="of each byte on our path")
    parser.add_argument("--frames", type=int, default=128,
                        help="distinct frame buffers that the memcpy goes through")
    options = parser.parse_args()
    options.skipped = {}
    options.pingpong = shutil.which("fi_pingpong") is not None
    if not options.pingpong:
        options.skipped["fi_pingpong"] = "it is not installed (package libfabric-bin)"
    print(f"# {machine()}, {options.rounds} rounds, alternating")
    for command in (perf_command(options, "load", "--size", "8"),
                    perf_command(options, "load|store", *deep("64|256|512")),
                    perf_command(options, "write", "--size", "65536|1048576"),
                    *pingpong_commands("|".join(p for p, _ in PROVIDERS), "msg|rdm|dgram", "PORT"),
                    copy_command(options, "65536|1048576")):
        print("#", " ".join(command))
    print("# fi_pingpong: a round trip is twice its usec/xfer", flush=True)
    figures = {}
    for _ in range(options.rounds):
        one_round(options, lambda name, figure: figures.setdefault(name, []).append(figure))
    report(figures, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
