// SPDX-License-Identifier: BSD-3-Clause
// A program over libethlink that knows what each of its transactions must bring, and says so.
//
//   ledger own  SOCKET BYTES                            lends memory; prints its key; at the end of
//                                                       stdin prints the first word, and goes
//   ledger work SOCKET GPU KEY BASE SIZE SEED N CLASS [JOURNAL]
//                                                       N transactions on BASE .. BASE + SIZE of
//                                                       it, or with N = 0 until the end of stdin;
//                                                       CLASS: ls or rdma. It ends with an error.
// One JSON object a line.
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <ethlink/ethlink.hpp>

#include "tests/e2e/ledger_worker.h"

namespace ethlink::ledger {
namespace {

int own(const std::string& socket, std::size_t bytes) {
    auto session = must(api::Session::open(socket.c_str(), 10s), "open");
    auto memory =
        must(session.alloc(bytes, ETHLINK_READ | ETHLINK_WRITE | ETHLINK_ATOMIC), "alloc");
    std::printf("{\"key\": \"%016" PRIx64 "\"}\n", memory.key());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    std::printf("{\"counter\": %" PRIu64 "}\n", memory.as<std::uint64_t>()[0]);
    return 0;
}

std::uint64_t number(const char* text, int base = 0) {
    return std::strtoull(text, nullptr, base);
}

}  // namespace
}  // namespace ethlink::ledger

int main(int argc, char** argv) {
    using namespace ethlink::ledger;
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "own" && argc == 4) return own(argv[2], number(argv[3]));
    if (what == "work" && (argc == 10 || argc == 11)) {
        Worker worker({.socket = argv[2],
                       .gpu = static_cast<std::uint16_t>(number(argv[3])),
                       .key = number(argv[4], 16),
                       .base = number(argv[5]),
                       .size = static_cast<std::uint32_t>(number(argv[6])),
                       .seed = number(argv[7]),
                       .transactions = number(argv[8]),
                       .rdma = std::string(argv[9]) == "rdma",
                       .journal = argc == 11 ? argv[10] : ""});
        worker.run();
        return worker.clean() ? 0 : 1;
    }
    std::fprintf(stderr,
                 "usage: ledger own SOCKET BYTES\n"
                 "       ledger work SOCKET GPU KEY BASE SIZE SEED N ls|rdma [JOURNAL]\n");
    return 2;
}
