/* SPDX-License-Identifier: BSD-3-Clause
 * Credits of one VC and direction: proto/cbfc_sender.cpp, cbfc_receiver.h, credit_pool.h, and what
 * proto/link_control.h makes of them. LLR below is a FIFO (llr.pml shows that it is one) that a
 * flush or a restart of the sender may cut; CF_Updates get lost, doubled, and come late.
 *
 * Safety (C1): the buffer never holds more than LIMIT. Liveness (C3, C4): when the faults are used
 * up, everything is sent and at the end all credits are back. A frame takes one credit.
 */
#ifndef LIMIT
#define LIMIT 2 /* reserved credits: the receiver's buffer */
#endif
#ifndef MOD
#define MOD 8 /* CreditCounter::kModulus; LIMIT < MOD / 2, as profiles have it */
#endif
#ifndef FRAMES
#define FRAMES 6
#endif
#ifndef WIRE
#define WIRE 2 /* frames in LLR's hands */
#endif
#ifndef CF_LOSSES
#define CF_LOSSES 2
#endif
#ifndef CF_DUPS
#define CF_DUPS 1
#endif
#ifndef CF_STALE
#define CF_STALE 1 /* 1: a copy of one CF_Update may turn up at any time later */
#endif
#ifndef SESSIONS
#define SESSIONS 1 /* how often a new session begins */
#endif
#ifndef DATA_LOSSES
#define DATA_LOSSES 0 /* frames that are not LLR-eligible get lost */
#endif
#ifndef CC_LATE
#define CC_LATE 0 /* ... and overtake a CC_Update that LLR has to send again */
#endif
#ifndef CC_EXTRA
#define CC_EXTRA 2 /* CC_Updates that are sent although nothing calls for them */
#endif

#ifndef CF_EXTRA
#define CF_EXTRA 1 /* full reports although nothing has changed */
#endif

#define DIST(to, from) ((2 * MOD + (to) - (from)) % MOD)

mtype = { DATA, CC };
/* kind, session, S_CC. In the LLR sequence. */
chan sequence = [WIRE] of { mtype, byte, byte };
/* CC_Updates that travel beside it (known-bad). */
chan beside = [1] of { byte, byte };
/* rx_epoch, R_CF. */
chan updates = [2] of { byte, byte };

byte s_epoch = 1, s_consumed, s_held; /* CbfcSender: S_CC; S_CC - S_CF */
bool s_heard, s_cc_due = true;
byte sent;
byte r_epoch, r_consumed, r_freed; /* CbfcReceiver: R_CC, R_CF */
byte r_cc_session; /* Link::cc_session_: of the last CC_Update that was obeyed */
byte r_reported = MOD;             /* R_CF of the last CF_Update */
byte buffer;                       /* ghost: frames that the buffer really holds */
byte accepted;
bool s_tick, r_tick;
byte cf_losses = CF_LOSSES, cf_dups = CF_DUPS, sessions = SESSIONS, data_losses = DATA_LOSSES;
byte cc_extra = CC_EXTRA, cc_late = CC_LATE, cf_extra = CF_EXTRA;
byte held = 2 - 2 * CF_STALE, held_epoch, held_freed;

#define FITS (s_heard && s_held + 1 <= LIMIT) /* CbfcSender::can_send */
#define CREDITS_VALID (r_cc_session == r_epoch) /* Link::emit_ordered_sets credits_valid */
#define ALL_BACK (sent == FRAMES && buffer == 0 && s_heard && s_held == 0)
#define FINISHED (ALL_BACK && !s_cc_due && len(sequence) == 0 && len(beside) == 0 && sessions == 0)
#define QUIET (empty(sequence) && empty(updates) && empty(beside) && buffer == 0 && !s_cc_due && \
               !(sent < FRAMES && FITS) && !(CREDITS_VALID && r_freed != r_reported))

/* CbfcSender::on_cf_update, after Link::on_control has compared the epochs. */
inline on_cf_update(epoch, freed) {
    if
#ifndef CF_OF_ANY_SESSION
    :: epoch != s_epoch
#endif
    :: else ->
#ifdef INCREMENTAL
        s_held = (s_held >= freed -> s_held - freed : 0);
        s_heard = true
#else
        if
#ifndef BELIEVE_ANY_UPDATE
        :: DIST(s_consumed, freed) > (s_heard -> s_held : LIMIT) /* kRefused */
#endif
        :: else -> s_held = DIST(s_consumed, freed); s_heard = true
        fi
#endif
    fi
}

