// SPDX-License-Identifier: BSD-3-Clause
// Names of statuses and operations, and the last error.
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "dataplane/client/include/ethlink/ethlink.h"
#include "dataplane/client/library/last_error.h"

namespace ethlink::client {
namespace {

struct Words {
    int status;
    const char* name;
    const char* text;
};

constexpr std::array<Words, 16> kWords{{
    {ETHLINK_OK, "ok", "done"},
    {ETHLINK_REMOTE_ACCESS, "remote_access", "wrong key, address or right"},
    {ETHLINK_TIMEOUT, "timeout", "no answer in time; the outcome is unknown"},
    {ETHLINK_PEER_RESTARTED, "peer_restarted", "the peer restarted; the outcome is unknown"},
    {ETHLINK_UNREACHABLE, "unreachable", "the peer cannot be reached; nothing was sent"},
    {ETHLINK_CANCELLED, "cancelled", "its peer was disconnected or its window freed"},
    {ETHLINK_INVALID, "invalid", "the request itself is malformed"},
    {ETHLINK_NO_RECEIVE, "no_receive", "the receiver posted no receive in time"},
    {ETHLINK_TOO_LONG, "too_long", "the message is longer than the posted receive"},
    {ETHLINK_CLOSED, "closed", "the session has ended"},
    {ETHLINK_FULL, "full", "as many requests are outstanding as can be: take completions"},
    {ETHLINK_NO_DAEMON, "no_daemon", "no endpoint serves there: start `ethlink endpoint`"},
    {ETHLINK_VERSION, "version", "the daemon speaks another version"},
    {ETHLINK_PERMISSION, "permission", "this user may not use the endpoint"},
    {ETHLINK_QUOTA, "quota", "a limit of the session or of the daemon is reached"},
    {ETHLINK_SYSTEM, "system", "the operating system refused"},
}};

constexpr std::array<const char*, 15> kOps{
    "unknown",   "load",  "store",     "fetch_add", "swap", "compare_swap", "fetch_and", "fetch_or",
    "fetch_xor", "write", "write_imm", "read",      "send", "recv",         "fence"};

constexpr Words kUnknown{-1, "unknown", "there is no such status"};

const Words& words_of(int status) {
    const auto found = std::ranges::find(kWords, status, &Words::status);
    return found == kWords.end() ? kUnknown : *found;
}

thread_local std::array<char, 256> last_error_text{};

}  // namespace

int fail(int status, std::string_view why) {
    const std::size_t length = std::min(why.size(), last_error_text.size() - 1);
    std::copy_n(why.data(), length, last_error_text.data());
    last_error_text[length] = '\0';
    return status;
}

int fail(int status) {
    return fail(status, words_of(status).text);
}

const char* last_error() {
    return last_error_text.data();
}

}  // namespace ethlink::client

const char* ethlink_status_name(int status) {
    return ethlink::client::words_of(status).name;
}

const char* ethlink_status_text(int status) {
    return ethlink::client::words_of(status).text;
}

const char* ethlink_op_name(int op) {
    const auto index = static_cast<std::size_t>(op);
    return index < ethlink::client::kOps.size() ? ethlink::client::kOps[index] : "unknown";
}

const char* ethlink_last_error(void) {
    return ethlink::client::last_error();
}
