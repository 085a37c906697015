// SPDX-License-Identifier: BSD-3-Clause
// One endpoint, one honest program far away, and a hostile GPU that is the input: it opens
// channels, asks, answers and lies, with good ICRCs. Only what its keys allow changes, all else
// stays as it was, and the honest one is served as if nothing had been (E1-E5, E9-E11, T1-T11).
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "tests/fuzz/input.h"
#include "tests/sim/profiles.h"
#include "tests/sim/txn_wire.h"
#include "tests/unit/txn/items.h"

namespace ethlink::fuzz {
namespace {

using namespace std::chrono_literals;
using sim::TxnNode;
using txn::OpenBody;
using txn::Rights;
using txn::test::Items;
using wire::Opcode;
using wire::TxnHeader;

constexpr GpuId kHonest{0x200}, kServer{0x201}, kEvil{0x202};
constexpr std::uint64_t kSecretKey = 0x5EC7'0000'0000'0001, kReadKey = 0xBAD'0000'0002,
                        kLootKey = 0xBAD'0000'0003, kEmptyKey = 0xBAD'0000'0004;
const txn::TxnProfile kQuick = sim::quick_txn_profile(20ms);

/// A window that fills its heap block to the byte, so that ASan sees the one before and behind.
struct Guarded {
    Guarded(TxnNode& node, std::uint64_t key, std::size_t size_, std::uint8_t rights)
        : size(size_), bytes(std::make_unique<std::byte[]>(size_)) {
        for (std::size_t i = 0; std::byte & byte : std::span(bytes.get(), size)) {
            byte = static_cast<std::byte>(i++ * 7 + 3);
        }
        node.endpoint.windows().add({key, bytes.get(), size, rights, Tenant{}});
    }
    bool is_untouched() const {
        for (std::size_t i = 0; i < size; ++i) {
            if (bytes[i] != static_cast<std::byte>(i * 7 + 3)) return false;
        }
        return true;
    }
    std::size_t size;
    std::unique_ptr<std::byte[]> bytes;
};

/// A program with one channel: each request ends once, none after the end.
struct Program final : ChannelEvents {
    void on_completion(const txn::Completion& completion) override {
        must(!ended, "E1: nothing after the end");
        must(completion.cookie == done + 1, "E1, E8: in order, once");
        ++done;
        last = completion;
    }
    void on_channel(ChannelHandle which, wire::TxnStatus status) override {
        must(channel && which == *channel, "of its own channel");
        must(!ended, "E1: it ends once");
        opened |= status == wire::TxnStatus::kOk;
        ended = status != wire::TxnStatus::kOk;
        must(!ended || done == submitted, "E1: the channel ends behind its transactions");
    }
    std::optional<ChannelHandle> channel;
    std::uint64_t submitted = 0, done = 0;
    bool opened = false, ended = false;
    txn::Completion last;
    std::vector<std::unique_ptr<std::byte[]>> locals;  // each as long as its request
};

class Siege {
public:
    explicit Siege(Input& input)
        : input_(&input),
          server_(
              &wire_.add(kServer, kQuick,
                         {.initiators = 4, .targets = 8, .targets_per_source = 6, .windows = 16})),
          secret_(*server_, kSecretKey, 512, Rights::kAll),
          read_only_(*server_, kReadKey, 700, Rights::kRead),
          loot_(*server_, kLootKey, 333, Rights::kAll),
          empty_(*server_, kEmptyKey, 0, Rights::kAll) {
        for (std::uint32_t n = input.u8() % 8; n > 0; --n) {
            server_->receives.post(1 + std::size_t{input.u8()});
        }
        wire_.tap = [this](const Bytes& bytes, PortId, Vc) { hear(bytes); };
    }

    void run() {
        for (int i = 0; i < 300 && !input_->empty(); ++i) act();
        wire_.run(50us);
        must(secret_.is_untouched(), "E3, E5: a window whose key nobody told");
        must(read_only_.is_untouched(), "E3, T3: a window to read");
        serve_the_honest();
        finish();
    }

private:
    struct Channel {
        std::uint32_t psn = 0, ack = 0;
        bool asked = false;  // the server has answered on it
    };

