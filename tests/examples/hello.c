// SPDX-License-Identifier: BSD-3-Clause
// libethlink in 40 lines. One program lends memory and prints how to reach it:
//     $ hello                          (ETHLINK_SOCKET names the endpoint, if there are several)
//     hello 513 1229782938247303441    (its GPU-ID and key; it ends with its standard input)
// and any number of others, at this or another endpoint, count themselves there:
//     $ hello 513 1229782938247303441
//     visitor 1
#include <ethlink/ethlink.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECOND = 1000000 };  // timeouts are in microseconds

static void check(int status) {
    if (status == ETHLINK_OK) return;
    fprintf(stderr, "%s: %s\n", ethlink_status_name(status), ethlink_last_error());
    exit(1);
}

int main(int argc, char** argv) {
    ethlink_session* session = NULL;
    check(ethlink_open(NULL, SECOND, &session));
    if (argc == 3) {
        ethlink_remote counter = {strtoull(argv[2], NULL, 10), 0, 0};
        uint16_t gpu = (uint16_t)strtoul(argv[1], NULL, 0);
        uint64_t before = 0;
        check(ethlink_connect(session, gpu, ETHLINK_LOAD_STORE, SECOND, &counter.peer));
        check(ethlink_atomic(session, ETHLINK_OP_FETCH_ADD, 8, counter, 1, 0, &before, SECOND));
        printf("visitor %" PRIu64 "\n", before + 1);
    } else {
        ethlink_window* window = NULL;
        ethlink_info info;
        check(ethlink_query(session, &info));
        check(ethlink_window_alloc(session, 8, ETHLINK_READ | ETHLINK_ATOMIC, &window));
        printf("hello %d %" PRIu64 "\n", info.gpu, ethlink_window_key(window));
        fflush(stdout);
        while (getchar() != EOF) continue;
    }
    ethlink_close(session);
    return 0;
}
