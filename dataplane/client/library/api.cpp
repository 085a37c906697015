// SPDX-License-Identifier: BSD-3-Clause
// The C API: checks arguments, fills in requests.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "dataplane/client/abi.h"
#include "dataplane/client/include/ethlink/ethlink.h"
#include "dataplane/client/library/last_error.h"
#include "dataplane/client/library/session.h"

namespace ethlink::client {
namespace {

constexpr int code(Status status) {
    return static_cast<int>(status);
}
static_assert(code(Status::kOk) == ETHLINK_OK && code(Status::kClosed) == ETHLINK_CLOSED);
static_assert(code(Status::kRemoteAccess) == ETHLINK_REMOTE_ACCESS);
static_assert(code(Status::kTimeout) == ETHLINK_TIMEOUT);
static_assert(code(Status::kPeerRestarted) == ETHLINK_PEER_RESTARTED);
static_assert(code(Status::kUnreachable) == ETHLINK_UNREACHABLE);
static_assert(code(Status::kCancelled) == ETHLINK_CANCELLED);
static_assert(code(Status::kInvalid) == ETHLINK_INVALID);
static_assert(code(Status::kNoReceive) == ETHLINK_NO_RECEIVE);
static_assert(code(Status::kTooLong) == ETHLINK_TOO_LONG);
static_assert(Refusal::kVersion == ETHLINK_VERSION && Refusal::kQuota == ETHLINK_QUOTA);
static_assert(Refusal::kPermission == ETHLINK_PERMISSION);

constexpr int number(Opcode opcode) {
    return static_cast<int>(opcode);
}
static_assert(number(Opcode::kLoad) == ETHLINK_OP_LOAD &&
              number(Opcode::kStore) == ETHLINK_OP_STORE);
static_assert(number(Opcode::kFetchAdd) == ETHLINK_OP_FETCH_ADD);
static_assert(number(Opcode::kSwap) == ETHLINK_OP_SWAP);
static_assert(number(Opcode::kCompareSwap) == ETHLINK_OP_COMPARE_SWAP);
static_assert(number(Opcode::kFetchAnd) == ETHLINK_OP_FETCH_AND);
static_assert(number(Opcode::kFetchOr) == ETHLINK_OP_FETCH_OR);
static_assert(number(Opcode::kFetchXor) == ETHLINK_OP_FETCH_XOR);
static_assert(number(Opcode::kWrite) == ETHLINK_OP_WRITE &&
              number(Opcode::kRead) == ETHLINK_OP_READ);
static_assert(number(Opcode::kWriteImm) == ETHLINK_OP_WRITE_IMM);
static_assert(number(Opcode::kSend) == ETHLINK_OP_SEND && number(Opcode::kRecv) == ETHLINK_OP_RECV);
static_assert(number(Opcode::kFence) == ETHLINK_OP_FENCE);

static_assert(WindowRight::kRead == ETHLINK_READ && WindowRight::kWrite == ETHLINK_WRITE);
static_assert(WindowRight::kAtomic == ETHLINK_ATOMIC);
static_assert(kSlotBytes == ETHLINK_LINE_MAX && kSlotBytes == ETHLINK_INLINE_MAX);
static_assert(kMessageBytesMax == ETHLINK_MESSAGE_MAX);
static_assert(sizeof(ethlink_completion) == 24);

int invalid(const char* why) {
    return fail(ETHLINK_INVALID, why);
}

bool is_timeout(std::int64_t timeout_us) {
    return timeout_us >= 1 && timeout_us <= ETHLINK_TIMEOUT_MAX;
}

constexpr const char* kBadTimeout = "a timeout is 1 to ETHLINK_TIMEOUT_MAX microseconds";
constexpr const char* kBadLine = "a load or store has 1 to ETHLINK_LINE_MAX bytes and a place";
constexpr const char* kBadAtomic =
    "an atomic is one of ETHLINK_OP_FETCH_ADD to _FETCH_XOR, 4 or 8 bytes wide and aligned";
constexpr const char* kNoSession = "the session is NULL";

RawSubmission raw_of(Opcode opcode, const ethlink_remote& at, std::size_t length,
                     std::uint64_t cookie) {
    RawSubmission raw;
    raw.opcode = static_cast<std::uint8_t>(opcode);
    raw.peer = at.peer;
    raw.length = static_cast<std::uint32_t>(length);
    raw.cookie = cookie;
    raw.key = at.key;
    raw.address = at.address;
    return raw;
}

bool is_line(const void* place, std::size_t length) {
    return place != nullptr && length - 1 < ETHLINK_LINE_MAX;
}

bool is_atomic(int op, unsigned width, const ethlink_remote& at) {
    return op >= ETHLINK_OP_FETCH_ADD && op <= ETHLINK_OP_FETCH_XOR && (width == 4 || width == 8) &&
           (at.address & (width - 1)) == 0;
}

/// Why these bytes cannot be sent or filled, nullptr if they can.
const char* bad_buffer(const Session& session, const ethlink_window* window, std::uint64_t offset,
                       std::size_t length) {
    if (length > ETHLINK_MESSAGE_MAX) return "a message has at most ETHLINK_MESSAGE_MAX bytes";
    if (window == nullptr) return length == 0 ? nullptr : "without a window there are no bytes";
    if (window->session != &session) return "the window belongs to another session";
    const bool inside = offset <= window->length && length <= window->length - offset;
    return inside ? nullptr : "the bytes lie outside the window";
}

int post_bulk(ethlink_session* session, Opcode opcode, const ethlink_remote& at,
              const ethlink_window* window, std::uint64_t offset, std::size_t length,
              std::uint64_t immediate, std::uint64_t cookie) {
    if (session == nullptr) return invalid(kNoSession);
    if (const char* bad = bad_buffer(session->session, window, offset, length)) return invalid(bad);
    RawSubmission raw = raw_of(opcode, at, length, cookie);
    raw.window = window == nullptr ? std::uint16_t{0} : window->number;
    raw.operand = offset;
    raw.compare = immediate;
    return session->session.post(raw, nullptr, nullptr);
}

}  // namespace
}  // namespace ethlink::client

