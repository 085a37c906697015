# SPDX-License-Identifier: BSD-3-Clause
"""Draws meanings of frames, damage, and conversations with state machines from a seed."""
import crc
import frames
from machines import CIRCLE, HALF, step_of
from meaning import Refused

def number(source, bits):
    """One in three is an edge."""
    if source.randrange(3) == 0:
        return source.choice((0, 1, 2**(bits - 1), 2**bits - 1))
    return source.getrandbits(bits)


def fields(source, table):
    return {name: number(source, bits) for name, bits in table}


def where(source):
    return {"key": number(source, 64), "address": number(source, 64)}


def some_bytes(source, least, most):
    return source.randbytes(source.choice((least, most, source.randint(least, most))))


def item(source, word):
    if word == "load":
        return {"length": source.choice((1, 256, source.randint(1, 256))), **where(source)}
    if word == "store":
        return {**where(source), "data": some_bytes(source, 1, 256)}
    if word == "atomic":
        operation = source.choice(frames.OPERATIONS)
        values = {"operation": operation, "length": source.choice((4, 8)), **where(source),
                  "operand": number(source, 64)}
        if operation == "compare_swap":
            values["compare"] = number(source, 64)
        return values
    if word in ("write", "send"):
        values = where(source) if word == "write" else {}
        values.update(last=source.randrange(2), data=some_bytes(source, 0, 300))
        if values["last"] and source.randrange(2):
            values["immediate"] = number(source, 64)
        return values
    if word == "read":
        return {**where(source),
                "total": source.choice((1, 2**30, source.randint(1, 2**30)))}
    if word == "done":
        return {"count": max(number(source, 16), 1), "status": source.choice(frames.STATUSES)}
    if word == "data":
        return {"data": some_bytes(source, 1, 256)}
    error = source.randrange(2)
    return {"last": source.randrange(2), "error": error,
            "data": b"" if error else some_bytes(source, 1, 300)}


def payload(source, word):
    if word in ("request", "response"):
        side = list(frames.ITEMS.values())
        words = side[6:] if word == "response" else side[:6]
        groups = [(one, item(source, one)) for one in source.choices(words, k=source.randint(1, 6))]
        return groups if source.randrange(3) else groups[:1] * len(groups)  # Heads in a row.
    if word in ("nack", "reset"):
        return [("reason", {"value": source.randint(1, 3)})]
    if word in ("open", "opened"):
        values = {name: number(source, 8 * size)
                  for name, size in frames.opening_fields(word)}
        return [("opening", {**values, "class": source.randrange(2), "flags": 0})]
    if word == "test":
        return [("payload", {"data": some_bytes(source, 0, 1500)})]
    return []


def data_frame(source, word=None, tagged=None, linked=None):
    word = word or source.choice(list(frames.OPCODES.values()))
    groups = [("frame", {"dst": number(source, 16), "src": number(source, 16),
                         "entropy": number(source, 16)})]
    if source.randrange(2) if tagged is None else tagged:
        groups.append(("tag", fields(source, frames.TCI)))
    if source.randrange(2) if linked is None else linked:
        link = fields(source, frames.LINK)
        if any(link.values()):
            groups.append(("link", link))
    groups.append(("net", fields(source, frames.NET)))
    groups.append((word, {"flags": number(source, 6), "channel": number(source, 16),
                          "psn": number(source, 32), "ack": number(source, 32)}))
    return groups + payload(source, word)


def hello(source, groups, adverts):
    return groups + [("hello", fields(source, frames.HELLO))] + [
        ("advert", fields(source, frames.ADVERT)) for _ in range(adverts)]


def control_frame(source):
    kind = source.choice(("sets", "cc_update", "hello"))
    groups = [("control", {"kind": kind, "tx_epoch": number(source, 16),
                           "rx_epoch": number(source, 16)})]
    link = fields(source, frames.LINK)
    if source.randrange(2) and any(link.values()):
        groups.append(("link", link))
    if kind == "cc_update":
        return groups + [("s_cc", {"vc": vc, "value": number(source, 20)})
                         for vc in range(source.randint(1, 32))]
    if kind == "hello":
        return hello(source, groups, source.choice((0, 8, source.randint(0, 8))))
    for _ in range(source.choice((1, 40, source.randint(1, 40)))):
        word = source.choice(list(frames.SETS.values()))
        arg = source.randrange(32) if word == "cf_update" else number(source, 16)
        groups.append((word, {"value": number(source, 20), "arg": arg}))
    return groups


def frame(source):
    groups = control_frame(source) if source.randrange(3) == 0 else data_frame(source)
    return groups + ([("fcs", {})] if source.randrange(4) == 0 else [])


def mend_checks(raw):
    """The frame with the checks that its bytes ought to have: so damage reaches what is behind."""
    tag = 4 if raw[12:14] == b"\x81\x00" else 0
    if raw[12 + tag:14 + tag] == b"\x88\xb5":
        end = frames.number(raw[2:4]) + tag
        if frames.LEAST + tag <= end <= len(raw):
            raw = raw[:end - 4] + frames.icrc(raw, tag, end).to_bytes(4, "big") + raw[end:]
    elif not tag and raw[14] & 0xF in frames.ELEMENTS:
        head, size, *_ = frames.ELEMENTS[raw[14] & 0xF]
        end = 20 + head + raw[15] * size
        if end + 4 <= len(raw):
            covered = raw[:8] + bytes(4) + raw[12:end]
            raw = raw[:end] + crc.crc32(covered).to_bytes(4, "big") + raw[end + 4:]
    return raw


