# SPDX-License-Identifier: BSD-3-Clause
"""The conversations with state machines that are kept: edges by hand, the rest drawn."""
import draw
import machines
from vectors import Trace


def trace(name, remark, machine, steps):
    return Trace(name, remark, machine, steps, machines.run(machine, steps))


def frame_step(seq, check="good", session=3):
    return f"frame session={session} seq={seq} check={check}"


def llr(source):
    begin = ["start", "init seq=10 epoch=99"]  # 99 is 3 in the low five bits.
    top = 2**20 - 1
    half = 2**19
    for name, remark, steps in (
            ("off", "hears nothing before it is started", ["init seq=1 epoch=5", frame_step(1)]),
            ("no_session", "no frame is taken without an INIT", ["start", *(
                frame_step(0, check, session) for check in ("good", "poisoned", "bad")
                for session in (0, 1, 31))]),
            ("session_bits_0", "an epoch must show in five bits",
             ["start", "init seq=1 epoch=0", "init seq=1 epoch=32", "init seq=1 epoch=33"]),
            ("in_order", "one ACK for all", [*begin, frame_step(10), frame_step(11), "answer",
                                             "answer"]),
            ("gap", "one NACK, then silence until the frame comes",
             [*begin, frame_step(10), frame_step(12), frame_step(13), "answer", frame_step(14),
              "answer", frame_step(11), frame_step(12), "answer"]),
            ("expected_bad", "damaged is as good as lost",
             [*begin, frame_step(10, "bad"), "answer", frame_step(10, "bad"), "answer",
              frame_step(10), "answer"]),
            ("late_not_lost", "it comes before the NACK is out",
             [*begin, frame_step(11), frame_step(10), "answer"]),
            ("poisoned", "takes its number, is never NACKed",
             [*begin, frame_step(10, "poisoned"), frame_step(11), "answer"]),
            ("poisoned_ahead", "what is missing is missing",
             [*begin, frame_step(11, "poisoned"), "answer"]),
            ("duplicate", "is acknowledged at once",
             [*begin, frame_step(10), "answer", frame_step(10), "answer", "answer"]),
            ("duplicate_poisoned", "is good enough", [*begin, frame_step(9, "poisoned"), "answer"]),
            ("duplicate_bad", "proves nothing", [*begin, frame_step(9, "bad"), "answer"]),
            ("duplicate_ends_nack_sent", "a replay has begun",
             [*begin, frame_step(12), "answer", frame_step(9, "bad"), "answer", frame_step(9),
              "answer", frame_step(12), "answer"]),
            ("duplicate_leaves_a_nack", "it names the same number",
             [*begin, frame_step(12), frame_step(9), "answer", "answer"]),
            ("wrap", "numbers go on at 0", ["start", f"init seq={top} epoch=99", frame_step(top),
                                            "answer", frame_step(0), "answer", frame_step(top)]),
            ("half", "half the circle ahead is missing, the other half has been",
             [*begin, frame_step(10 + half - 1), "answer", frame_step(10 + half), "answer",
              frame_step(10 + half + 1), frame_step(9)]),
            ("init_again", "a copy of the INIT changes nothing, even with another number",
             [*begin, frame_step(10), "init seq=10 epoch=99", "init seq=77 epoch=99",
              frame_step(11)]),
            ("init_stale", "an INIT only proposes", [*begin, "init seq=500 epoch=98",
                                                     frame_step(10)]),
            ("init_adopted", "by the first good frame", [
                *begin, frame_step(10), "init seq=500 epoch=100", frame_step(500, "bad", 4),
                frame_step(500, "good", 5), frame_step(500, "good", 4), frame_step(11),
                "answer"]),
            ("init_adopted_poisoned", "or by a poisoned one",
             [*begin, "init seq=500 epoch=100", frame_step(500, "poisoned", 4), "answer"]),
            ("init_adopted_in_a_gap", "its first frame was lost",
             [*begin, "init seq=500 epoch=100", frame_step(501, "good", 4), "answer"]),
            ("init_ends_silence", "of the session before",
             [*begin, frame_step(12), "answer", "init seq=500 epoch=100",
              frame_step(500, "good", 4), "answer"]),
            ("init_last_counts", "of two proposals",
             [*begin, "init seq=500 epoch=100", "init seq=600 epoch=101",
              frame_step(500, "good", 4), frame_step(600, "good", 5)]),
            ("init_same_bits", "cannot be told apart by frames: it acts at once",
             [*begin, frame_step(10), "init seq=900 epoch=163", frame_step(900), "answer"]),
            ("init_forgets_what_is_owed", "to the session before",
             [*begin, frame_step(10), "init seq=900 epoch=163", "answer"]),
            ("end", "no session until the next INIT",
             [*begin, frame_step(10), "answer", "end", frame_step(11), "init seq=3 epoch=99",
              frame_step(3), "answer"]),
            ("end_forgets_the_proposal", "an INIT of before",
             [*begin, "init seq=500 epoch=100", "end", frame_step(500, "good", 4)]),
            ("end_forgets_what_is_owed", "there is nobody whom it would tell anything",
             [*begin, frame_step(10), "end", "answer"])):
        yield trace(f"llr_{name}", remark, "llr_receiver", steps)
    for i in range(10):
        yield trace(f"llr_drawn_{i}", "drawn", "llr_receiver", draw.llr_steps(source, 25))


PLAIN = ["profile credit_size=64 overhead=0 shared=0", "vc reserved=10 mode=none threshold=0",
         "vc reserved=5 mode=none threshold=0"]


