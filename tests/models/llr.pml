/* SPDX-License-Identifier: BSD-3-Clause
 * Link-level retry, one direction: proto/llr_tx.cpp, proto/llr_rx.cpp, and what proto/link_control.h
 * and link_emit.h make of both. The wire loses, damages, doubles, displaces and keeps stale copies,
 * each so many times; either end may be restarted and forget everything.
 *
 * Safety: what is handed up is handed up once and in order, without a gap within a session; nothing
 * of a session that is over; what the sender frees has been handed up. Liveness: when the faults are
 * used up, everything is sent and acknowledged: there is no cycle (nothing counts as progress, because
 * all that is good here happens a bounded number of times), and no other end than `FINISHED`.
 *
 * Left out: the bytes limit of the window, the age limit (both end in flush(), which is here), the
 * CC_Update that opens a session (cbfc.pml). The session's first frame is here a data frame.
 */
#ifndef MOD
#define MOD 8 /* Seq::kModulus */
#endif
#ifndef WINDOW
#define WINDOW 3 /* max_outstanding_frames */
#endif
#ifndef FRAMES
#define FRAMES 4
#endif
#ifndef WIRE
#define WIRE 3 /* frames under way, each direction */
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef BADS
#define BADS 0 /* damaged frames: their number is a hint and may be any */
#endif
#ifndef DUPS
#define DUPS 0
#endif
#ifndef SWAPS
#define SWAPS 0 /* a frame falls behind all that are under way */
#endif
#ifndef STALE_DATA
#define STALE_DATA 0 /* 1: a copy of one frame or INIT may turn up at any time later */
#endif
#ifndef STALE_CONTROL
#define STALE_CONTROL 0 /* 1: the same of one control frame of the receiver */
#endif
#ifndef EARLY
#define EARLY 0 /* replay timers that end although everything is on its way */
#endif
#ifndef TX_RESTARTS
#define TX_RESTARTS 0
#endif
#ifndef RX_RESTARTS
#define RX_RESTARTS 0
#endif
#ifndef REPLAYS_MAX
#define REPLAYS_MAX 2 /* max_replay_count; 255: no limit */
#endif
#define DEAF_MAX 3 /* link_control.h kDeaf */

#define HALF (MOD / 2)
#define DIST(to, from) ((MOD + (to) - (from)) % MOD) /* Cyclic::distance_from */
#define NEXT(seq) (((seq) + 1) % MOD)
#define PREVIOUS(seq) (((seq) + MOD - 1) % MOD)

/* The bits of the epoch that each frame carries (BasicLlrRx::kSessionMask). */
#if defined(NO_EPOCH) || defined(SAME_SESSION_BITS)
#define SESSION(epoch) ((epoch) != 0 -> 1 : 0)
#else
#define SESSION(epoch) (epoch)
#endif

mtype = { FRAME, INIT, NONE, ACK, NACK };

/* kind, epoch, number, ghost. Of a FRAME only SESSION(epoch) is looked at; ghost counts frames. */
chan to_rx = [WIRE] of { mtype, byte, byte, byte };
/* rx_epoch, ACK or NACK, its number, INIT_ECHO: epoch (0: none) and number. */
chan to_tx = [WIRE] of { byte, mtype, byte, byte, byte };

byte losses = LOSSES, bads = BADS, dups = DUPS, swaps = SWAPS, early = EARLY;
byte tx_restarts = TX_RESTARTS, rx_restarts = RX_RESTARTS;
bool tx_due, rx_due; /* timers that have ended */

/* BasicLlrTx. */
mtype = { T_INIT, T_ADVANCE, T_REPLAY };
mtype t_state = T_INIT;
byte t_epoch = 1, t_init, t_next, t_oldest, t_cursor, t_replays, t_deaf;
bool t_guard; /* nack_guard_until_ lies ahead */
byte sent; /* ghost: number of the newest frame; those outstanding are the ones before it */
byte flushes;

/* BasicLlrRx. */
mtype = { R_ACKS, R_NACK, R_NACK_SENT };
mtype r_state = R_ACKS;
byte r_epoch, r_expected, r_proposed, r_proposed_seq, r_echo, r_echo_seq;
bool r_ack_wanted;
byte delivered; /* ghost: number of the last frame that was handed up */
bool r_first;   /* ghost: none has been in this session */