    void act() {
        switch (input_->below(16)) {
            case 0: return open();
            case 1: return say(Opcode::kAck, {}, 0);
            case 2: return say(Opcode::kNack, input_->bytes(input_->u8() % 4), 0);
            case 3: return say(Opcode::kReset, input_->bytes(input_->u8() % 3), 0);
            case 4: return say(input_->pick(kOpcodes), input_->bytes(input_->u8()), 0);
            case 5: return raw();
            case 6: return wire_.run(Duration(std::uint64_t{input_->u16()} * 100));
            case 7: return ask();
            case 8: return answer_open();
            case 9:
            case 10: return say(Opcode::kResponse, answers(), TxnHeader::kFromTarget);
            case 11:
                return say(input_->pick(kOpcodes), input_->bytes(input_->u8() % 4),
                           TxnHeader::kFromTarget);
            case 12: return revoke();
            default: return say(Opcode::kRequest, items(), 0);
        }
    }
    static constexpr Opcode kOpcodes[] = {
        Opcode::kInvalid, Opcode::kRequest, Opcode::kResponse, Opcode::kAck,  Opcode::kNack,
        Opcode::kOpen,    Opcode::kOpened,  Opcode::kReset,    Opcode::kTest, Opcode{0x77}};

    // What it hears: the numbers of both directions.

    void hear(const Bytes& bytes) {
        const auto view = wire::parse(bytes);
        must(view && wire::check_icrc(*view), "D12, E11: what an endpoint sends is good");
        if (view->dst() != kEvil) return;
        const auto txn = wire::TxnView::parse(view->txn_bytes());
        must(txn.has_value(), "and can be read");
        const TxnHeader header = txn->repr();
        const bool as_client = (header.flags & TxnHeader::kFromTarget) != 0;
        Channel& channel = (as_client ? mine_ : theirs_)[header.channel % mine_.size()];
        const auto items = wire::count_items(txn->payload());
        switch (header.opcode) {
            case Opcode::kOpen:
                last_open_ = header;
                last_open_body_.assign(txn->payload().begin(), txn->payload().end());
                break;
            case Opcode::kOpened: channel = {header.ack, header.psn, true}; break;
            case Opcode::kRequest:
            case Opcode::kResponse:
                must(items.has_value(), "what an endpoint sends is items");
                channel.ack = header.psn + *items;
                channel.psn = header.ack;
                break;
            case Opcode::kAck:
            case Opcode::kNack: channel.psn = header.ack; break;
            case Opcode::kReset:
            case Opcode::kInvalid:
            case Opcode::kTest: break;
        }
    }

    // What it says.

    void open() {
        Bytes body(OpenBody::kOpenedSize);
        const std::uint8_t what = input_->u8();
        OpenBody{.nonce = OpenBody::make_nonce(0, what % 16),
                 .kind = static_cast<txn::ChannelClass>(what >> 4 & 1)}
            .emit(std::span(body).first<OpenBody::kOpenedSize>());
        body.resize(what < 240 ? OpenBody::kOpenSize : input_->u8() % 26);
        launch({.opcode = Opcode::kOpen, .channel = pick(), .psn = input_->u8()}, body);
    }
    /// As the target that the server's own program asked for.
    void answer_open() {
        Bytes body(OpenBody::kOpenedSize);
        if (const auto asked = OpenBody::parse(last_open_body_, OpenBody::kOpenSize)) {
            OpenBody reply = *asked;
            const std::uint8_t what = input_->u8();
            reply.transactions = what < 200 ? std::uint16_t{what} : input_->u16();
            reply.response_bytes = what < 200 ? 16u * what : input_->u32();
            if (what >= 250) reply.nonce ^= input_->u8();
            reply.epoch = input_->u8() % 2;
            reply.emit(std::span(body).first<OpenBody::kOpenedSize>());
        }
        theirs_[last_open_.channel % theirs_.size()] = {7, last_open_.psn, true};
        launch({.opcode = Opcode::kOpened,
                .flags = TxnHeader::kFromTarget,
                .channel = last_open_.channel,
                .psn = 7,
                .ack = last_open_.psn},
               body);
    }
    void say(Opcode opcode, const Bytes& payload, std::uint8_t flags) {
        const std::uint16_t number = pick();
        const Channel& channel = ((flags != 0) ? theirs_ : mine_)[number];
        TxnHeader header{.opcode = opcode,
                         .flags = flags,
                         .channel = number,
                         .psn = channel.psn,
                         .ack = channel.ack};
        const std::uint8_t what = input_->u8();
        if (what >= 200) header.psn += what % 16 - 8u;
        if (what >= 216) header.ack += what % 8 - 4u;
        if (what >= 232) header.psn = input_->u32();
        if (what >= 240) header.ack = input_->u32();
        if (what >= 248) header.channel = input_->u16();
        launch(header, payload);
    }
    void raw() {
        const TxnHeader header{};
        Bytes bytes =
            sim::make_frame({.dst = kServer, .src = kEvil}, header, input_->bytes(input_->u8()));
        bytes[wire::kOefhSize + 2] = static_cast<std::byte>(input_->u8());
        bytes[wire::kOefhSize + 3] = static_cast<std::byte>(input_->u8());
        const auto view = wire::parse(bytes);
        if (input_->u8() < 230) store_be32(&bytes[view->icrc_offset()], wire::compute_icrc(*view));
        inject(bytes);
    }
    void launch(const TxnHeader& header, const Bytes& payload) {
        inject(sim::make_frame({.dst = kServer, .src = kEvil}, header, payload));
    }
    void inject(const Bytes& bytes) {
        const std::uint64_t before = counted();
        // Exactly its bytes, in a heap block of their own.
        const Bytes exact(bytes);
        const Drop drop = wire_.inject(exact, PortId{static_cast<std::uint16_t>(bytes.size() % 2)});
        must(drop <= Drop::kCount, "taken, or refused with a reason");
        must(counted() == before + (drop == Drop::kCount ? 0u : 1u), "each refusal is counted");
    }
    std::uint64_t counted() const {
        std::uint64_t sum = 0;
        for (const std::uint64_t n : server_->drops) sum += n;
        return sum;
    }