using namespace ethlink::client;

int ethlink_open(const char* where, int64_t timeout_us, ethlink_session** session) {
    if (session == nullptr) return invalid("there is no place for the session");
    *session = nullptr;
    if (!is_timeout(timeout_us)) return invalid(kBadTimeout);
    auto made = std::make_unique<ethlink_session>();
    const int status = made->session.open(where, timeout_us);
    if (status == ETHLINK_OK) *session = made.release();
    return status;
}

void ethlink_close(ethlink_session* session) {
    delete session;
}

int ethlink_query(const ethlink_session* session, ethlink_info* info) {
    if (session == nullptr || info == nullptr) return invalid("session or info is NULL");
    const Limits& limits = session->session.limits();
    *info = {limits.window_bytes_max, limits.message_bytes_max, limits.depth,
             limits.windows_max,      limits.peers_max,         limits.gpu};
    return ETHLINK_OK;
}

int ethlink_set_spin(ethlink_session* session, uint32_t spin_us) {
    if (session == nullptr) return invalid(kNoSession);
    session->session.set_spin(spin_us);
    return ETHLINK_OK;
}

// Windows.

int ethlink_window_alloc(ethlink_session* session, size_t bytes, unsigned rights,
                         ethlink_window** window) {
    if (window != nullptr) *window = nullptr;
    if (session == nullptr || window == nullptr) return invalid("session or window is NULL");
    if (bytes == 0 || rights > WindowRight::kAll) return invalid("no bytes, or unknown rights");
    return session->session.alloc_window(bytes, rights, window);
}

int ethlink_window_free(ethlink_window* window) {
    return window == nullptr ? ETHLINK_OK : window->session->free_window(window);
}