/* Stale copies. 0: none kept yet, 1: kept, 2: has come. */
byte d_held = 2 - 2 * STALE_DATA, c_held = 2 - 2 * STALE_CONTROL;
mtype dh_kind, ch_answer;
byte dh_epoch, dh_seq, dh_ghost, ch_epoch, ch_value, ch_echo, ch_echo_seq;

#define RUNNING (t_state != T_INIT)
#define OUTSTANDING DIST(t_next, t_oldest)
#define CAN_SEND (t_state == T_ADVANCE && OUTSTANDING < WINDOW && sent < FRAMES)
#define FINISHED (t_state == T_ADVANCE && sent == FRAMES && t_oldest == t_next)
#define HAS_ANSWER (r_state == R_NACK || r_ack_wanted || r_echo != 0)
#define QUIET (empty(to_rx) && empty(to_tx) && !HAS_ANSWER && t_state != T_REPLAY && !CAN_SEND)

/* Link::begin_session, LlrTx::begin_init. */
inline begin_init(seq) {
#ifndef NO_EPOCH
    t_epoch++;
#endif
    assert(t_epoch < 30);
    t_state = T_INIT;
    t_init = seq; t_next = seq; t_oldest = seq; t_cursor = seq;
    t_replays = 0; t_deaf = 0; t_guard = false;
    tx_due = true /* init_due_ = now */
}

/* Link::flush with re_init_on_flush: what was outstanding is given up, and counted. */
inline flush() {
#ifdef NO_FLUSH
    assert(false); /* nothing happened that should end a session */
#endif
    flushes = (flushes < 3 -> flushes + 1 : 3);
    begin_init(t_next)
}

inline begin_replay() {
    t_state = T_REPLAY;
    t_cursor = t_oldest;
    t_replays = (t_replays < 3 -> t_replays + 1 : 3);
    t_guard = true
}

inline finish_replay_if_done() {
    if
    :: t_state == T_REPLAY && t_cursor == t_next -> t_state = T_ADVANCE
    :: else
    fi
}

/* LlrTx::acknowledge: released, or 255 if the number is none of those outstanding. */
inline acknowledge(seq, released) {
    released = DIST(NEXT(seq), t_oldest);
    if
#ifndef BELIEVE_ANY_ACK
    :: released > OUTSTANDING -> released = 255
#endif
    :: else ->
        if
        :: released > 0 ->
            /* Ghost: the newest of the frames that are freed now has been handed up. */
            assert(sent + released <= delivered + OUTSTANDING);
            if
            :: t_state == T_REPLAY && released > DIST(t_cursor, t_oldest) ->
                t_cursor = (t_oldest + released) % MOD
            :: else
            fi;
            t_oldest = (t_oldest + released) % MOD;
            t_replays = 0;
            finish_replay_if_done()
        :: else
        fi
    fi
}

/* Link::on_control: note_epoch, then the ordered sets in the order in which they are written. */
inline on_control(rx_epoch, answer, value, echo, echo_seq) {
    if
    :: RUNNING ->
        t_deaf = (rx_epoch == t_epoch -> 0 : (t_deaf < DEAF_MAX -> t_deaf + 1 : DEAF_MAX));
        if
        :: t_deaf == DEAF_MAX && !(OUTSTANDING > 0 && t_replays == 0) -> flush()
        :: else
        fi
    :: else
    fi;
    if
#ifdef ACK_OF_ANY_EPOCH
    :: answer != NONE && RUNNING ->
#else
    :: answer != NONE && RUNNING && rx_epoch == t_epoch ->
#endif
        acknowledge(value, released);
        if /* LlrTx::on_nack */
        :: answer == NACK && released != 255 && OUTSTANDING > 0 ->
            if
            :: released > 0 || !t_guard -> begin_replay()
            :: released == 0 && t_guard /* kSuppressed */
            :: released == 0 && t_guard -> begin_replay() /* the guard's time may be over, too */
            fi
        :: else
        fi
    :: else
    fi;
    if /* LlrTx::on_init_echo */
    :: t_state == T_INIT && echo == t_epoch && echo_seq == t_init -> t_state = T_ADVANCE
    :: else
    fi;
    released = 0
}

