// SPDX-License-Identifier: BSD-3-Clause
// libethlink: remote loads, stores, atomics and RDMA over EthLink for ordinary programs.
//
// A program opens a session with the endpoint daemon of its machine, gets memory windows that
// remote GPUs may access, connects to remote GPUs, and accesses their windows. The daemon serves
// windows without any help of the program.
//
// Units        Lengths are bytes, times microseconds. A remote address is an offset into the remote
//              window, from 0.
// Errors       Functions that return int return an ethlink_status, 0 = done, except ethlink_poll()
//              and ethlink_wait(). ethlink_last_error() has a sentence on the last failure.
// Time         Nothing blocks without a limit. Timeouts are 1 to ETHLINK_TIMEOUT_MAX. Calls without
//              one (windows, ethlink_disconnect()) wait for the daemon, at most 10 s; if it has
//              not answered then, ETHLINK_TIMEOUT, and the session has ended. ethlink_connect()
//              waits so much longer than its timeout only if the daemon hangs.
//              A posted request has no timeout of its own: it ends within a few seconds (the
//              fabric's give_up_timer_ms) after its peer can no longer be reached. Receives wait as
//              long as it takes.
// Threads      A session, its windows and its peers belong to one thread at a time. Several
//              sessions are independent of each other.
// Ordering     What is sent to one peer handle is carried out in the order of the calls, but for
//              one case: a read may still see what a later write to the same bytes brings.
//              ethlink_fence() between them prevents it: nothing behind a fence is sent before all
//              in front of it has completed. Different peer handles are independent.
// Completions  Each request ends exactly once: a blocking call by its return, a posted one by one
//              ethlink_completion. After ETHLINK_TIMEOUT and ETHLINK_PEER_RESTARTED the outcome is
//              unknown: the access was carried out once, or not.
// Death        When the daemon ends, every call returns ETHLINK_CLOSED and every outstanding
//              request completes with it. When the program ends, the daemon takes back what it had.
// fork()       A session is of no use in the child, and as long as the child has it open, the
//              daemon does not see its parent die: close it there, or use exec().
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum ethlink_status {
    ETHLINK_OK = 0,
    ETHLINK_REMOTE_ACCESS = 1,   // key, address or right is wrong; nothing was changed
    ETHLINK_TIMEOUT = 2,         // outcome unknown
    ETHLINK_PEER_RESTARTED = 3,  // outcome unknown
    ETHLINK_UNREACHABLE = 4,     // never sent
    ETHLINK_CANCELLED = 5,       // its peer was disconnected or its window freed
    ETHLINK_INVALID = 6,         // the request itself is malformed
    ETHLINK_NO_RECEIVE = 7,      // the receiver had no receive posted in time
    ETHLINK_TOO_LONG = 8,        // the message is longer than the receive
    ETHLINK_CLOSED = 9,          // the session has ended, or this peer's channel has: connect again

    // Only this library's:
    ETHLINK_FULL = 64,        // as many requests are outstanding as can be: take completions
    ETHLINK_NO_DAEMON = 65,   // nobody serves there
    ETHLINK_VERSION = 66,     // the daemon speaks another version
    ETHLINK_PERMISSION = 67,  // this user may not
    ETHLINK_QUOTA = 68,       // a limit of this session or of the daemon
    ETHLINK_SYSTEM = 69       // the operating system refused something
};

enum ethlink_op {
    ETHLINK_OP_LOAD = 1,
    ETHLINK_OP_STORE = 2,
    ETHLINK_OP_FETCH_ADD = 3,
    ETHLINK_OP_SWAP = 4,
    ETHLINK_OP_COMPARE_SWAP = 5,
    ETHLINK_OP_FETCH_AND = 6,
    ETHLINK_OP_FETCH_OR = 7,
    ETHLINK_OP_FETCH_XOR = 8,
    ETHLINK_OP_WRITE = 9,
    ETHLINK_OP_WRITE_IMM = 10,
    ETHLINK_OP_READ = 11,
    ETHLINK_OP_SEND = 12,
    ETHLINK_OP_RECV = 13,
    ETHLINK_OP_FENCE = 14
};

// What remote GPUs may do with a window. 0: nothing, for windows that are only a source or target
// of the program's own requests.
enum ethlink_right {
    ETHLINK_READ = 1,   // load, read
    ETHLINK_WRITE = 2,  // store, write
    ETHLINK_ATOMIC = 4
};

