/* SPDX-License-Identifier: BSD-3-Clause
 * Four switches in a ring, one buffer per link (clockwise link I leads from switch I to I + 1).
 * Frames from two sources go two links clockwise, those of the other two the other way, on links of
 * their own. Which two is what the old and the new routes differ in: each set for itself waits in no
 * circle, both at once do, because a frame keeps the buffers that it took under the old routes. So
 * an update needs a union without a circle (S10), or old frames that are gone before new ones come.
 */
#ifndef FRAMES
#define FRAMES 2 /* of each source and each set of routes */
#endif
/* Sources that go clockwise. */
#define OLD_GOES(s) ((s) == 0 || (s) == 1)
#define NEW_GOES(s) ((s) == 2 || (s) == 3)

chan link[4] = [1] of { byte }; /* a frame: links that it still has to take */
bool updated[4];
byte under_way; /* clockwise frames that were sent under the old routes and are not there yet */
byte arrived, skipped;
chan age[4] = [1] of { bool }; /* beside each frame: whether the old routes sent it */

proctype source(byte s) {
    byte n;
    do
    :: atomic { !updated[s] && n < FRAMES && OLD_GOES(s) && nfull(link[s]) ->
        link[s]!1; age[s]!true; under_way++; n++ }
    :: atomic { !updated[s] && n < FRAMES && !OLD_GOES(s) -> n++; skipped++ }
    :: atomic { !updated[s] -> /* the poll core observes the new table */
        skipped = skipped + FRAMES - n; updated[s] = true; break }
    od;
    n = 0;
#ifndef NO_DRAIN
    /* Links that the old routes use must be empty of old frames everywhere, not just here. */
    (updated[0] && updated[1] && updated[2] && updated[3] && under_way == 0);
#endif
    do
    :: atomic { n < FRAMES && NEW_GOES(s) && nfull(link[s]) -> link[s]!1; age[s]!false; n++ }
    :: atomic { n < FRAMES && !NEW_GOES(s) -> n++; skipped++ }
    :: n == FRAMES -> break
    od
}

proctype hop(byte i) { /* takes from link i at switch i + 1 */
    byte left;
    bool old;
end:
    do
    :: atomic { link[i]?[0] -> link[i]?0; age[i]?old; under_way = under_way - old; arrived++; old = 0 }
    :: atomic { link[i]?[1] && nfull(link[(i + 1) % 4]) ->
        link[i]?1; age[i]?old; link[(i + 1) % 4]!0; age[(i + 1) % 4]!old; old = 0 }
    od
}

init {
    atomic {
        run source(0); run source(1); run source(2); run source(3);
        run hop(0); run hop(1); run hop(2); run hop(3)
    };
    arrived + skipped == 8 * FRAMES
}
