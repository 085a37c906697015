#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Our hop beside dpdk-testpmd csum forwarding, alternating on one CPU: cycles per packet.

usage: forward.py BENCH_HOP [--rounds N] [--cpu N]

testpmd forwards a few frames round two net_ring ports and looks at each as far as csum does; it
promises nothing. Our hop has LLR and CBFC on both sides. Both: one core, bursts of 32, ordinary
pages, TSC cycles spent in bursts. Exit code 77 (skipped) without dpdk-testpmd.
"""
import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

# keep, ports, vcs, size. share: the hop itself, no payload copied. copy: the in-process wire.
CASES = [("share", 2, 1, 64), ("share", 2, 1, 2048), ("share", 8, 1, 64), ("copy", 2, 1, 64),
         ("copy", 2, 1, 2048)]
TESTPMD_SECONDS = 1.0
GOAL_TO_TESTPMD = 2.5  # at 64 bytes
GOAL_TO_SMALL = 1.3    # 2,048 bytes against 64


def priority():
    """Others on the machine are interrupted by us, not we by them, where that is allowed."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        return "nice -20"
    except PermissionError:
        return "ordinary priority"


def testpmd_command(cpu):
    return ["taskset", "-c", str(cpu), "dpdk-testpmd", "--no-huge", "--no-shconf", "-m", "320",
            "--lcores", f"0@{cpu},1@{cpu}", "--no-pci", "--iova-mode=va", "--no-telemetry",
            "--file-prefix", f"ethlink-bench-{os.getpid()}",
            "--vdev", "net_ring0", "--vdev", "net_ring1", "--", "-i", "--forward-mode=csum",
            "--nb-cores=1", "--total-num-mbufs=16384", "--burst=32", "--record-core-cycles"]


def hop_command(bench_hop, cpu, case):
    keep, ports, vcs, size = case
    return ["taskset", "-c", str(cpu), bench_hop, "--keep", keep, "--ports", str(ports), "--vcs",
            str(vcs), "--size", str(size), "--windows", "100", "--csv"]


def run_testpmd(cpu):
    process = subprocess.Popen(testpmd_command(cpu), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    process.stdin.write("start tx_first 8\n")
    process.stdin.flush()
    time.sleep(TESTPMD_SECONDS + 1)  # One second until it is up.
    output, _ = process.communicate("stop\nquit\n", timeout=60)
    match = re.search(r"CPU cycles/packet=([0-9.]+)", output)
    if not match:
        sys.exit("forward.py: testpmd gave no figure; its output:\n" + output)
    return float(match.group(1))


def run_hop(bench_hop, cpu, case):
    done = subprocess.run(hop_command(bench_hop, cpu, case), capture_output=True, text=True,
                          timeout=120, check=False)
    if done.returncode != 0:
        sys.exit(f"forward.py: {' '.join(done.args)}:\n{done.stdout}{done.stderr}")
    return float(done.stdout.strip().split(",")[-1])


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    dpdk = subprocess.run(["pkg-config", "--modversion", "libdpdk"], capture_output=True,
                          text=True, check=False).stdout.strip()
    return (f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} CPUs, "
            f"Linux {platform.release()}, DPDK {dpdk}, load {os.getloadavg()[0]:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench_hop")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    if shutil.which("dpdk-testpmd") is None:
        print("forward.py: dpdk-testpmd is not installed (package dpdk-dev): skipped")
        return 77
    print(f"# {machine()}, {priority()}, {options.rounds} rounds, alternating\n"
          f"# {' '.join(testpmd_command(options.cpu))}\n"
          f"# {' '.join(hop_command(options.bench_hop, options.cpu, CASES[0]))}", flush=True)
    base, hops = [], {case: [] for case in CASES}
    for _ in range(options.rounds):
        base.append(run_testpmd(options.cpu))
        for case in CASES:
            hops[case].append(run_hop(options.bench_hop, options.cpu, case))
    report(base, hops)
    return 0


def ratios(values, base):
    """Of the same rounds, their median; and of the least figures: testpmd's is a mean, which counts
    the time that it was interrupted, so on a busy machine the second is the harder one."""
    return (statistics.median(value / other for value, other in zip(values, base)),
            min(values) / min(base))


def report(base, hops):
    print(f"{'cycles per packet':28} median  least  times testpmd: median  least")
    print(f"{'testpmd csum, net_ring':28} {statistics.median(base):6.1f} {min(base):6.1f}")
    for (keep, ports, _, size), values in hops.items():
        name = f"hop, {keep}, {ports} ports, {size} B"
        median, least = ratios(values, base)
        print(f"{name:28} {statistics.median(values):6.1f} {min(values):6.1f} "
              f"{median:21.2f} {least:6.2f}")
    small, large = hops[CASES[0]], hops[CASES[1]]
    to_testpmd = max(ratios(small, base))
    to_small = statistics.median(value / other for value, other in zip(large, small))
    for what, value, goal in (("64 B hop / testpmd", to_testpmd, GOAL_TO_TESTPMD),
                              ("2048 B hop / 64 B hop", to_small, GOAL_TO_SMALL)):
        verdict = "reached" if value <= goal else "MISSED"
        print(f"{what:28} {value:6.2f}  goal {goal}: {verdict}")


if __name__ == "__main__":
    sys.exit(main())
