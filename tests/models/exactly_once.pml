/* SPDX-License-Identifier: BSD-3-Clause
 * One channel number, end to end: proto/txn/{initiator,target,delivery_tx,delivery_rx} and the
 * opening and ending of channels in dataplane/txn_endpoint.cpp. Requests travel on two paths, each
 * in order and as late as it likes, responses on one; both lose frames. The initiator opens CHANNELS
 * channels one after the other under the same number, and may die in between; so may the target.
 *
 * Safety (E1, E2): an operation is done at most once; each that was submitted by an initiator that
 * lives completes exactly once; success means that it was done once. Liveness (E1): all of them do.
 *
 * Numbers begin at random on a circle of 2^32, so those of two channels never meet: a number is
 * here BASE(start) + k, and two with another start are far away from each other.
 */
#ifndef CHANNELS
#define CHANNELS 2
#endif
#ifndef OPS
#define OPS 2 /* of each channel, one item each */
#endif
#ifndef WINDOW
#define WINDOW 2 /* items_max */
#endif
#ifndef RING
#define RING 1 /* responses that the target keeps (limits.transactions is what it says) */
#endif
#ifndef FORWARD_LOSSES
#define FORWARD_LOSSES 1
#endif
#ifndef BACKWARD_LOSSES
#define BACKWARD_LOSSES 1
#endif
#ifndef LATE
#define LATE 2 /* timers that end while requests are still under way */
#endif
#ifndef RETRIES
#define RETRIES 2 /* give_up_after, in timers */
#endif
#ifndef INITIATOR_DEATHS
#define INITIATOR_DEATHS 0
#endif
#ifndef TARGET_DEATHS
#define TARGET_DEATHS 0
#endif

#ifdef SAME_NUMBERS
#define BASE(start) 16
#else
#define BASE(start) (16 * (start))
#endif
#define SAME(a, b) ((a) / 16 == (b) / 16)
#define OP(channel, k) ((channel) * OPS + (k))

mtype = { OPEN, REQUEST, I_ACK, CLOSED, OPENED, RESPONSE, T_ACK, T_NACK, UNKNOWN };
/* opcode, nonce (REQUEST: ghost, whose operations), PSN, items, ACK. */
chan to_target[2] = [2] of { mtype, byte, byte, byte, byte };
/* opcode, nonce (RESPONSE: 1 done, 0 refused), PSN, items, ACK. */
chan to_initiator = [2] of { mtype, byte, byte, byte, byte };

byte forward_losses = FORWARD_LOSSES, backward_losses = BACKWARD_LOSSES, late = LATE;
byte initiator_deaths = INITIATOR_DEATHS, target_deaths = TARGET_DEATHS;

/* Ghosts. */
byte applied[OPS * (CHANNELS + 1)];
byte completed[OPS * (CHANNELS + 1)];
byte process[CHANNELS + 1]; /* which life of the initiator opened it: the nonce's upper half */
byte memory = 1;            /* life of the target's windows; their keys die with them */
byte key;                   /* ... that the channel's requests carry */

/* TxnEndpoint::From and its Initiator. Indices count from the channel's first number. */
mtype = { I_FREE, I_OPENING, I_OPEN };
mtype i_state = I_FREE;
byte channel, i_process = 1, i_oldest, i_cursor, i_sent, i_completed, i_expected, i_retries;
bit path;
bool i_ack_due, i_tick;
#define I_FIRST BASE(channel)

/* TxnEndpoint::To and its Target. */
bool t_used, t_ack_due, t_nack_due, t_tick, t_gone;
byte t_nonce, t_first, t_starts, t_taken, t_oldest, t_cursor, t_sent, t_retries;
#define T_FIRST BASE(8 + t_starts) /* of the responses: drawn anew at each start */
#define OVER (channel == CHANNELS && i_state == I_FREE)

/* Whether there is anything to do without a timer. */
#define I_MAY_SEND (i_cursor < OPS && i_cursor - i_oldest < WINDOW && \
                    (i_cursor < i_sent || i_cursor - i_completed < RING))