active proctype sender() {
    byte epoch, freed;
#if defined(INCREMENTAL) || defined(START_FULL)
    s_heard = true;
#endif
    do
    :: atomic { sent < FRAMES && FITS && !s_cc_due && nfull(sequence) -> /* Link::send */
        sent++;
        s_consumed = (s_consumed + 1) % MOD;
        s_held++;
        sequence!DATA(s_epoch, 0)
       }
    :: atomic { /* Link::emit_cc_update: first of a session, and with the cc_message_timer */
        (s_cc_due || cc_extra > 0 || s_tick) && nfull(sequence) ->
        if
        :: s_cc_due || s_tick
        :: !s_cc_due && !s_tick -> cc_extra--
        fi;
        s_cc_due = false;
        s_tick = false;
#if defined(NO_CC)
        skip
#elif defined(CC_OUTSIDE)
        if
        :: nfull(beside) -> beside!s_epoch, s_consumed
        :: full(beside)
        fi
#else
        sequence!CC(s_epoch, s_consumed)
#endif
       }
    :: atomic { updates?epoch, freed ->
        if
        :: on_cf_update(epoch, freed)
        :: cf_losses > 0 -> cf_losses--
        :: cf_dups > 0 -> cf_dups--; on_cf_update(epoch, freed); on_cf_update(epoch, freed)
        :: held == 0 -> held = 1; held_epoch = epoch; held_freed = freed; on_cf_update(epoch, freed)
        :: held == 0 -> held = 1; held_epoch = epoch; held_freed = freed
        fi;
        epoch = 0; freed = 0
       }
    :: atomic { held == 1 ->
        held = 2;
        on_cf_update(held_epoch, held_freed);
        held_epoch = 0; held_freed = 0
       }
    :: atomic { /* Link::begin_session after a flush or a restart; what was under way may be lost */
        sessions > 0 ->
        sessions--;
        if
        :: true
        :: do
           :: sequence?_, _, _
           :: empty(sequence) -> break
           od;
           if
           :: true
           :: r_epoch = 0; r_cc_session = 0; /* the neighbour was restarted, and that is why */
              r_consumed = 0; r_freed = 0; r_reported = MOD; buffer = 0
           fi
        fi;
        s_epoch++;
        s_consumed = 0; s_held = 0; /* CbfcSender::reset */
#ifndef START_FULL
        s_heard = false;
#endif
        s_cc_due = true
       }
    :: FINISHED -> break
    od
}

/* CbfcReceiver::on_cc_update, Link::on_cc_update. */
inline on_cc_update(consumed) {
#ifndef NO_REBASE
    r_freed = (r_freed + DIST(consumed, r_consumed)) % MOD;
    r_consumed = consumed;
#endif
    if
    :: r_cc_session != r_epoch -> r_cc_session = r_epoch; r_reported = MOD /* full report */
    :: else
    fi
}

active proctype receiver() {
    mtype kind;
    byte epoch, consumed;
end:
    do
    :: atomic { sequence?kind, epoch, consumed ->
        if
        :: epoch < r_epoch /* kNoSession */
        :: data_losses > 0 && kind == DATA -> data_losses--
        :: cc_late > 0 && kind == CC && nempty(sequence) -> cc_late--; sequence!kind, epoch, consumed
        :: epoch >= r_epoch -> /* LlrRx::adopt */
            if
            :: epoch > r_epoch -> r_epoch = epoch
            :: else
            fi;
            if
            :: kind == DATA ->
                buffer++;
                assert(buffer <= LIMIT); /* C1 */
                accepted++;
                r_consumed = (r_consumed + 1) % MOD /* CreditPool::consume */
            :: kind == CC -> on_cc_update(consumed)
            fi
        fi;
        kind = 0; epoch = 0; consumed = 0
       }
    :: atomic { /* LlrRx::on_init where it takes effect at once: no session, or the same bits */
        r_epoch < s_epoch && s_cc_due ->
        r_epoch = s_epoch;
#ifdef CF_BEFORE_CC
        r_cc_session = s_epoch; r_reported = MOD
#endif
       }
    :: atomic { beside?epoch, consumed ->
        if
        :: epoch < r_epoch
        :: epoch >= r_epoch -> r_epoch = epoch; on_cc_update(consumed)
        fi;
        epoch = 0; consumed = 0
       }
    :: atomic { buffer > 0 -> /* Link::on_drained, CreditPool::free */
        buffer--;
        r_freed = (r_freed + 1) % MOD
       }
    :: atomic { /* Link::emit_ordered_sets: what has changed, and with cf_update_interval all */
        CREDITS_VALID && (r_freed != r_reported || r_tick || cf_extra > 0) && nfull(updates) ->
        if
        :: r_freed == r_reported && !r_tick -> cf_extra--
        :: else
        fi;
#ifdef INCREMENTAL
        if
        :: r_freed != r_reported && r_reported != MOD -> updates!r_epoch, DIST(r_freed, r_reported)
        :: r_reported == MOD && r_freed != 0 -> updates!r_epoch, r_freed
        :: else
        fi;
#else
        updates!r_epoch, r_freed;
#endif
        r_reported = r_freed;
        r_tick = false
       }
    :: atomic { r_tick && !CREDITS_VALID -> r_tick = false }
    od
}

/* Timers: when nothing else happens. */
active proctype clock() {
end:
    do
    :: atomic { QUIET && !s_tick && !r_tick && !FINISHED && !(ALL_BACK && sessions > 0) ->
#ifndef NO_REPEAT
        r_tick = true;
#endif
        s_tick = true
       }
    od
}
