# SPDX-License-Identifier: BSD-3-Clause
"""LLR receiver, CBFC sender and CBFC receiver, written from docs/protocol.md and nothing else.

Each is told steps as text ("frame session=3 seq=10 check=good") and says what it does
("accept state=send_acks expected=11 epoch=99"); a trace is such a conversation.
"""
CIRCLE = 1 << 20
HALF = CIRCLE // 2
NO_LIMIT = 0


class LlrReceiver:
    def __init__(self):
        self.state = "off"
        self.expected = 0
        self.epoch = 0
        self.proposal = None  # (first number, epoch)
        self.ack_owed = False
        self.urgent = False

    def begin(self, first, epoch):
        self.expected, self.epoch, self.proposal = first, epoch, None
        self.state, self.ack_owed, self.urgent = "send_acks", False, False

    def start(self):
        self.state = "send_acks"
        return "started"

    def end(self):
        self.epoch, self.proposal, self.state = 0, None, "send_acks"
        self.ack_owed = self.urgent = False
        return "ended"

    def init(self, seq, epoch):
        if self.state == "off" or epoch % 32 == 0:
            return "silent"
        if epoch != self.epoch:
            if self.epoch == 0 or self.epoch % 32 == epoch % 32:
                self.begin(seq, epoch)
            else:
                self.proposal = (seq, epoch)
        return "echo"

    def frame(self, session, seq, check):
        if session == 0 or session != self.epoch % 32:
            proposed = self.proposal is not None and session == self.proposal[1] % 32
            if not proposed or session == 0 or check == "bad":
                return "no_session"
            self.begin(*self.proposal)
        ahead = (seq - self.expected) % CIRCLE
        if ahead >= HALF:
            if check != "bad":
                self.ack_owed = self.urgent = True
                if self.state == "nack_sent":
                    self.state = "send_acks"
            return "duplicate"
        if ahead == 0 and check != "bad":
            self.expected = (self.expected + 1) % CIRCLE
            self.ack_owed = True
            self.state = "send_acks"
            return "accept"
        if self.state == "send_acks":
            self.state = "send_nack"
        return "missing" if ahead else "expected_bad"

    def answer(self):
        last_good = (self.expected - 1) % CIRCLE
        if self.state == "send_nack":
            self.state, self.ack_owed, self.urgent = "nack_sent", False, False
            return f"nack={last_good}"
        owed, self.ack_owed, self.urgent = self.ack_owed, False, False
        return f"ack={last_good}" if owed else "nothing"

    def step(self, word, values):
        said = getattr(self, word)(**values)
        urgent = int(self.urgent or self.state == "send_nack")
        return (f"{said} state={self.state} expected={self.expected} epoch={self.epoch} "
                f"urgent={urgent}")


class Credits:
    """Consumed and freed per VC, what may be held, and what a frame costs."""

    def __init__(self):
        self.size, self.overhead, self.shared = 64, 0, 0
        self.vcs = []
        self.consumed, self.freed = [], []

    def profile(self, credit_size, overhead, shared):
        self.size, self.overhead, self.shared = credit_size, overhead, shared
        return "ok"

    def vc(self, reserved, mode, threshold):
        self.vcs.append((reserved, mode, threshold))
        self.consumed.append(0)
        self.freed.append(0)
        return f"limit={self.limit(len(self.vcs) - 1)}"

    def cost(self, frame):
        return f"credits={-(-(max(frame, 60) + self.overhead) // self.size)}"

    def held(self, vc):
        return (self.consumed[vc] - self.freed[vc]) % CIRCLE

    def beyond(self, vc, held):
        return max(held - self.vcs[vc][0], 0)

    def shared_held(self):
        return sum(self.beyond(vc, self.held(vc)) for vc in range(len(self.vcs)))

    def most_shared(self, vc):
        _, mode, threshold = self.vcs[vc]
        if mode == "none":
            return 0
        if mode == "static" and threshold != NO_LIMIT:
            return min(threshold, self.shared)
        return self.shared

    def limit(self, vc):
        return self.vcs[vc][0] + self.most_shared(vc)

    def has_room(self, vc, credits):
        wanted = self.beyond(vc, self.held(vc) + credits)
        if wanted == 0:
            return True
        others = self.shared_held() - self.beyond(vc, self.held(vc))
        if wanted > self.most_shared(vc) or others + wanted > self.shared:
            return False
        _, mode, threshold = self.vcs[vc]
        return mode != "dynamic" or wanted <= (self.shared - self.shared_held()) * 2.0 ** threshold

    def counters(self, vc):
        return f"consumed={self.consumed[vc]} freed={self.freed[vc]} held={self.held(vc)}"

    def step(self, word, values):
        said = getattr(self, word)(**values)
        if word in ("profile", "vc", "cost", "reset"):
            return said
        return f"{said} {self.counters(values['vc'])}"


class CbfcSender(Credits):
    def __init__(self):
        super().__init__()
        self.heard = set()

    def reset(self):
        self.consumed = [0] * len(self.vcs)
        self.freed = [0] * len(self.vcs)
        self.heard = set()
        return "reset"

    def may_send(self, vc, credits):
        return "yes" if vc in self.heard and self.has_room(vc, credits) else "no"

    def sent(self, vc, credits):
        self.consumed[vc] = (self.consumed[vc] + credits) % CIRCLE
        return "sent"

    def cf_update(self, vc, value):
        in_use = (self.consumed[vc] - value) % CIRCLE
        if in_use > (self.held(vc) if vc in self.heard else self.limit(vc)):
            return "refused"
        self.freed[vc] = value
        self.heard.add(vc)
        return "accepted"


class CbfcReceiver(Credits):
    def fits(self, vc, credits):
        return "yes" if self.has_room(vc, credits) else "no"

    def arrived(self, vc, credits):
        self.consumed[vc] = (self.consumed[vc] + credits) % CIRCLE
        return "arrived"

    def drained(self, vc, credits):
        self.freed[vc] = (self.freed[vc] + credits) % CIRCLE
        return "drained"

    def cc_update(self, vc, value):
        lost = (value - self.consumed[vc]) % CIRCLE
        self.freed[vc] = (self.freed[vc] + lost) % CIRCLE
        self.consumed[vc] = value
        return f"lost={lost}"


MACHINES = {"llr_receiver": LlrReceiver, "cbfc_sender": CbfcSender, "cbfc_receiver": CbfcReceiver}


def step_of(text):
    """("frame", {"session": 3, ...}) of "frame session=3 ..."."""
    word, *pairs = text.split()
    values = dict(pair.split("=") for pair in pairs)
    return word, {key: int(value) if value.lstrip("-").isdigit() else value
                  for key, value in values.items()}


def run(machine, steps):
    """What the machine says to each step."""
    one = MACHINES[machine]()
    return [one.step(*step_of(step)) for step in steps]