enum ethlink_class {
    ETHLINK_LOAD_STORE = 0,  // loads, stores, atomics, fence
    ETHLINK_RDMA = 1         // write, read, send, recv, fence
};

#define ETHLINK_LINE_MAX 256u             // longest load or store
#define ETHLINK_INLINE_MAX 256u           // longest ethlink_post_send_inline()
#define ETHLINK_MESSAGE_MAX (1u << 30)    // longest write, read, send, recv
#define ETHLINK_TIMEOUT_MAX 0xFFFFFFFFll  // about 71 minutes

typedef struct ethlink_session ethlink_session;
typedef struct ethlink_window ethlink_window;
typedef uint16_t ethlink_peer;

// A place in the memory of a peer. Key and address are what the window's owner has told.
typedef struct ethlink_remote {
    uint64_t key;
    uint64_t address;  // bytes from the window's start
    ethlink_peer peer;
} ethlink_remote;

typedef struct ethlink_completion {
    uint64_t cookie;        // as given with the request
    uint64_t value;         // atomics: what was there before; has_immediate: the immediate
    uint32_t length;        // bytes moved; 0 unless status is 0
    uint8_t status;         // ethlink_status
    uint8_t op;             // ethlink_op
    uint8_t has_immediate;  // a receive that a write with immediate has ended
    uint8_t zero;
} ethlink_completion;

typedef struct ethlink_info {
    uint64_t window_bytes_max;   // all windows of the session together
    uint64_t message_bytes_max;  // of one write, read, send or recv
    uint32_t depth;              // requests outstanding
    uint16_t windows_max;
    uint16_t peers_max;
    uint16_t gpu;  // GPU-ID of this endpoint
} ethlink_info;

// Sessions.

// `where`: path of a socket (with a leading '/' or '.'), "instance/node", or a node's name if only
// one running daemon has it; NULL: $ETHLINK_SOCKET, which has the same forms, or else the only
// endpoint there is. On failure *session is NULL.
// ETHLINK_NO_DAEMON, _VERSION, _PERMISSION, _QUOTA, _TIMEOUT, _SYSTEM, _INVALID.
int ethlink_open(const char* where, int64_t timeout_us, ethlink_session** session);

// Ends the session: outstanding requests are given up, windows unmapped, peers disconnected. All
// ethlink_window of the session are gone. NULL is allowed.
void ethlink_close(ethlink_session* session);

int ethlink_query(const ethlink_session* session, ethlink_info* info);

// How long waiting calls poll before they sleep, 0 = not at all; default 50.
int ethlink_set_spin(ethlink_session* session, uint32_t spin_us);

// Windows: memory of this program that remote peers may access.

// Zeroed, page-aligned, shared with the daemon; every remote access is checked against the length
// asked for. Rights are ethlink_right. Nobody but those who are told the key can access it.
// ETHLINK_QUOTA, _CLOSED, _INVALID.
int ethlink_window_alloc(ethlink_session* session, size_t bytes, unsigned rights,
                         ethlink_window** window);

// Returns when no remote access can reach the memory any more; the window is then gone, whatever is
// returned. Receives posted into it complete with ETHLINK_CANCELLED. NULL is allowed.
int ethlink_window_free(ethlink_window* window);

void* ethlink_window_address(const ethlink_window* window);
size_t ethlink_window_length(const ethlink_window* window);
uint64_t ethlink_window_key(const ethlink_window* window);

// Peers.

// `peer_class` is an ethlink_class. ETHLINK_UNREACHABLE, _TIMEOUT, _QUOTA, _CLOSED, _INVALID.
int ethlink_connect(ethlink_session* session, uint16_t gpu, int peer_class, int64_t timeout_us,
                    ethlink_peer* peer);

// Outstanding requests of the peer complete, at worst with ETHLINK_CANCELLED.
int ethlink_disconnect(ethlink_session* session, ethlink_peer peer);

// Blocking calls. On ETHLINK_TIMEOUT `to` and `before` are unchanged, and stay so.
// Any: ETHLINK_REMOTE_ACCESS, _TIMEOUT, _PEER_RESTARTED, _UNREACHABLE, _CANCELLED, _INVALID,
// _CLOSED, _FULL.