def damaged(source):
    """Bytes that began as a frame, and whether they come with an FCS."""
    groups = frame(source)
    with_fcs = groups[-1][0] == "fcs"
    raw = bytearray(frames.encode(groups))
    how = source.randrange(4)
    if how == 0:
        raw = raw[:source.randrange(len(raw))]
    elif how == 1:
        raw += bytes(source.randint(1, 8))
    else:
        for _ in range(source.randint(1, 3)):
            at = source.randrange(min(len(raw), 80) if source.randrange(2) else len(raw))
            raw[at] = source.choice((raw[at] ^ 1 << source.randrange(8), number(source, 8)))
    raw = bytes(raw)
    if source.randrange(3) and len(raw) >= frames.LEAST + 4:
        raw = mend_checks(raw[:-4] if with_fcs else raw)
        raw += crc.fcs(raw) if with_fcs else b""
    return raw, with_fcs


def may_be_fcs(raw):
    """Four bytes too many: who does not know the medium takes them for an FCS, a bad one."""
    if len(raw) <= frames.LEAST + 4:
        return False
    try:
        frames.decode(raw[:-4])
    except Refused as why:
        return str(why) not in ("length_mismatch", "control_malformed")
    return True


# Conversations ----------------------------------------------------------------------------------

def llr_steps(source, count=60):
    """Frames around the one that is expected, as a link with losses, copies and restarts has."""
    epochs = [source.randrange(1, 2**16) for _ in range(3)]
    epochs.append(epochs[0] ^ 0x20)  # The same low bits.
    epoch = epochs[0]
    expected = number(source, 20)
    steps = ["start"] if source.randrange(10) else []
    steps.append(f"init seq={expected} epoch={epoch}")
    for _ in range(count):
        what = source.randrange(20)
        if what == 0:
            epoch = source.choice(epochs)
            first = number(source, 20)
            steps.append(f"init seq={first} epoch={epoch}")
            expected = source.choice((first, expected))
        elif what == 1 and source.randrange(4) == 0:
            steps += ["answer", "end"]  # What is owed then is a vector of its own.
        elif what < 7:
            steps.append("answer")
        else:
            ahead = source.choice((0, 0, 0, 0, 1, 2, -1, -1, -7, HALF - 1, HALF, HALF + 1))
            seq = (expected + ahead) % CIRCLE
            check = source.choice(("good", "good", "good", "poisoned", "bad"))
            session = source.choice((epoch % 32, epoch % 32, epoch % 32, source.choice(epochs) % 32,
                                     0, source.randrange(32)))
            steps.append(f"frame session={session} seq={seq} check={check}")
            if ahead == 0 and check != "bad":
                expected = (expected + 1) % CIRCLE
    return steps


def credit_profile(source):
    """Steps that make a profile."""
    size = source.choice((32, 64, 128, 256, 512, 1024, 2048))
    shared = source.choice((0, 10, 1000))
    steps = [f"profile credit_size={size} overhead={source.randint(-16, 127)} shared={shared}"]
    for _ in range(source.choice((1, 2, 5, 32))):
        mode = source.choice(("none", "static", "dynamic"))
        most = source.choice((0, 5, shared)) if mode == "static" else source.randint(-7, 7)
        threshold = 0 if mode == "none" else most
        steps.append(f"vc reserved={source.choice((1, 20, 500))} mode={mode} threshold={threshold}")
    return steps


def sender_steps(source, machine, count=60):
    """Only sends what it may, like the link; updates are right, late, repeated or absurd.

    `machine` is a CbfcSender that follows, to know what may be sent."""
    steps = []

    def say(text):
        steps.append(text)
        return machine.step(*step_of(text))

    for text in credit_profile(source):
        say(text)
    vcs = len(machine.vcs)
    base = number(source, 20)
    for vc in range(vcs):
        if source.randrange(5):
            say(f"cf_update vc={vc} value={-source.choice((0, 0, 1, 5)) % CIRCLE}")
    for _ in range(count):
        vc = source.randrange(vcs)
        credits = source.choice((1, 2, 3, 10, 100))
        what = source.randrange(12)
        if what == 0:
            say(f"cost frame={source.choice((32, 59, 60, 61, 64, 1500, 9216))}")
        elif what == 1 and source.randrange(5) == 0:
            say("reset")
        elif what < 4:
            value = source.choice((base, machine.freed[vc], machine.consumed[vc],
                                   machine.consumed[vc] + 1, machine.freed[vc] + 1,
                                   machine.freed[vc] - 1)) % CIRCLE
            say(f"cf_update vc={vc} value={value}")
        elif what < 6:
            value = (machine.freed[vc] + source.randint(0, machine.held(vc))) % CIRCLE
            say(f"cf_update vc={vc} value={value}")
        elif say(f"may_send vc={vc} credits={credits}").startswith("yes"):
            say(f"sent vc={vc} credits={credits}")
    return steps


def receiver_steps(source, machine, count=60):
    """Frames that fit, frames that leave, and CC_Updates of what was lost."""
    steps = []

    def say(text):
        steps.append(text)
        return machine.step(*step_of(text))

    for text in credit_profile(source):
        say(text)
    vcs = len(machine.vcs)
    for _ in range(count):
        vc = source.randrange(vcs)
        credits = source.choice((1, 2, 3, 10, 100))
        what = source.randrange(10)
        if what < 2:
            lost = source.choice((0, 0, 1, 30, CIRCLE - 1, number(source, 20)))
            say(f"cc_update vc={vc} value={(machine.consumed[vc] + lost) % CIRCLE}")
        elif what < 5 and machine.held(vc):
            say(f"drained vc={vc} credits={source.randint(1, machine.held(vc))}")
        elif say(f"fits vc={vc} credits={credits}").startswith("yes"):
            say(f"arrived vc={vc} credits={credits}")
    return steps
