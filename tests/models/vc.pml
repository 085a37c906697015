/* SPDX-License-Identifier: BSD-3-Clause
 * Two endpoints, one switch, every buffer of one frame per VC: requests and their responses need a
 * VC each (TxnEndpoint::ClassVcs, control's check of channel dependencies). An endpoint takes the
 * next request only when the response to the last one has left; a link never loses what it took.
 * Liveness (S10): all requests are answered; there is no other end.
 */
#ifndef REQUESTS
#define REQUESTS 3 /* of each endpoint */
#endif
#ifdef ONE_VC
#define RESPONSE_VC 0
#else
#define RESPONSE_VC 1
#endif
#define REQUEST_VC 0

mtype = { REQUEST, RESPONSE };
/* Buffers at the far end of each link and VC: index = 2 * endpoint + VC. */
chan to_switch[4] = [1] of { mtype };
chan to_endpoint[4] = [1] of { mtype };
byte answered[2];

proctype endpoint(bit self) {
    byte asked;
    bool owes;
    mtype kind;
end:
    do
    :: atomic { asked < REQUESTS && nfull(to_switch[2 * self + REQUEST_VC]) ->
        to_switch[2 * self + REQUEST_VC]!REQUEST; asked++ }
    :: atomic { owes && nfull(to_switch[2 * self + RESPONSE_VC]) ->
        to_switch[2 * self + RESPONSE_VC]!RESPONSE; owes = false }
    :: atomic { !owes && to_endpoint[2 * self + REQUEST_VC]?[REQUEST] ->
        to_endpoint[2 * self + REQUEST_VC]?REQUEST; owes = true }
    :: atomic { to_endpoint[2 * self + RESPONSE_VC]?[RESPONSE] ->
        to_endpoint[2 * self + RESPONSE_VC]?RESPONSE; answered[self]++ }
    od
}

/* Forwards VC by VC: a full one blocks nobody else's (C7). */
proctype port(bit from; bit vc) {
    mtype kind;
end:
    do
    :: atomic { nempty(to_switch[2 * from + vc]) && nfull(to_endpoint[2 * (1 - from) + vc]) ->
        to_switch[2 * from + vc]?kind; to_endpoint[2 * (1 - from) + vc]!kind; kind = 0 }
    od
}

/* Ends only when everything is answered: until then a standstill is an invalid end. */
init {
    atomic {
        run endpoint(0); run endpoint(1);
        run port(0, 0); run port(1, 0); run port(0, 1); run port(1, 1)
    };
    answered[0] == REQUESTS && answered[1] == REQUESTS
}