    std::uint16_t pick() { return static_cast<std::uint16_t>(input_->below(mine_.size())); }
    std::uint64_t key() {
        constexpr std::uint64_t kKnown[] = {
            kReadKey,  kLootKey, kLootKey,       kLootKey,
            kEmptyKey, 0,        kSecretKey ^ 1, kReadKey + (1u << 20)};
        return input_->pick(kKnown);
    }
    std::uint64_t address() {
        const std::uint8_t what = input_->u8();
        return what < 200 ? std::uint64_t{what} * 2 : input_->edge();
    }
    Bytes items() {
        Items items;
        for (std::uint32_t n = 1 + input_->u8() % 6; n > 0 && items.bytes().size() < 800; --n) {
            one(items.with_key(key()));
        }
        Bytes bytes = items.bytes();
        const std::uint8_t what = input_->u8();
        if (what >= 240) bytes[input_->u8() % bytes.size()] ^= std::byte{1};
        if (what >= 248) bytes.resize(bytes.size() - std::min<std::size_t>(what, bytes.size()));
        return bytes;
    }
    void one(Items& items) {
        const std::uint8_t what = input_->u8();
        const std::uint32_t length = input_->u8();
        const bool last = (what & 0x10) != 0;
        switch (what % 10) {
            case 0: items.load(address(), length); return;
            case 1: items.store(address(), input_->bytes(length)); return;
            case 2:
                items.atomic(static_cast<wire::AtomicOp>(what / 16 % 7), address(),
                             what >= 128 ? 4 : 8, input_->u64(), input_->u8());
                return;
            case 3: items.read(address(), what >= 224 ? input_->u32() : 4 * length); return;
            case 4: items.send(input_->bytes(length), last); return;
            case 5: items.send(input_->bytes(length), true, input_->u8()); return;
            case 6: items.write(address(), input_->bytes(length), true, input_->u8()); return;
            case 7: items.atomic(wire::AtomicOp::kFetchAdd, 8, 8, 1); return;
            default: items.write(address(), input_->bytes(length), last); return;
        }
    }
    Bytes answers() {
        Items items;
        for (std::uint32_t n = 1 + input_->u8() % 4; n > 0; --n) {
            const std::uint8_t what = input_->u8();
            switch (what % 4) {
                case 0: items.done(1u + what / 32); break;
                case 1: items.done(1, static_cast<wire::TxnStatus>(what / 8)); break;
                case 2: items.value(input_->bytes(input_->u8())); break;
                default:
                    items.read_data(input_->bytes(input_->u8()),
                                    static_cast<std::uint8_t>(what >> 3 & 7));
            }
        }
        return items.bytes();
    }

    // What the server's own program does: asks the hostile one.

