# SPDX-License-Identifier: BSD-3-Clause
"""CRC-32 of IEEE 802.3, bit by bit as the standard words it: slow, without tables, unlike ours.

3.2.9 of the standard: the first 32 bits are complemented, the bits of each byte go in least
significant first, the remainder is complemented, and bits are sent from x^31 down.
"""

POLYNOMIAL = 0x04C11DB7


def remainder(raw):
    """The remainder as sent: its first bit is that of x^31."""
    register = 0xFFFFFFFF
    for byte in raw:
        for i in range(8):
            feedback = (register >> 31) ^ (byte >> i & 1)
            register = (register << 1 & 0xFFFFFFFF) ^ (POLYNOMIAL if feedback else 0)
    return register ^ 0xFFFFFFFF


def crc32(raw):
    """The number of ICRC and control CRC: the remainder with x^31 as its least significant bit."""
    return int(f"{remainder(raw):032b}"[::-1], 2)


def fcs(raw):
    """The four bytes of an FCS: x^31 first, which is the least significant bit of its byte."""
    bits = f"{remainder(raw):032b}"
    return bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, 32, 8))
