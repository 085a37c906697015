# SPDX-License-Identifier: BSD-3-Clause
"""`ethlink lab`: a rack in one process, its report, its end, and what it says to mistakes."""
import os
import pathlib
import re
import shutil
import signal
import time

import ethlink

RACK = ethlink.CONFIGS / "single-rack.yaml"
MEMORY_MAX = 512 << 20
NOTHING_WRONG = "Nothing lost, doubled, reordered or leaked."
STARTED = "endpoints"  # "1 switches, 4 endpoints, ...": devices and threads are there


class Lab(ethlink.Case):
    def start_and_wait(self, *arguments, **how):
        """A lab whose traffic flows."""
        lab = self.start("lab", RACK, *arguments, **how)
        lab.wait_for_text(STARTED)
        time.sleep(1.5)
        return lab

    def test_one_object_says_it_all(self):
        lab = self.start("lab", RACK, "--json", "--duration", "2")
        peak = 0
        while lab.is_alive():
            peak = max(peak, lab.peak_memory())
            time.sleep(0.02)
        ended = lab.wait()
        self.assertEqual(ended.code, ethlink.OK, ended)
        report = ended.json
        self.assert_lossless(report)
        self.assertGreater(report["llr"]["replays"], 0)
        self.assertEqual(report["llr"]["flushes"], 0)
        latency = report["latency_ns"]
        self.assertGreater(latency["min"], 0)
        self.assertGreater(latency["p50"], 0)
        self.assertNotIn("EAL:", ended.err)
        self.assertLessEqual(latency["p50"], latency["p99"])
        self.assertLessEqual(latency["p99"], latency["p999"])
        lossy = [link for link in report["links"] if "gpu3:e0" in (link["from"], link["to"])]
        self.assertEqual(len(lossy), 2)
        for link in lossy:  # The bad cable, each way.
            self.assertGreater(link["nacks"], 0, link)
            self.assertGreater(link["replays"], 0, link)
        self.assertGreater(peak, 0)
        self.assertLess(peak, MEMORY_MAX)

    def test_the_page_for_people(self):
        ended = self.run_program("lab", RACK, "--duration", "1")
        self.assertEqual(ended.code, ethlink.OK, ended)
        for words in ("frames sent", "delivered in order", "lost", "LLR replays", "p99.9",
                      "leaf0:e3 -> gpu3:e0", NOTHING_WRONG, "Next:"):
            self.assertIn(words, ended.out)

    def test_every_vc_and_size(self):
        vcs = "ls-request,ls-response,rdma-request,rdma-response"
        for size in ("64", "2052", "imix"):
            ended = self.run_program("lab", RACK, "--json", "--duration", "0.5", "--size", size,
                                     "--vc", vcs)
            self.assertEqual(ended.code, ethlink.OK, ended)
            self.assert_lossless(ended.json)

    def test_frames_shorter_than_link_control(self):
        path = self.file("short.yaml", "fabric: short\ntopology: {kind: single-rack}\n"
                         "profiles:\n  default: {max_frame_bytes: 64}\n")
        ended = self.run_program("lab", path, "--json", "--duration", "1", "--size", "64")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assert_lossless(ended.json)

    def test_patterns(self):
        for pattern in ("pairs", "permutation", "incast"):
            ended = self.run_program("lab", RACK, "--json", "--count", "2000", "--pattern", pattern)
            self.assertEqual(ended.code, ethlink.OK, ended)
            self.assert_lossless(ended.json)

    def test_two_tracks(self):
        config = ethlink.CONFIGS / "single-rack-8.yaml"
        ended = self.run_program("lab", config, "--json", "--duration", "1")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assert_lossless(ended.json)

    def test_signals_end_it_with_a_report(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            lab = self.start_and_wait("--duration", "600")
            lab.signal(number)
            ended = lab.wait(20)
            self.assertEqual(ended.code, ethlink.OK, ended)
            self.assertIn(NOTHING_WRONG, ended.out)

    def test_a_second_signal_does_not_wait(self):
        lab = self.start_and_wait("--duration", "600")
        lab.signal(signal.SIGSTOP)  # Both signals are there when it goes on.
        lab.signal(signal.SIGINT)
        lab.signal(signal.SIGTERM)
        lab.signal(signal.SIGCONT)
        ended = lab.wait(10)
        self.assertIn(ended.code, (128 + signal.SIGINT, 128 + signal.SIGTERM), ended)

    def test_killed_and_started_again(self):
        before = self.traces()
        for _ in range(2):
            self.start_and_wait("--duration", "600").kill()
        self.assertEqual(self.traces(), before)
        ended = self.run_program("lab", RACK, "--json", "--duration", "1")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assert_lossless(ended.json)
        # The next start tidies up: no folder of DPDK's, no control socket is left.
        self.assertEqual(list((self.folder / "dpdk").iterdir()), [])
        self.assertEqual(list((self.folder / "ethlink").iterdir()), [])

    def traces(self):
        """What a killed process could leave: memory that stays taken. Sockets are no memory, and a
        lock ends with its process."""
        places = ("/dev/shm", "/dev/hugepages", "/run/dpdk", self.folder / "dpdk")
        return {path for place in places for path in pathlib.Path(place).rglob("*")
                if path.is_file() and path.stat().st_size > 0 and "ethlink" in str(path)}

    def test_a_file_for_nics_runs_without_them(self):
        ended = self.run_program("lab", ethlink.CONFIGS / "nics.yaml", "--duration", "1")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertIn(NOTHING_WRONG, ended.out)
        self.assertIn("links run on in-process wires", ended.err)
        self.assertNotRegex(ended.out, "in leaf0 +0 ns")  # No sample is no latency of 0.

    def test_an_ordinary_user_without_hugepages(self):
        user = ethlink.nobody()
        config = shutil.copy(RACK, self.folder)
        program = shutil.copy(ethlink.PROGRAM, self.folder)  # Others may not enter the build.
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        ended = self.run_program("lab", config, "--duration", "1", program=program, user=user)
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertIn(NOTHING_WRONG, ended.out)
        self.assertNotIn("Permission denied", ended.err)


class Mistakes(ethlink.Case):
    """Mistakes of the user: a sentence with a place, an exit code, no crash."""

    def assert_refused(self, ended, *words):
        self.assertIn(ended.code, (ethlink.FAILED, ethlink.USAGE, ethlink.CANNOT_RUN), ended)
        self.assertEqual(ended.out, "", ended)
        self.assert_sentence(ended.err)
        for word in words:
            self.assertIn(word, ended.err)

    def assert_place(self, ended, path, line, column):
        first = ended.err.splitlines()[0]
        self.assertRegex(first, "^ethlink: " + re.escape(f"{path}:{line}:{column}: "))

    def test_no_such_file(self):
        path = self.folder / "nothing.yaml"
        ended = self.run_program("lab", path)
        self.assert_refused(ended, "cannot be read", "No such file")
        self.assert_place(ended, path, 1, 1)

    def test_a_folder_is_no_file(self):
        self.assert_refused(self.run_program("lab", self.folder), "cannot be read")

    def test_a_wrong_key(self):
        path = self.file("wrong.yaml", "fabric: rack\ntopology: {kind: single-rack}\nruntme: {}\n")
        ended = self.run_program("lab", path)
        self.assert_refused(ended, "runtme", "did you mean `runtime`?")
        self.assert_place(ended, path, 3, 1)
        self.assertEqual(len(ended.err.splitlines()), 1)

    def test_credits_that_do_not_add_up(self):
        path = self.file("credits.yaml", "fabric: rack\ntopology: {kind: single-rack}\n"
                         "profiles:\n  default: {vcs: [{name: a, credits: 3}]}\n")
        ended = self.run_program("lab", path)
        self.assert_refused(ended, "3 credits of 64 bytes cannot hold a frame", "at least 33")
        self.assert_place(ended, path, 4, 38)

    def test_options_that_make_no_sense(self):
        for options, words in ((("--size", "9999"), "64 to 2052"),
                               (("--size", "abc"), "abc"),
                               (("--pattern", "star"), "all-to-all"),
                               (("--vc", "bulk"), "bulk"),
                               (("--duration", "long"), "--duration"),
                               (("--durtion", "1"), "--durtion"),
                               (("--threads", "0"), "--threads")):
            ended = self.run_program("lab", RACK, *options)
            self.assert_refused(ended, words)

    def test_no_command_and_no_file(self):
        self.assert_refused(self.run_program(), "--help")
        self.assert_refused(self.run_program("lab"), "file")
        self.assert_refused(self.run_program("fly"), "no command `fly`", "--help")
        self.assert_refused(self.run_program("chekc", RACK), "`chekc`", "did you mean `check`?")
        self.assertEqual(self.run_program("fly").code, ethlink.USAGE)

    def test_help_is_no_mistake(self):
        for arguments in (("--help",), ("lab", "--help"), ("check", "--help"), ("--version",)):
            ended = self.run_program(*arguments)
            self.assertEqual(ended.code, ethlink.OK, ended)
            self.assertIn("thlink", ended.out)


if __name__ == "__main__":
    ethlink.main(limit=150)
