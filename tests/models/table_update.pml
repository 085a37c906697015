/* SPDX-License-Identifier: BSD-3-Clause
 * dataplane/snapshot.h: one publisher, READERS poll cores. Each line that touches an atomic, or the
 * memory of a version, is a step of its own; steps are sequentially consistent (the orderings of
 * the code are acquire and release: ThreadSanitizer and the argument in the header stand for them).
 * Safety (S3, S4): no reader touches memory that is freed, all that it reads in a turn is of one
 * version, and versions never go back. Liveness: when all readers go on, every old version is freed.
 */
#ifndef READERS
#define READERS 2
#endif
#ifndef VERSIONS
#define VERSIONS 4
#endif
#ifndef TURNS
#define TURNS 3 /* of each reader, at most */
#endif
#define RETIRED 255

byte current;          /* current_: the number of the version stands for its address; 0: nullptr */
byte seen[READERS];    /* seen_ */
bool freed[VERSIONS + 1];
byte cell_a[VERSIONS + 1], cell_b[VERSIONS + 1]; /* two words of each object */
byte finished;

/* Snapshot::reclaim. */
inline reclaim() {
    oldest_seen = published;
    i = 0;
    do
    :: i < READERS ->
        oldest_seen = (seen[i] < oldest_seen -> seen[i] : oldest_seen);
#ifdef ONE_READER_ASKED
        i = READERS
#else
        i++
#endif
    :: i >= READERS -> break
    od;
#ifdef NO_GRACE
    oldest_seen = published;
#endif
    i = 1;
    d_step {
        do
        :: i < oldest_seen -> freed[i] = true; i++
        :: i >= oldest_seen -> break
        od;
        i = 0
    }
}

active proctype publisher() {
    byte published, oldest_seen, i;
    do
    :: published < VERSIONS -> /* Snapshot::publish */
#ifdef IN_PLACE
        if
        :: published == 0 -> published = 1; cell_a[1] = 1; cell_b[1] = 1
        :: else -> cell_a[1]++; cell_b[1]++
        fi;
        current = 1;
        if
        :: cell_b[1] == VERSIONS -> break
        :: else
        fi
#else
        published++;
#ifdef PUBLISHED_TOO_EARLY
        current = published;
        cell_a[published] = published;
        cell_b[published] = published;
#else
        cell_a[published] = published;
        cell_b[published] = published;
        current = published;
#endif
        reclaim()
#endif
    :: published == VERSIONS -> break
    od;
    finished == READERS;
    reclaim();
    i = 1;
    do
    :: i < published -> assert(freed[i]); i++ /* all that is old is freed in the end */
    :: i >= published -> break
    od
}

proctype reader(byte self) {
    byte version, before, last, turns, a;
    do
    :: turns < TURNS ->
        turns++;
#ifdef SEEN_BEFORE_LOAD
        before = current; /* says that it is there before it has left the old one */
        if
        :: before != 0 -> seen[self] = before
        :: else
        fi;
        if
        :: version != 0 -> assert(!freed[version]); a = cell_a[version]; a = 0
        :: else
        fi;
#endif
        before = version;
        version = current; /* Reader::observe */
        if
        :: version == 0
        :: version != 0 ->
            assert(version >= before);
            assert(!freed[version]); /* version->number */
            if
            :: version != last -> last = version; seen[self] = last
            :: else
            fi;
            assert(!freed[version]); a = cell_a[version]; /* what the turn does with it */
            assert(!freed[version]); assert(a == cell_b[version]);
            a = 0
        fi
    :: break
    od;
    seen[self] = RETIRED; /* Reader::retire */
#ifdef USE_AFTER_RETIRE
    if
    :: version != 0 -> assert(!freed[version])
    :: else
    fi;
#endif
    finished++
}

init {
    byte i;
    atomic {
        i = 0;
        do
        :: i < READERS -> run reader(i); i++
        :: i == READERS -> break
        od
    }
}