    void ask() {
        TxnEndpoint& endpoint = server_->endpoint;
        Program& program = programs_[input_->below(programs_.size())];
        const std::uint8_t what = input_->u8();
        if (!program.channel && !program.ended) {
            const auto kind = static_cast<txn::ChannelClass>(what & 1);
            program.channel = endpoint.open(kEvil, kind, program, wire_.now);
            wire_.run(5us);
            return;
        }
        if (program.ended || !program.channel) return;
        if (what == 255) return close(program);
        if (!endpoint.has_room(*program.channel)) return;
        const std::uint32_t length = what % 4 == 0 ? 8 : std::uint32_t{input_->u8()};
        program.locals.push_back(std::make_unique<std::byte[]>(std::max(length, 1u)));
        constexpr txn::Operation kOperations[] = {txn::Operation::kLoad,   txn::Operation::kStore,
                                                  txn::Operation::kAtomic, txn::Operation::kWrite,
                                                  txn::Operation::kRead,   txn::Operation::kSend,
                                                  txn::Operation::kFence};
        const txn::Request request{.operation = input_->pick(kOperations),
                                   .atomic = static_cast<wire::AtomicOp>(what / 8 % 6),
                                   .has_immediate = (what & 0x80) != 0,
                                   .length = length,
                                   .key = 1,
                                   .address = input_->u8(),
                                   .local = program.locals.back().get(),
                                   .cookie = program.submitted + 1};
        if (endpoint.submit(*program.channel, request, wire_.now)) ++program.submitted;
    }
    void close(Program& program) {
        server_->endpoint.close(*program.channel, wire_.now);
        must(program.done == program.submitted, "E1: closed, and all has ended");
        program.ended = true;
    }
    /// T8: a window goes away and comes back in the middle of everything.
    void revoke() {
        auto& windows = server_->endpoint.windows();
        const Bytes before(loot_.bytes.get(), loot_.bytes.get() + loot_.size);
        must(windows.remove(kLootKey), "E6: it was there");
        if (input_->flag()) {
            say(Opcode::kRequest, items(), 0);
            wire_.run(5us);
            must(std::equal(before.begin(), before.end(), loot_.bytes.get()),
                 "E6: nothing is touched after the window is gone");
        }
        windows.add({kLootKey, loot_.bytes.get(), loot_.size, Rights::kAll, Tenant{}});
    }

    /// Whatever was done to it, the server still serves others.
    void serve_the_honest() {
        TxnNode& node = wire_.add(kHonest, kQuick, {.initiators = 1, .targets = 1, .windows = 16});
        Program program;
        program.channel =
            node.endpoint.open(kServer, txn::ChannelClass::kLoadStore, program, wire_.now);
        must(wire_.run(10ms, [&] { return program.opened; }), "T7: an honest one is let in");
        std::uint64_t value = 0;
        const txn::Request load{.operation = txn::Operation::kLoad,
                                .length = 8,
                                .key = kSecretKey,
                                .address = 504,
                                .local = static_cast<std::byte*>(static_cast<void*>(&value)),
                                .cookie = 1};
        must(node.endpoint.submit(*program.channel, load, wire_.now), "a good request is taken");
        program.submitted = 1;
        must(wire_.run(10ms, [&] { return program.done == 1; }), "T7: an honest one is answered");
        must(program.last.status == wire::TxnStatus::kOk, "and well");
        must(std::equal(secret_.bytes.get() + 504, secret_.bytes.get() + 512,
                        static_cast<const std::byte*>(static_cast<const void*>(&value))),
             "with the right bytes");
        node.endpoint.close(*program.channel, wire_.now);
    }
    /// E1: the hostile one says no more, so everything that was asked ends in time.
    void finish() {
        wire_.turn = 100us;
        must(wire_.run(100ms,
                       [&] {
                           for (const Program& program : programs_) {
                               if (program.done != program.submitted) return false;
                           }
                           return true;
                       }),
             "E1: all that was asked ends in time");
        for (Program& program : programs_) {
            if (program.channel && !program.ended) close(program);
        }
        must(wire_.run(1s, [&] { return server_->endpoint.outstanding() == 0; }),
             "E10: in time nothing is left behind");
    }

    Input* input_;
    sim::TxnWire wire_{1};
    TxnNode* server_;
    Guarded secret_, read_only_, loot_, empty_;
    std::array<Channel, 8> mine_, theirs_;
    std::array<Program, 2> programs_;
    TxnHeader last_open_;
    Bytes last_open_body_;
};

}  // namespace

void run(Input& input) {
    if (input.empty()) return;
    Siege(input).run();
}

}  // namespace ethlink::fuzz