def shared(mode, threshold):
    return ["profile credit_size=64 overhead=0 shared=20",
            f"vc reserved=4 mode={mode} threshold={threshold}",
            f"vc reserved=4 mode={mode} threshold={threshold}"]


def asks(verb, vc, *credits):
    return [f"{verb} vc={vc} credits={n}" for n in credits]


def cbfc(source):
    top = 2**20 - 1
    for size in (32, 64, 128, 256, 512, 1024, 2048):
        for overhead in (-16, 0, 127):
            yield trace(f"cost_{size}_{overhead}", "credits of a frame", "cbfc_sender", [
                f"profile credit_size={size} overhead={overhead} shared=0",
                "vc reserved=10 mode=none threshold=0",
                *(f"cost frame={n}" for n in (32, 59, 60, 61, 64, 65, 128, 1500, 9216, 65539))])
    for name, remark, steps in (
            ("unheard", "is full", [*PLAIN, "may_send vc=0 credits=1", "cf_update vc=1 value=0",
                                    "may_send vc=0 credits=1", "may_send vc=1 credits=1"]),
            ("limit", "to the last credit", [
                *PLAIN, "cf_update vc=0 value=0", *asks("may_send", 0, 10, 11),
                "sent vc=0 credits=10", *asks("may_send", 0, 1), "cf_update vc=0 value=3",
                *asks("may_send", 0, 3, 4)]),
            ("after_a_restart", "the neighbour still holds 4 of before", [
                *PLAIN, f"cf_update vc=0 value={top - 3}", *asks("may_send", 0, 6, 7)]),
            ("absurd_at_first", "more than the buffer holds", [
                *PLAIN, f"cf_update vc=0 value={top - 10}", "cf_update vc=0 value=1",
                "may_send vc=0 credits=1"]),
            ("absurd", "of what was never sent, or taken back", [
                *PLAIN, "cf_update vc=0 value=0", "sent vc=0 credits=4", "cf_update vc=0 value=5",
                "cf_update vc=0 value=2", "cf_update vc=0 value=2", "cf_update vc=0 value=1",
                f"cf_update vc=0 value={top}", "cf_update vc=0 value=4"]),
            ("wrap", "counters go on at 0", [
                PLAIN[0], "vc reserved=400000 mode=none threshold=0", "cf_update vc=0 value=0",
                *[step for n in range(4) for step in (
                    "sent vc=0 credits=349526",
                    f"cf_update vc=0 value={(n + 1) * 349526 % 2**20}")]]),
            ("reset", "counts from 0, knows nothing", [
                *PLAIN, "cf_update vc=0 value=0", "sent vc=0 credits=4", "reset",
                *asks("may_send", 0, 1), f"cf_update vc=0 value={top}",
                *asks("may_send", 0, 9, 10)]),
            ("vcs_are_apart", "one full VC blocks no other", [
                *PLAIN, "cf_update vc=0 value=0", "cf_update vc=1 value=0", "sent vc=0 credits=10",
                *asks("may_send", 0, 1), *asks("may_send", 1, 5)]),
            *((f"shared_{mode}_{threshold}", "what may be taken beyond the reserved", [
                *shared(mode, threshold), "cf_update vc=0 value=0", "cf_update vc=1 value=0",
                *asks("may_send", 0, 4, 5, 9, 10, 14, 15, 24, 25), "sent vc=0 credits=5",
                *asks("may_send", 0, 1, 5), *asks("may_send", 1, 4, 9, 13, 23, 24)])
              for mode, threshold in (("none", 0), ("static", 0), ("static", 5), ("static", 99),
                                      ("dynamic", -7), ("dynamic", -1), ("dynamic", 0),
                                      ("dynamic", 7)))):
        yield trace(f"sender_{name}", remark, "cbfc_sender", steps)
    for name, remark, steps in (
            ("fits", "to the last credit", [*PLAIN, *asks("fits", 0, 10, 11),
                                            *asks("arrived", 0, 10), *asks("fits", 0, 1),
                                            *asks("drained", 0, 4), *asks("fits", 0, 4, 5)]),
            ("cc_update_nothing_lost", "shifts nothing", [
                *PLAIN, *asks("arrived", 0, 5), "cc_update vc=0 value=5"]),
            ("cc_update_lost", "gives back what was lost on the wire", [
                *PLAIN, *asks("arrived", 0, 5), "cc_update vc=0 value=8", *asks("drained", 0, 5)]),
            ("cc_update_rebase", "a new session counts from 0; the frames are still there", [
                *PLAIN, *asks("arrived", 0, 5), "cc_update vc=0 value=0", *asks("fits", 0, 5, 6),
                *asks("drained", 0, 5)]),
            ("cc_update_wrap", "over the end of the circle", [
                *PLAIN, f"cc_update vc=0 value={top}", *asks("arrived", 0, 3),
                "cc_update vc=0 value=4", *asks("drained", 0, 3)]),
            *((f"shared_{mode}_{threshold}", "the sender's rule", [
                *shared(mode, threshold), *asks("fits", 0, 4, 5, 9, 10, 24, 25),
                *asks("arrived", 1, 6), *asks("fits", 0, 13, 14, 22, 23)])
              for mode, threshold in (("static", 0), ("static", 5), ("dynamic", 0),
                                      ("dynamic", -2)))):
        yield trace(f"receiver_{name}", remark, "cbfc_receiver", steps)
    for i in range(5):
        yield trace(f"sender_drawn_{i}", "drawn", "cbfc_sender",
                    draw.sender_steps(source, machines.CbfcSender(), 20))
        yield trace(f"receiver_drawn_{i}", "drawn", "cbfc_receiver",
                    draw.receiver_steps(source, machines.CbfcReceiver(), 20))