void* ethlink_window_address(const ethlink_window* window) {
    return window == nullptr ? nullptr : window->memory.bytes();
}

size_t ethlink_window_length(const ethlink_window* window) {
    return window == nullptr ? 0 : window->length;
}

uint64_t ethlink_window_key(const ethlink_window* window) {
    return window == nullptr ? 0 : window->key;
}

// Peers.

int ethlink_connect(ethlink_session* session, uint16_t gpu, int peer_class, int64_t timeout_us,
                    ethlink_peer* peer) {
    if (session == nullptr || peer == nullptr) return invalid("session or peer is NULL");
    if (peer_class != ETHLINK_LOAD_STORE && peer_class != ETHLINK_RDMA) {
        return invalid("the class is ETHLINK_LOAD_STORE or ETHLINK_RDMA");
    }
    if (!is_timeout(timeout_us)) return invalid(kBadTimeout);
    return session->session.connect(gpu, static_cast<PeerClass>(peer_class), timeout_us, peer);
}

int ethlink_disconnect(ethlink_session* session, ethlink_peer peer) {
    return session == nullptr ? invalid(kNoSession) : session->session.disconnect(peer);
}

// Blocking.

int ethlink_load(ethlink_session* session, ethlink_remote from, void* to, size_t length,
                 int64_t timeout_us) {
    if (session == nullptr) return invalid(kNoSession);
    if (!is_line(to, length)) return invalid(kBadLine);
    if (!is_timeout(timeout_us)) return invalid(kBadTimeout);
    RawSubmission raw = raw_of(Opcode::kLoad, from, length, 0);
    return session->session.run(raw, nullptr, to, nullptr, timeout_us);
}

int ethlink_store(ethlink_session* session, ethlink_remote to, const void* from, size_t length,
                  int64_t timeout_us) {
    if (session == nullptr) return invalid(kNoSession);
    if (!is_line(from, length)) return invalid(kBadLine);
    if (!is_timeout(timeout_us)) return invalid(kBadTimeout);
    RawSubmission raw = raw_of(Opcode::kStore, to, length, 0);
    return session->session.run(raw, from, nullptr, nullptr, timeout_us);
}

int ethlink_atomic(ethlink_session* session, int op, unsigned width, ethlink_remote at,
                   uint64_t operand, uint64_t compare, uint64_t* before, int64_t timeout_us) {
    if (session == nullptr) return invalid(kNoSession);
    if (!is_atomic(op, width, at)) return invalid(kBadAtomic);
    if (!is_timeout(timeout_us)) return invalid(kBadTimeout);
    RawSubmission raw = raw_of(static_cast<Opcode>(op), at, width, 0);
    raw.operand = operand;
    raw.compare = compare;
    return session->session.run(raw, nullptr, nullptr, before, timeout_us);
}

int ethlink_fence(ethlink_session* session, ethlink_peer peer, int64_t timeout_us) {
    if (session == nullptr) return invalid(kNoSession);
    if (!is_timeout(timeout_us)) return invalid(kBadTimeout);
    RawSubmission raw = raw_of(Opcode::kFence, {0, 0, peer}, 0, 0);
    return session->session.run(raw, nullptr, nullptr, nullptr, timeout_us);
}

// Posting.

int ethlink_post_load(ethlink_session* session, ethlink_remote from, void* to, size_t length,
                      uint64_t cookie) {
    if (session == nullptr) return invalid(kNoSession);
    if (!is_line(to, length)) return invalid(kBadLine);
    Session& own = session->session;
    RawSubmission raw = raw_of(Opcode::kLoad, from, length, cookie);
    return own.post(raw, nullptr, to);
}

int ethlink_post_store(ethlink_session* session, ethlink_remote to, const void* from, size_t length,
                       uint64_t cookie) {
    if (session == nullptr) return invalid(kNoSession);
    if (!is_line(from, length)) return invalid(kBadLine);
    Session& own = session->session;
    RawSubmission raw = raw_of(Opcode::kStore, to, length, cookie);
    return own.post(raw, from, nullptr);
}