// 1 to ETHLINK_LINE_MAX bytes; up to 8 bytes, and lines of 64, 128, 256, are the fast cases.
// Aligned ones of 4 or 8 bytes are never torn.
int ethlink_load(ethlink_session* session, ethlink_remote from, void* to, size_t length,
                 int64_t timeout_us);
// Returns when the data stands in the remote memory.
int ethlink_store(ethlink_session* session, ethlink_remote to, const void* from, size_t length,
                  int64_t timeout_us);
// `op`: ETHLINK_OP_FETCH_ADD to ETHLINK_OP_FETCH_XOR; `width` 4 or 8 bytes; the address is a
// multiple of it. `compare` is for ETHLINK_OP_COMPARE_SWAP. *before gets what was there; it may be
// NULL.
int ethlink_atomic(ethlink_session* session, int op, unsigned width, ethlink_remote at,
                   uint64_t operand, uint64_t compare, uint64_t* before, int64_t timeout_us);
// Returns when everything that was sent to the peer before has been carried out.
int ethlink_fence(ethlink_session* session, ethlink_peer peer, int64_t timeout_us);

// Posting: these return at once, ETHLINK_OK if there will be a completion with this cookie, else
// ETHLINK_FULL, _CLOSED or _INVALID and there will be none. Buffers in windows stay untouched by
// the program until then, `to` of a load stays valid; what is stored or sent inline has been
// copied.

int ethlink_post_load(ethlink_session* session, ethlink_remote from, void* to, size_t length,
                      uint64_t cookie);
int ethlink_post_store(ethlink_session* session, ethlink_remote to, const void* from, size_t length,
                       uint64_t cookie);
int ethlink_post_atomic(ethlink_session* session, int op, unsigned width, ethlink_remote at,
                        uint64_t operand, uint64_t compare, uint64_t cookie);
int ethlink_post_fence(ethlink_session* session, ethlink_peer peer, uint64_t cookie);

// 0 to ETHLINK_MESSAGE_MAX bytes, at `offset` of the own window, which may be NULL for 0 bytes.
int ethlink_post_write(ethlink_session* session, ethlink_remote to, const ethlink_window* window,
                       uint64_t offset, size_t length, uint64_t cookie);
// Ends the oldest receive that the peer has posted, with `immediate` in its completion.
int ethlink_post_write_imm(ethlink_session* session, ethlink_remote to,
                           const ethlink_window* window, uint64_t offset, size_t length,
                           uint64_t immediate, uint64_t cookie);
int ethlink_post_read(ethlink_session* session, ethlink_remote from, const ethlink_window* window,
                      uint64_t offset, size_t length, uint64_t cookie);
// Completes when the message stands in the peer's oldest posted receive.
int ethlink_post_send(ethlink_session* session, ethlink_peer peer, const ethlink_window* window,
                      uint64_t offset, size_t length, uint64_t cookie);
// At most ETHLINK_INLINE_MAX bytes from anywhere.
int ethlink_post_send_inline(ethlink_session* session, ethlink_peer peer, const void* from,
                             size_t length, uint64_t cookie);
// Takes one message from this peer; it has no timeout.
int ethlink_post_recv(ethlink_session* session, ethlink_peer peer, const ethlink_window* window,
                      uint64_t offset, size_t length, uint64_t cookie);

// Takes up to `max` completions without waiting. Returns how many, or -ETHLINK_CLOSED if the
// session has ended and all completions have been taken, or -ETHLINK_INVALID.
int ethlink_poll(ethlink_session* session, ethlink_completion* completions, int max);

// The same, but waits until there is one: polls for a while, then sleeps. 0 if there is none within
// the time, or at once if nothing is outstanding.
int ethlink_wait(ethlink_session* session, ethlink_completion* completions, int max,
                 int64_t timeout_us);

// Posted requests whose completions have not been taken.
uint32_t ethlink_outstanding(const ethlink_session* session);

// Words.

const char* ethlink_status_name(int status);  // "remote_access"
const char* ethlink_status_text(int status);  // "wrong key, address or right"
const char* ethlink_op_name(int op);          // "fetch_add"
// What this thread's last failing call can tell; never NULL, valid until the thread's next call.
const char* ethlink_last_error(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