active proctype transmitter() {
    byte released, rx_epoch, value, echo, echo_seq;
    mtype answer;
    do
    :: atomic { /* Link::sequence, LlrTx::on_sent */
        CAN_SEND && nfull(to_rx) ->
        sent++;
        to_rx!FRAME(t_epoch, t_next, sent);
        t_next = NEXT(t_next)
       }
    :: atomic { /* Link::emit_replay, LlrTx::on_replayed */
        t_state == T_REPLAY && nfull(to_rx) ->
        to_rx!FRAME(t_epoch, t_cursor, (sent + 1 - DIST(t_next, t_cursor)));
        t_cursor = NEXT(t_cursor);
        finish_replay_if_done()
       }
    :: atomic { /* LlrTx::on_time, next_init */
        (tx_due || (early > 0 && t_state == T_ADVANCE && OUTSTANDING > 0)) && nfull(to_rx) ->
        if
        :: tx_due
        :: !tx_due -> early--
        fi;
        tx_due = false;
        t_guard = false;
        if
        :: t_state == T_INIT -> to_rx!INIT(t_epoch, t_init, 0)
        :: t_state == T_ADVANCE && OUTSTANDING > 0 ->
            if
            :: REPLAYS_MAX != 255 && t_replays >= REPLAYS_MAX -> flush()
            :: else -> begin_replay()
            fi
        :: else
        fi
       }
    :: atomic { to_tx?rx_epoch, answer, value, echo, echo_seq ->
        if
        :: on_control(rx_epoch, answer, value, echo, echo_seq)
        :: losses > 0 -> losses--
        :: c_held == 0 -> /* it comes now, and once more */
            c_held = 1;
            ch_epoch = rx_epoch; ch_answer = answer; ch_value = value;
            ch_echo = echo; ch_echo_seq = echo_seq;
            on_control(rx_epoch, answer, value, echo, echo_seq)
        fi;
        rx_epoch = 0; answer = NONE; value = 0; echo = 0; echo_seq = 0
       }
    :: atomic { c_held == 1 ->
        c_held = 2;
        on_control(ch_epoch, ch_answer, ch_value, ch_echo, ch_echo_seq);
        ch_epoch = 0; ch_answer = NONE; ch_value = 0; ch_echo = 0; ch_echo_seq = 0
       }
    :: atomic { /* A new process: its memory and its receive queue are gone; epoch, number: random. */
        tx_restarts > 0 ->
        tx_restarts--;
        do
        :: to_tx?_, _, _, _, _
        :: empty(to_tx) -> break
        od;
        c_held = 2;
        if
        :: begin_init(0)
        :: begin_init(t_next)
        :: begin_init(t_oldest)
        fi
       }
    :: FINISHED -> break
    od
}

/* LlrRx::begin_session. */
inline begin_session(seq, epoch) {
    r_epoch = epoch;
    r_expected = seq;
    r_proposed = 0; r_proposed_seq = 0;
    r_state = R_ACKS;
    r_ack_wanted = false;
    r_first = true
}

/* LlrRx::on_init, and the echo that Link::on_ctl_os owes. */
inline on_init(seq, epoch) {
    r_echo = epoch;
    r_echo_seq = seq;
    if
    :: epoch == r_epoch
#ifdef NO_EPOCH
       -> begin_session(seq, epoch)
#endif
    :: epoch != r_epoch ->
        if
#ifndef INIT_AT_ONCE
        :: r_epoch != 0 && SESSION(epoch) != SESSION(r_epoch) ->
            r_proposed = epoch;
            r_proposed_seq = seq
#endif
        :: else -> begin_session(seq, epoch)
        fi
    fi
}

/* LlrRx::on_frame with refuse(). `good`: false if damaged. */
inline on_frame(epoch, seq, ghost, good) {
    if /* adopt() */
    :: SESSION(epoch) != SESSION(r_epoch) && r_proposed != 0 && good &&
           SESSION(epoch) == SESSION(r_proposed) ->
        begin_session(r_proposed_seq, r_proposed)
    :: else
    fi;
    if
    :: SESSION(epoch) != SESSION(r_epoch) || r_epoch == 0 /* kNoSession */
    :: else ->
        if
        :: seq == r_expected && good ->
            assert(epoch == r_epoch);                    /* nothing of another session */
            assert(ghost > delivered);                   /* each once, in order */
            assert(r_first || ghost == delivered + 1);   /* no gap within a session */
            delivered = ghost;
            r_first = false;
            r_expected = NEXT(r_expected);
            r_ack_wanted = true;
            r_state = R_ACKS
        :: seq != r_expected && DIST(seq, r_expected) >= HALF -> /* a duplicate */
            if
#ifdef SILENT_UNTIL_EXPECTED
            :: good && r_state != R_NACK_SENT ->
#else
            :: good ->
#endif
#ifndef NO_REACK
                r_ack_wanted = true;
#endif
                if
                :: r_state == R_NACK_SENT -> r_state = R_ACKS
                :: else
                fi
            :: else
            fi
        :: else ->
            if
            :: r_state == R_ACKS -> r_state = R_NACK
            :: else
            fi
        fi
    fi
}

