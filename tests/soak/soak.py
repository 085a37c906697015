#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real processes under kills, hangs, bad cables, pulled cables, storms and garbage, round by round.

usage: soak.py [--minutes N] [--medium memif|veth]... [--seed S] [--round R] [--rounds N]
               [--only TROUBLE]... [--json] [--keep]

  --minutes N  over all media together (1)
  --medium M   memif, veth (root); both if none is named and this machine can
  --seed S     what happens follows from it, the medium and the number of the round
  --round R    begin with this round; --rounds N: so many, however long they take
  --only T     these troubles alone, of those that trouble.py knows: hang, kill_switch ...
  --json       one object on stdout instead of the table
  --keep       keep the logs also if nothing was wrong

A round: programs lend memory and work on each other's (tests/e2e/ledger.cpp), test frames flow;
cables get faults; two troubles; all is healed; then the ledgers are compared, and credits,
buffers and memory of every process must be as before. The exit code is 0 only if all of it held,
and 77 if this machine can do none of it.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import accounts as books  # pylint: disable=wrong-import-position
import ethlink  # pylint: disable=wrong-import-position
import load as loads  # pylint: disable=wrong-import-position
import report  # pylint: disable=wrong-import-position
import rig as rigs  # pylint: disable=wrong-import-position
import trouble as troubles  # pylint: disable=wrong-import-position

MEDIA = ("memif", "veth")
STORM_S = 1.0  # of plain traffic over bad cables, before anything else happens


class Interrupted(Exception):
    """By somebody, not by a fault."""


def say(text):
    print(text, file=sys.stderr, flush=True)


class Steps:
    """Of a round: which one it is at, and what each has taken."""

    def __init__(self):
        self.begun = []  # (name, when)

    def begin(self, name):
        self.begun.append((name, time.monotonic()))

    @property
    def last(self):
        return self.begun[-1][0]

    def told(self):
        ends = [when for _, when in self.begun[1:]] + [time.monotonic()]
        return ", ".join(f"{name} {end - when:.1f}" for (name, when), end
                         in zip(self.begun, ends)) + f" = {ends[-1] - self.begun[0][1]:.1f} s"


class Soak:
    """One medium: a fabric, and rounds on it."""

    def __init__(self, medium, seed, only, logs):
        self.medium, self.seed, self.only = medium, seed, only
        self.logs = logs / medium
        self.logs.mkdir()
        self.rig = rigs.Rig(medium, seed % 1_000_000, self.logs)
        self.accounts = books.Accounts(self.rig)
        self.failures, self.rounds, self.seconds = [], 0, 0.0

    def run(self, first, seconds, rounds):
        """Rounds until the time is over, or so many. A failed one ends it: what comes after it
        shows nothing new."""
        begin = time.monotonic()
        number = first
        try:
            self.rig.up()
            self.accounts.settle_resources(calm=False)
            while not self.failures and (number - first < rounds if rounds else
                                         number == first or time.monotonic() - begin < seconds):
                self.one_round(number)
                number += 1
            if not self.failures:
                self.rig.down()
                self.failures += [(number - 1, what) for what in self.rig.unclean]
        except Exception as error:  # pylint: disable=broad-except
            if isinstance(error, Interrupted):
                raise
            self.failures.append((number, words(error)))
        finally:
            self.rig.end()
            self.seconds = time.monotonic() - begin
        self.failures += [(number, f"left behind: {what}") for what in self.rig.leftovers()]

    def one_round(self, number):
        todo = troubles.draw(self.seed, self.medium, number, self.only)
        load = loads.Load(self.rig, self.seed + 1000 * number)
        trouble = troubles.Trouble(self.rig, load, self.accounts)
        steps = Steps()
        try:
            steps.begin("start")
            before = self.accounts.start_frames()
            counted = self.accounts.total()
            load.start()
            for kind, parameters in todo:
                steps.begin(kind)
                trouble.do(kind, parameters)
                if kind == "impair":
                    time.sleep(STORM_S)
            steps.begin("heal")
            trouble.heal()
            steps.begin("ledger")
            self.accounts.settle_transactions(load)
            gone = self.accounts.total() - counted
            trouble.moved = trouble.moved or gone["flushes"] > 0
            steps.begin("frames")
            self.accounts.settle_frames(before, gone["given_up"], trouble)
            steps.begin("resources")
            self.accounts.settle_resources()
        except Interrupted:
            raise
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append((number, f"{steps.last}: {words(error)}"))
            self.rig.picture()
        self.rounds += 1
        say(f"soak: {self.medium} round {number}: {steps.told()}; "
            f"{sum(w.journal.good for w in load.workers)} transactions")
        if self.failures:
            (self.logs / "round.json").write_text(json.dumps(todo, indent=1) + "\n",
                                                  encoding="utf-8")


def words(error):
    """For people; where it is no sentence of ours, where it came from."""
    if isinstance(error, (books.Broken, ethlink.TooSlow, RuntimeError)):
        return str(error)
    return "".join(traceback.format_exception_only(error)).strip() + " at " + "; ".join(
        f"{pathlib.Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)[-3:])


def possible_media():
    """Those that this user can have on this machine, and why not the others."""
    if os.geteuid() != 0:
        return ["memif"], "veth needs root, for network namespaces"
    if shutil.which("ip") is None:
        return ["memif"], "veth needs ip(8)"
    probe = ethlink.Namespace("soak")
    try:
        probe.make()
        made = probe.ip("link", "add", "va0", "type", "veth", "peer", "name", "vb0", check=False)
        if made.returncode == 0:
            return list(MEDIA), ""
        return ["memif"], f"no veth here: {made.stderr.strip()}"
    except Exception as error:  # pylint: disable=broad-except
        return ["memif"], f"no network namespaces here: {error}"
    finally:
        probe.remove()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--medium", action="append", choices=MEDIA, default=[])
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--round", type=int, default=0, dest="first")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--only", action="append", choices=troubles.KINDS, default=[])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1_000_000)
    return options


def main():
    options = arguments()
    if not pathlib.Path(ethlink.LEDGER).is_file():
        sys.exit(f"there is no {ethlink.LEDGER}: build it, or let ETHLINK_LEDGER say where it is")

    def interrupted(number, _):
        raise Interrupted(f"signal {number}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    rigs.sweep()
    possible, why_not = possible_media()
    media = options.medium or possible
    for medium in media:
        if medium not in possible:
            say(f"soak: {medium} cannot be had: {why_not}")
            return ethlink.SKIP
    if why_not:
        say(f"soak: {why_not}; {' and '.join(possible)} alone")
    logs = pathlib.Path(tempfile.mkdtemp(prefix="ethlink-logs-of-soak-"))
    soaks = []
    try:
        for medium in media:
            soaks.append(Soak(medium, options.seed, options.only, logs))
            soaks[-1].run(options.first, 60 * options.minutes / len(media), options.rounds)
    except Interrupted as error:
        say(f"soak: ended by {error}; nothing is left")
        shutil.rmtree(logs, ignore_errors=True)
        return 130
    summary = report.summary(options.seed, soaks)
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        print(report.table(summary))
    for soak in soaks:
        for number, what in soak.failures:
            say(f"\nsoak: {soak.medium}, seed {options.seed}, round {number}: {what}\n"
                f"  logs: {soak.logs}\n"
                f"  again: ./dev soak --medium {soak.medium} --seed {options.seed} "
                f"--round {number} --rounds 1"
                + "".join(f" --only {kind}" for kind in options.only))
    if summary["ok"] and not options.keep:
        shutil.rmtree(logs)
    return 0 if summary["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
