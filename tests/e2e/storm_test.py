# SPDX-License-Identifier: BSD-3-Clause
"""Ten million frames through a rack whose every cable loses, damages, repeats and reorders.

ETHLINK_STORM_FRAMES overrides the number of frames.
"""
import os

import ethlink

CONFIG = ethlink.CONFIGS / "lossy.yaml"
ENDPOINTS = 4
FRAMES = int(os.environ.get("ETHLINK_STORM_FRAMES", 10_000_000))
LIMIT = 540  # seconds; it takes about a minute on two idle CPUs
# Of each 1,000 frames on a cable, from the file; replays are frames on a cable, too.
LOSS, BIT_ERROR = 0.01, 0.001


class Storm(ethlink.Case):
    def test_every_frame_once_and_in_order(self):
        each = max(1, FRAMES // ENDPOINTS)
        ended = self.run_program("lab", CONFIG, "--count", str(each), "--size", "64", "--json",
                                 limit=LIMIT - 20)
        self.assertEqual(ended.code, ethlink.OK, ended)
        report = ended.json
        self.assertEqual(report["frames"]["sent"], ENDPOINTS * each)
        self.assert_lossless(report)
        self.assert_faults_happened(report)
        print(f"{report['frames']['delivered']} frames in {report['seconds']:.0f} s, "
              f"{report['llr']['replays']} replays, {report['llr']['bad_fcs']} damaged")

    def assert_faults_happened(self, report):
        """Else nothing was shown. A frame crosses two cables; each cable has two directions."""
        sent = report["frames"]["sent"]
        self.assertEqual(len(report["links"]), 2 * ENDPOINTS)
        for link in report["links"]:
            self.assertGreater(link["bad_fcs"], 0, link)
            self.assertGreater(link["nacks"], 0, link)
            self.assertGreater(link["replays"], 0, link)
        self.assertGreater(report["llr"]["bad_fcs"], 2 * sent * BIT_ERROR / 2)
        self.assertGreater(report["llr"]["replayed_frames"], 2 * sent * LOSS / 2)


if __name__ == "__main__":
    ethlink.main(LIMIT)