active proctype receiver() {
    mtype kind, answer;
    byte epoch, seq, ghost;
end:
    do
    :: atomic { nempty(to_rx) ->
        if
        :: dups > 0 -> dups--; to_rx?<kind, epoch, seq, ghost>
        :: to_rx?kind, epoch, seq, ghost
        fi;
        if
        :: if
           :: kind == INIT -> on_init(seq, epoch)
           :: kind == FRAME -> on_frame(epoch, seq, ghost, true)
           fi
        :: losses > 0 -> losses--
        :: bads > 0 && kind == FRAME -> /* Link::on_unreadable */
            bads--;
            select(seq : 0 .. MOD - 1);
            on_frame(epoch, seq, ghost, false)
        :: swaps > 0 && nempty(to_rx) && nfull(to_rx) -> swaps--; to_rx!kind, epoch, seq, ghost
        :: d_held == 0 ->
            d_held = 1;
            dh_kind = kind; dh_epoch = epoch; dh_seq = seq; dh_ghost = ghost;
            if
            :: kind == INIT -> on_init(seq, epoch)
            :: kind == FRAME -> on_frame(epoch, seq, ghost, true)
            fi
        fi;
        kind = NONE; epoch = 0; seq = 0; ghost = 0
       }
    :: atomic { d_held == 1 ->
        d_held = 2;
        if
        :: dh_kind == INIT -> on_init(dh_seq, dh_epoch)
        :: dh_kind == FRAME -> on_frame(dh_epoch, dh_seq, dh_ghost, true)
        fi;
        dh_kind = NONE; dh_epoch = 0; dh_seq = 0; dh_ghost = 0
       }
    :: atomic { /* Link::emit_ordered_sets, LlrRx::next_answer; rx_due: everything is repeated */
        (HAS_ANSWER || rx_due) && nfull(to_tx) ->
        if
        :: r_state == R_NACK -> answer = NACK; r_state = R_NACK_SENT; r_ack_wanted = false
        :: r_state != R_NACK && r_ack_wanted -> answer = ACK; r_ack_wanted = false
        :: r_state != R_NACK && !r_ack_wanted ->
#if defined(NO_REACK)
            answer = NONE
#elif defined(SILENT_UNTIL_EXPECTED)
            answer = (rx_due && r_epoch != 0 && r_state == R_ACKS -> ACK : NONE)
#else
            answer = (rx_due && r_epoch != 0 -> ACK : NONE)
#endif
        fi;
        if /* Who has nothing to say sends nothing; without a session he has credits to tell. */
        :: answer == NONE && r_echo == 0 && r_epoch != 0 -> skip
        :: else -> to_tx!r_epoch, answer, PREVIOUS(r_expected), r_echo, r_echo_seq
        fi;
        r_echo = 0; r_echo_seq = 0; rx_due = false; answer = NONE
       }
    :: atomic { /* A new process. What was under way to the old one has died with its queue. */
        rx_restarts > 0 ->
        rx_restarts--;
#ifndef STALE_ACROSS_RESTART
        do
        :: to_rx?_, _, _, _
        :: empty(to_rx) -> break
        od;
        d_held = (d_held == 1 -> 2 : d_held);
#endif
        begin_session(0, 0);
        r_echo = 0; r_echo_seq = 0
       }
    od
}

/* Timers are made for the round trip: they end when nothing is under way any more. */
active proctype clock() {
    tx_due = true;
end:
    do
    :: atomic { QUIET && !tx_due && !rx_due && !FINISHED -> tx_due = true; rx_due = true }
    od
}
