# SPDX-License-Identifier: BSD-3-Clause
"""Do the golden frames carry the CRCs that zlib computes? A second opinion."""
import sys
import zlib

import golden


def main():
    frames = golden.load_all()
    wrong = 0
    for name, frame in frames.items():
        end, covered = golden.checksum_span(frame)
        carried = int.from_bytes(frame[end:end + 4], "big")
        computed = zlib.crc32(covered)
        if carried != computed:
            print(f"{name}: carries 0x{carried:08x}, zlib says 0x{computed:08x}")
            wrong += 1
        if any(frame[end + 4:]):
            print(f"{name}: the pad is not zero")
            wrong += 1
    print(f"{len(frames)} frames, {wrong} wrong")
    return 1 if wrong or not frames else 0


if __name__ == "__main__":
    sys.exit(main())
