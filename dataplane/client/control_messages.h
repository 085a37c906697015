// SPDX-License-Identifier: BSD-3-Clause
// What a program and its daemon say to each other over the Unix socket: fixed records, one per
// message (SOCK_SEQPACKET keeps them apart), numbers in the machine's byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "dataplane/client/abi.h"

namespace ethlink::client {

inline constexpr std::uint32_t kMessageMagic = 0x4D43'4C45;  // "ELCM"

enum class MessageType : std::uint16_t {
    kHello = 1,       // number = ABI version        -> session memory, Limits
    kRegister = 2,    // number = rights, value = bytes  -> number = window, value = key, memory
    kDeregister = 3,  // number = window             -> when nobody accesses it any more
    kConnect = 4,     // number = GPU-ID | class << 16, value = timeout in us  -> number = peer
    kDisconnect = 5,  // number = peer               -> when its requests have ended
    kInfo = 6,        //                             -> Limits
    kGoodbye = 7,     // daemon only: why it closes the session
};

/// Why the daemon did not do what was asked. Values above Status: they never come from the wire.
struct Refusal {
    static constexpr std::uint16_t kVersion = 66;     // another ABI version
    static constexpr std::uint16_t kPermission = 67;  // this user may not
    static constexpr std::uint16_t kQuota = 68;       // a limit of this session or of the daemon
};

struct Request {
    std::uint32_t magic = kMessageMagic;
    std::uint16_t type = 0;
    std::uint16_t zero = 0;
    std::uint32_t id = 0;  // comes back in the reply
    std::uint32_t number = 0;
    std::uint64_t value = 0;
};
static_assert(sizeof(Request) == 24 && std::is_trivially_copyable_v<Request>);

/// What a session may have, and what it is.
struct Limits {
    std::uint64_t window_bytes_max = 0;  // all windows of the session together
    std::uint64_t message_bytes_max = 0;
    std::uint32_t depth = 0;  // requests outstanding
    std::uint16_t windows_max = 0;
    std::uint16_t peers_max = 0;
    std::uint16_t gpu = 0;  // the endpoint's own GPU-ID
    std::array<std::uint16_t, 3> zero{};
};
static_assert(sizeof(Limits) == 32 && std::is_trivially_copyable_v<Limits>);

struct Reply {
    std::uint32_t magic = kMessageMagic;
    std::uint16_t type = 0;    // the request's
    std::uint16_t status = 0;  // Status or Refusal
    std::uint32_t id = 0;
    std::uint32_t number = 0;
    std::uint64_t value = 0;
    Limits limits;                 // Hello and Info
    std::array<char, 128> text{};  // why not, ends with 0
};
static_assert(sizeof(Reply) == 184 && std::is_trivially_copyable_v<Reply>);

}  // namespace ethlink::client