#define I_BUSY (i_state == I_FREE || \
                (i_state == I_OPEN && len(to_target[path]) < 2 && \
                 (I_MAY_SEND || i_ack_due || i_completed == OPS)))
#define T_BUSY (t_used && (t_ack_due || t_nack_due || t_cursor < t_taken))
#define CALM (len(to_initiator) == 0 && !i_tick && !t_tick && !I_BUSY && !T_BUSY)

/* DeliveryTx::on_ack. In indices: number `ack` against `first`; verdict in `ok`. A number of
 * another start lies anywhere on the circle: behind us by less than what can be late or not. */
inline on_ack(ack, first, oldest, cursor, sent, retries, ok) {
    ok = false;
    if
    :: SAME(ack, first) && ack >= first && ack <= first + sent ->
        ok = true;
        if
        :: ack > first + oldest ->
            oldest = ack - first;
            cursor = (cursor < oldest -> oldest : cursor);
            retries = 0
        :: else
        fi
#ifdef BELIEVE_FAR_ACKS
    :: !SAME(ack, first) -> ok = true /* kOld */
#endif
    :: !SAME(ack, first) /* kInvalid */
    :: SAME(ack, first) && ack > first + sent
    fi
}

/* Ends the channel: Initiator::fail. */
inline fail() {
    do
    :: i_completed < OPS ->
        completed[OP(channel, i_completed)]++;
        assert(completed[OP(channel, i_completed)] == 1);
        i_completed++
    :: i_completed == OPS -> break
    od;
    i_state = I_FREE
}

/* Initiator::on_frame, on_items. */
inline on_response(op, status, psn, count, ack) {
    on_ack(ack, I_FIRST, i_oldest, i_cursor, i_sent, i_retries, ok);
    if
    :: ok && op == T_NACK && SAME(ack, I_FIRST) && ack == I_FIRST + i_oldest -> i_cursor = i_oldest
    :: ok && op == RESPONSE && SAME(psn, i_expected) ->
        if
        :: psn <= i_expected && psn + count > i_expected -> /* kNew, perhaps with a skip */
            count = psn + count - i_expected;
            if
            :: i_completed + count <= i_oldest -> /* believe(): nobody answers unasked */
                do
                :: count > 0 ->
                    completed[OP(channel, i_completed)]++;
                    assert(completed[OP(channel, i_completed)] == 1);
                    assert(status == 0 || applied[OP(channel, i_completed)] == 1);
                    i_completed++; i_expected++; count--
                :: count == 0 -> break
                od;
                i_ack_due = true
            :: else
            fi
        :: psn + count <= i_expected -> i_ack_due = true /* kDuplicate */
        :: psn > i_expected /* kGap: the target's timer repairs it; a NACK would be quicker */
        fi
    :: else
    fi;
    ok = false
}