int ethlink_post_atomic(ethlink_session* session, int op, unsigned width, ethlink_remote at,
                        uint64_t operand, uint64_t compare, uint64_t cookie) {
    if (session == nullptr) return invalid(kNoSession);
    if (!is_atomic(op, width, at)) return invalid(kBadAtomic);
    Session& own = session->session;
    RawSubmission raw = raw_of(static_cast<Opcode>(op), at, width, cookie);
    raw.operand = operand;
    raw.compare = compare;
    return own.post(raw, nullptr, nullptr);
}

int ethlink_post_fence(ethlink_session* session, ethlink_peer peer, uint64_t cookie) {
    if (session == nullptr) return invalid(kNoSession);
    Session& own = session->session;
    RawSubmission raw = raw_of(Opcode::kFence, {0, 0, peer}, 0, cookie);
    return own.post(raw, nullptr, nullptr);
}

int ethlink_post_write(ethlink_session* session, ethlink_remote to, const ethlink_window* window,
                       uint64_t offset, size_t length, uint64_t cookie) {
    return post_bulk(session, Opcode::kWrite, to, window, offset, length, 0, cookie);
}

int ethlink_post_write_imm(ethlink_session* session, ethlink_remote to,
                           const ethlink_window* window, uint64_t offset, size_t length,
                           uint64_t immediate, uint64_t cookie) {
    return post_bulk(session, Opcode::kWriteImm, to, window, offset, length, immediate, cookie);
}

int ethlink_post_read(ethlink_session* session, ethlink_remote from, const ethlink_window* window,
                      uint64_t offset, size_t length, uint64_t cookie) {
    return post_bulk(session, Opcode::kRead, from, window, offset, length, 0, cookie);
}

int ethlink_post_send(ethlink_session* session, ethlink_peer peer, const ethlink_window* window,
                      uint64_t offset, size_t length, uint64_t cookie) {
    return post_bulk(session, Opcode::kSend, {0, 0, peer}, window, offset, length, 0, cookie);
}

int ethlink_post_send_inline(ethlink_session* session, ethlink_peer peer, const void* from,
                             size_t length, uint64_t cookie) {
    if (session == nullptr) return invalid(kNoSession);
    if (length > ETHLINK_INLINE_MAX || (from == nullptr && length != 0)) {
        return invalid("an inline message has at most ETHLINK_INLINE_MAX bytes and a place");
    }
    Session& own = session->session;
    RawSubmission raw = raw_of(Opcode::kSend, {0, 0, peer}, length, cookie);
    raw.flags = SubmissionFlag::kInline;
    return own.post(raw, from, nullptr);
}

int ethlink_post_recv(ethlink_session* session, ethlink_peer peer, const ethlink_window* window,
                      uint64_t offset, size_t length, uint64_t cookie) {
    return post_bulk(session, Opcode::kRecv, {0, 0, peer}, window, offset, length, 0, cookie);
}

// Completions.

int ethlink_poll(ethlink_session* session, ethlink_completion* completions, int max) {
    if (session == nullptr || completions == nullptr || max < 1) {
        return -invalid("session or completions is NULL, or there is no place for one");
    }
    return session->session.poll(completions, max);
}

int ethlink_wait(ethlink_session* session, ethlink_completion* completions, int max,
                 int64_t timeout_us) {
    if (session == nullptr || completions == nullptr || max < 1) {
        return -invalid("session or completions is NULL, or there is no place for one");
    }
    if (!is_timeout(timeout_us)) return -invalid(kBadTimeout);
    return session->session.wait(completions, max, timeout_us);
}

uint32_t ethlink_outstanding(const ethlink_session* session) {
    return session == nullptr ? 0 : session->session.outstanding();
}