active proctype initiator() {
    mtype op;
    byte nonce, psn, count, ack;
    bool ok;
    do
    :: atomic { i_state == I_FREE && channel < CHANNELS -> /* TxnEndpoint::open */
        channel++;
        process[channel] = i_process;
        key = memory; /* learnt by other means; requests are submitted now */
        i_oldest = 0; i_cursor = 0; i_sent = 0; i_completed = 0; i_retries = 0; i_expected = 0;
        i_ack_due = false;
        i_state = I_OPENING;
        i_tick = true
       }
    :: atomic { i_state == I_OPEN && I_MAY_SEND && nfull(to_target[path]) ->
        if /* Initiator::fill: as many items as go into the frame */
        :: count = 1
        :: i_cursor + 2 <= OPS && i_cursor + 2 - i_oldest <= WINDOW && RING >= 2 -> count = 2
        fi;
        to_target[path]!REQUEST(channel, I_FIRST + i_cursor, count, i_expected);
        i_cursor = i_cursor + count;
        i_sent = (i_sent < i_cursor -> i_cursor : i_sent);
        i_ack_due = false;
        count = 0
       }
    :: atomic { i_state == I_OPEN && i_ack_due && nfull(to_target[path]) ->
        to_target[path]!I_ACK(channel, I_FIRST + i_cursor, 0, i_expected);
        i_ack_due = false
       }
    :: atomic { to_initiator?op, nonce, psn, count, ack ->
        if
        :: backward_losses > 0 -> backward_losses--
        :: i_state != I_FREE ->
            if
            :: op == OPENED -> /* TxnEndpoint::on_opened */
                if
                :: nonce == channel && ack == I_FIRST && i_state == I_OPENING ->
                    i_expected = psn;
                    i_retries = 0;
                    i_state = I_OPEN
                :: else
                fi
            :: op == UNKNOWN -> /* TxnEndpoint::on_refused, Initiator::has_sent */
                if
#ifdef BELIEVE_ANY_RESET
                :: true ->
#else
                :: (i_state == I_OPENING && ack == I_FIRST) || (i_state == I_OPEN &&
                       SAME(ack, I_FIRST) && ack >= I_FIRST + i_oldest && ack <= I_FIRST + i_sent) ->
#endif
#ifdef NO_ERRORS
                    assert(false); /* a channel ends although neither side did anything to it */
#endif
                    fail()
                :: else
                fi
            :: i_state == I_OPEN && (op == RESPONSE || op == T_ACK || op == T_NACK) ->
                on_response(op, nonce, psn, count, ack)
            :: else
            fi
        :: i_state == I_FREE /* kTxnUnknownChannel */
        fi;
        op = 0; nonce = 0; psn = 0; count = 0; ack = 0
       }
    :: atomic { i_tick && i_state != I_FREE -> /* on_time, keep_opening */
        i_tick = false;
        if
        :: i_state == I_OPEN && i_completed == OPS
        :: (i_state == I_OPENING || i_completed < OPS) ->
            i_retries++;
            if
#ifndef NO_GIVE_UP
            :: i_retries > RETRIES -> fail()
#endif
            :: else ->
                i_retries = (i_retries > RETRIES -> RETRIES : i_retries);
                if /* Endpoint::keep_path, next_path */
                :: path = 1 - path
                :: true
                fi;
                if
                :: i_state == I_OPENING && full(to_target[path])
                :: i_state == I_OPENING && nfull(to_target[path]) ->
                    to_target[path]!OPEN(channel, I_FIRST, 0, 0)
                :: i_state == I_OPEN -> i_cursor = i_oldest /* DeliveryTx::on_time, rewind */
                fi
            fi
        fi
       }
    :: atomic { i_tick && i_state == I_FREE -> i_tick = false }
    :: atomic { i_state == I_OPEN && i_completed == OPS && nfull(to_target[path]) -> /* close */
        to_target[path]!CLOSED(channel, I_FIRST, 0, 0);
        i_state = I_FREE
       }
    :: atomic { initiator_deaths > 0 && i_state != I_FREE -> /* nobody waits for a completion now */
        initiator_deaths--;
        i_process++;
        i_state = I_FREE
       }
    :: OVER -> break
    od
}

/* TxnEndpoint::on_open, Target::start. */
inline on_open(nonce, first) {
    if
    :: t_used && t_nonce == nonce -> /* our answer was lost, or a late copy */
        if
        :: nfull(to_initiator) -> to_initiator!OPENED(nonce, T_FIRST, 0, t_first)
        :: full(to_initiator)
        fi
#ifndef OPEN_OF_ANY_AGE
    :: t_used && nonce < t_nonce && process[nonce] == process[t_nonce] /* OpenBody::is_older */
#endif
    :: else ->
        t_used = true;
        t_nonce = nonce;
        t_first = first;
        t_starts++;
        t_taken = 0; t_oldest = 0; t_cursor = 0; t_sent = 0; t_retries = 0;
        t_ack_due = false; t_nack_due = false;
        if
        :: nfull(to_initiator) -> to_initiator!OPENED(nonce, T_FIRST, 0, t_first)
        :: full(to_initiator)
        fi
    fi
}

/* Target::on_frame, on_items, execute. `owner` is a ghost. */
inline on_request(op, owner, psn, count, ack) {
    on_ack(ack, T_FIRST, t_oldest, t_cursor, t_sent, t_retries, ok);
    if
    :: ok && op == REQUEST && SAME(psn, t_first) ->
        k = psn - t_first;
        if
        :: k <= t_taken && k + count > t_taken -> /* kNew: what was taken before is skipped */
            do
            :: t_taken < k + count && t_taken - t_oldest < RING ->
                if
                :: key == memory && (owner == channel || memory == 1) ->
                    applied[OP(owner, t_taken)]++;
                    assert(applied[OP(owner, t_taken)] <= 1) /* E2 */
                :: else /* kRemoteAccess: a key of windows that are gone */
                fi;
                t_taken++;
                t_ack_due = true
            :: t_taken < k + count && t_taken - t_oldest >= RING -> t_nack_due = true; break
            :: t_taken == k + count -> break
            od
        :: k + count <= t_taken -> /* kDuplicate */
#ifdef NO_CACHE
            applied[OP(owner, k)]++; /* done again, to have an answer */
            assert(applied[OP(owner, k)] <= 1);
            t_cursor = (t_cursor > k -> k : t_cursor);
#endif
            t_ack_due = true
        :: k > t_taken -> t_nack_due = true /* kGap */
        fi;
        k = 0
    :: else
    fi;
    ok = false
}

active proctype target() {
    mtype op;
    byte nonce, psn, count, ack, k;
    bool ok;
    bit from;
end:
    do
    :: atomic {
        if
        :: to_target[0]?op, nonce, psn, count, ack
        :: to_target[1]?op, nonce, psn, count, ack
        fi;
        if
        :: forward_losses > 0 -> forward_losses--
        :: t_gone
        :: !t_gone ->
            if
            :: op == OPEN -> on_open(nonce, psn)
            :: op == CLOSED -> /* TxnEndpoint::on_request */
                if
#ifdef CLOSED_OF_ANY_AGE
                :: t_used -> t_used = false
#else
                :: t_used && psn == t_first -> t_used = false
#endif
                :: else
                fi
            :: (op == REQUEST || op == I_ACK) && t_used -> on_request(op, nonce, psn, count, ack)
            :: (op == REQUEST || op == I_ACK) && !t_used ->
                if
                :: nfull(to_initiator) -> to_initiator!UNKNOWN(0, 0, 0, psn)
                :: full(to_initiator)
                fi
            fi
        fi;
        op = 0; nonce = 0; psn = 0; count = 0; ack = 0
       }
    :: atomic { /* Target::fill */
        t_used && t_cursor < t_taken && !t_nack_due && nfull(to_initiator) ->
        if
        :: count = 1
        :: t_cursor + 2 <= t_taken -> count = 2
        fi;
        to_initiator!RESPONSE((key == memory -> 1 : 0), T_FIRST + t_cursor, count, t_first + t_taken);
        t_cursor = t_cursor + count;
        t_sent = (t_sent < t_cursor -> t_cursor : t_sent);
        t_ack_due = false;
        count = 0
       }
    :: atomic { t_used && t_nack_due && nfull(to_initiator) ->
        to_initiator!T_NACK(0, T_FIRST + t_cursor, 0, t_first + t_taken);
        t_nack_due = false; t_ack_due = false
       }
    :: atomic { t_used && t_ack_due && !t_nack_due && t_cursor == t_taken && nfull(to_initiator) ->
        to_initiator!T_ACK(0, T_FIRST + t_cursor, 0, t_first + t_taken);
        t_ack_due = false
       }
    :: atomic { t_tick -> /* Target::on_time */
        t_tick = false;
        if
        :: t_used && t_oldest < t_sent ->
            t_retries++;
            if
            :: t_retries > RETRIES + 1 -> t_used = false
            :: else -> t_cursor = t_oldest
            fi
        :: else
        fi
       }
    :: atomic { target_deaths > 0 ->
        target_deaths--;
        t_used = false;
        memory++; /* new windows, new keys */
#ifdef NEVER_BACK
        t_gone = true
#endif
       }
    od
}

active proctype clock() {
end:
    do
    :: atomic { CALM && !OVER && len(to_target[0]) + len(to_target[1]) == 0 ->
        i_tick = true; t_tick = true }
    :: atomic { CALM && !OVER && late > 0 && len(to_target[0]) + len(to_target[1]) > 0 ->
        late--; i_tick = true; t_tick = true }
    od
}
