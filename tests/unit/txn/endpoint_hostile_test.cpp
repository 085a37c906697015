// SPDX-License-Identifier: BSD-3-Clause
// One hostile GPU, one honest, one endpoint between them: who of them notices the other?
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "proto/byte_order.h"
#include "proto/wire/icrc.h"
#include "tests/sim/seeds.h"
#include "tests/sim/txn_client.h"
#include "tests/unit/txn/endpoint_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using sim::TxnClient;
using wire::Opcode;
using wire::TxnHeader;

constexpr GpuId kEvil{0x666};

/// A window that fills its heap block to the byte: ASan sees what is read or written beside it.
struct Guarded {
    Guarded(sim::TxnNode& node, std::uint64_t key_, std::size_t size_, std::uint8_t rights,
            Random& random)
        : key(key_), size(size_), bytes(std::make_unique<std::byte[]>(size_)) {
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(random.next());
        node.endpoint.windows().add({key, bytes.get(), size, rights, Tenant{}});
        before.assign(bytes.get(), bytes.get() + size);
    }
    bool is_untouched() const { return std::equal(before.begin(), before.end(), bytes.get()); }

    std::uint64_t key;
    std::size_t size;
    std::unique_ptr<std::byte[]> bytes;
    Bytes before;
};

/// Speaks the protocol well enough to get far, and then does not.
class Hostile {
public:
    Hostile(sim::TxnWire& wire, std::uint64_t seed) : wire_(&wire), random_(seed) {
        wire.tap = [this](const Bytes& bytes, PortId, Vc) { hear(bytes); };
    }
    ~Hostile() {
        wire_->tap = [](const Bytes&, PortId, Vc) {};
    }
    Hostile(const Hostile&) = delete;
    Hostile& operator=(const Hostile&) = delete;

    /// Keys that it knows: it may do with these windows what their rights allow.
    std::vector<std::uint64_t> keys{0, 1};
    std::set<Drop> refused;
    std::uint64_t taken = 0, answers = 0;

    void act() {
        switch (random_.below(12)) {
            case 0: return open();
            case 1: return say(Opcode::kAck, {});
            case 2: return say_noise(Opcode::kNack);
            case 3: return say_noise(static_cast<Opcode>(random_.below(9)));
            case 4: return replay();
            case 5: return say_noise(random_.chance(0.1) ? Opcode::kReset : Opcode::kAck);
            default: return say(Opcode::kRequest, items());
        }
    }

private:
    struct Channel {
        std::uint32_t psn = 0, ack = 0;
        bool known = false;
    };

    void hear(const Bytes& bytes) {
        const auto view = wire::parse(bytes);
        if (view->dst() != kEvil) {
            if (random_.chance(0.05)) overheard_ = bytes;  // more than a switch lets it
            return;
        }
        const TxnHeader header = wire::TxnView::parse(view->txn_bytes())->repr();
        Channel& channel = channels_[header.channel % channels_.size()];
        ++answers;
        if (header.opcode == Opcode::kReset) channel.known = false;
        if (header.opcode == Opcode::kOpened) channel = {header.ack, header.psn, true};
        if (header.opcode == Opcode::kResponse) channel.ack = header.psn + 1;
        if (header.opcode != Opcode::kReset) channel.psn = header.ack;
    }
    std::uint16_t pick() { return static_cast<std::uint16_t>(random_.below(channels_.size())); }
    Bytes noise(std::size_t most) {
        Bytes bytes(random_.below(most + 1));
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_.next());
        return bytes;
    }
    /// Mostly of the size that the opcode has, or the door would see all of it.
    void say_noise(Opcode opcode) {
        Bytes payload = noise(60);
        const auto size = wire::payload_size(opcode);
        if (size && random_.chance(0.8)) payload.resize(*size);
        say(opcode, payload);
    }
    void open() {
        Bytes body(OpenBody::kOpenedSize);
        OpenBody{.nonce = random_.below(50), .kind = static_cast<ChannelClass>(random_.below(2))}
            .emit(std::span(body).first<OpenBody::kOpenedSize>());
        body.resize(random_.chance(0.9) ? OpenBody::kOpenSize : random_.below(24));
        launch({.opcode = Opcode::kOpen,
                .channel = pick(),
                .psn = static_cast<std::uint32_t>(random_.next())},
               body);
    }
    void say(Opcode opcode, const Bytes& payload) {
        const std::uint16_t number = pick();
        const Channel& channel = channels_[number];
        TxnHeader header{.opcode = opcode,
                         .flags = static_cast<std::uint8_t>(random_.chance(0.1)),
                         .channel = number,
                         .psn = channel.psn,
                         .ack = channel.ack};
        if (random_.chance(0.1)) header.psn += static_cast<std::uint32_t>(random_.below(5)) - 2;
        if (random_.chance(0.05)) header.psn = static_cast<std::uint32_t>(random_.next());
        if (random_.chance(0.05)) header.ack = static_cast<std::uint32_t>(random_.next());
        if (random_.chance(0.02)) header.channel = static_cast<std::uint16_t>(random_.next());
        launch(header, payload);
    }
    std::uint64_t edge() {
        static constexpr std::uint64_t kEdges[] = {
            0, 1, 4, 8, 1024, 1u << 16, 1u << 30, std::uint64_t{1} << 32, std::uint64_t{1} << 63,
            0};
        return kEdges[random_.below(std::size(kEdges))] + random_.below(9) - 4;
    }
    Bytes items() {
        Items items;
        std::size_t size = 0;
        for (std::uint64_t n = 1 + random_.below(8); n > 0 && size < 1500; --n) {
            items.with_key(random_.chance(0.9) ? keys[random_.below(keys.size())] : random_.next());
            one(items);
            size = items.bytes().size();
        }
        if (random_.chance(0.1)) items.raw(noise(30));
        Bytes bytes = items.bytes();
        if (random_.chance(0.2)) bytes[random_.below(bytes.size())] ^= std::byte{1};
        if (random_.chance(0.05)) bytes.resize(random_.below(bytes.size() + 1));
        return bytes;
    }
    void one(Items& items) {
        const auto length = static_cast<std::uint32_t>(random_.below(300));
        const bool last = random_.chance(0.5);
        switch (random_.below(10)) {
            case 0: items.load(edge(), length); break;
            case 1: items.store(edge(), Bytes(length)); break;
            case 2:
                items.atomic(static_cast<wire::AtomicOp>(random_.below(6)), edge(),
                             random_.chance(0.5) ? 4 : 8, random_.next(), random_.next());
                break;
            case 3: items.read(edge(), static_cast<std::uint32_t>(edge())); break;
            case 4:
            case 5: items.send(Bytes(length), last); break;
            case 6: items.send(Bytes(length), true, random_.next()); break;
            case 7: items.write(edge(), Bytes(length), true, random_.next()); break;
            default: items.write(edge(), Bytes(length), last);
        }
    }
    /// Somebody else's frame under its own name: the source guard leaves it no other.
    void replay() {
        if (overheard_.empty()) return;
        Bytes bytes = overheard_;
        store_be16(&bytes[wire::kSrcOffset], kEvil.value);
        const std::size_t at = 12 + random_.below(bytes.size() - 12);
        if (random_.chance(0.5)) bytes[at] ^= static_cast<std::byte>(1u << random_.below(8));
        const auto view = wire::parse(bytes);
        if (!view || view->is_control()) return;
        store_be32(&bytes[view->icrc_offset()], wire::compute_icrc(*view));
        count(wire_->inject(bytes));
    }
    void launch(const TxnHeader& header, const Bytes& payload) {
        Bytes bytes = sim::make_frame({.dst = kB, .src = kEvil}, header, payload);
        if (random_.chance(0.02)) {  // another version, another opcode
            bytes[wire::kOefhSize + 2 + random_.below(2)] = static_cast<std::byte>(random_.next());
            store_be32(&bytes[wire::parse(bytes)->icrc_offset()],
                       wire::compute_icrc(*wire::parse(bytes)));
        }
        count(wire_->inject(bytes));
    }
    void count(Drop drop) { drop == Drop::kCount ? ++taken : (refused.insert(drop), 0); }

    sim::TxnWire* wire_;
    Random random_;
    std::array<Channel, 24> channels_;
    Bytes overheard_;
};

void siege(std::uint64_t seed, std::set<Drop>& names) {
    Random random(seed);
    EndpointRig rig({.targets = 32, .targets_per_source = 8});
    for (int i = 0; i < 500; ++i) rig.b->receives.post(1 + random.below(200));
    // Of A's own: the windows of EndpointRig::add() are big enough for the shadow of a client.
    rig.b->endpoint.windows().remove(kKeyOfAll);
    constexpr std::uint64_t kHonest = 0x5EC7'0000'0001, kSecret = 0x5EC7'0000'0002;
    Guarded secret(*rig.b, kSecret, 4096, Rights::kAll, random);
    Guarded read_only(*rig.b, 0xBAD'0003, 1000, Rights::kRead, random);
    Guarded loot(*rig.b, 0xBAD'0004, 333, Rights::kAll, random);
    Guarded empty(*rig.b, 0xBAD'0005, 0, Rights::kAll, random);
    rig.b->endpoint.windows().add(
        {kHonest, rig.b->memory.data(), rig.b->memory.size(), Rights::kAll, Tenant{}});
    sim::Oracle oracle;
    TxnClient client(rig.a->endpoint, kB, ChannelClass::kLoadStore, {kHonest, 8192, 8192, 0}, seed,
                     rig.wire.now, oracle);
    Hostile hostile(rig.wire, random.next());
    for (const Guarded* window : {&read_only, &loot, &empty}) hostile.keys.push_back(window->key);
    std::uint64_t refusals = 0;
    for (int i = 0; i < 3000; ++i) {
        client.work(2, rig.wire.now);
        for (std::uint64_t n = random.below(4); n > 0; --n) hostile.act();
        rig.wire.run(2us);
        ASSERT_EQ(oracle.broken(), "");
    }
    ASSERT_TRUE(rig.wire.run(1s, [&] { return client.idle(); })) << "T7: the honest one starves";
    ASSERT_EQ(oracle.broken(), "");
    ASSERT_GT(client.done, 100u);
    ASSERT_EQ(client.failed, 0u) << "T4, A2: " << name(client.last_error);
    ASSERT_FALSE(client.ended) << "T4, A2";
    ASSERT_TRUE(client.matches(rig.b->memory)) << "E3";
    ASSERT_EQ(EndpointRig::word(*rig.b), client.added) << "E2";
    ASSERT_TRUE(secret.is_untouched()) << "E3, E5";
    ASSERT_TRUE(read_only.is_untouched()) << "E3, T3";
    for (const std::uint64_t n : rig.b->drops) refusals += n;
    ASSERT_GT(refusals, 100u);
    ASSERT_GT(hostile.taken, 100u) << "it did not get far enough";
    ASSERT_FALSE(loot.is_untouched()) << "it did not get far enough";
    names.insert(hostile.refused.begin(), hostile.refused.end());
}

TEST(EndpointHostile, TouchesNothingThatIsNotItsOwn) {
    std::set<Drop> names;
    sim::for_each_seed(60, [&](std::uint64_t seed) { siege(seed, names); });
    if (std::getenv("ETHLINK_SEED") != nullptr || std::getenv("ETHLINK_SEEDS") != nullptr) return;
    for (const Drop drop : {Drop::kUnknownOpcode, Drop::kUnknownVersion, Drop::kTxnMalformed,
                            Drop::kTxnUnknownChannel, Drop::kTxnStale, Drop::kTxnDuplicate,
                            Drop::kTxnGap, Drop::kTxnNoRoom, Drop::kTxnKeyRate}) {
        EXPECT_TRUE(names.contains(drop)) << "never seen: " << name(drop);
    }
}

// A target that answers what it likes: its own client errs, and in time; nobody else.

void false_friend(std::uint64_t seed) {
    Random random(seed);
    EndpointRig rig;
    rig.wire.kill(kB);
    std::vector<Seen> requests;
    rig.wire.tap = [&](const Bytes& bytes, PortId port, Vc vc) {
        if (wire::parse(bytes)->dst() == kB) requests.push_back({bytes, port, vc});
    };
    Program program;
    ASSERT_TRUE(rig.open(program, *rig.a, kB));
    std::vector<std::unique_ptr<std::byte[]>> locals;  // to the byte: ASan
    std::uint32_t psn = 50;
    const auto answer = [&](const TxnHeader& header, const Bytes& payload) {
        TxnHeader reply = header;
        reply.flags = TxnHeader::kFromTarget;
        rig.wire.inject(sim::make_frame({.dst = kA, .src = kB}, reply, payload));
    };
    const Time start = rig.wire.now;
    while (!program.ended && rig.wire.now - start < 2s) {
        rig.wire.run(10us);
        if (program.opened && rig.wire.now - start < 20ms) {
            for (int i = 0; i < 3 && rig.a->endpoint.has_room(program.channel); ++i) {
                const auto n = static_cast<std::uint32_t>(random.chance(0.5) ? 8 : 200);
                locals.push_back(std::make_unique<std::byte[]>(n));
                static constexpr Operation kOperations[] = {Operation::kLoad, Operation::kStore,
                                                            Operation::kRead};
                rig.submit(program, *rig.a,
                           {.operation = kOperations[random.below(3)],
                            .length = n,
                            .local = locals.back().get()});
            }
        }
        for (const Seen& seen : std::exchange(requests, {})) {
            const TxnHeader asked = seen.header();
            if (asked.opcode == Opcode::kOpen) {
                Bytes body(OpenBody::kOpenedSize);
                auto open = *OpenBody::parse(
                    wire::TxnView::parse(seen.view().txn_bytes())->payload(), OpenBody::kOpenSize);
                open.transactions = 65535;
                open.response_bytes = UINT32_MAX;
                open.emit(std::span(body).first<OpenBody::kOpenedSize>());
                answer({.opcode = Opcode::kOpened,
                        .channel = asked.channel,
                        .psn = psn,
                        .ack = asked.psn},
                       body);
                continue;
            }
            if (asked.opcode != Opcode::kRequest) continue;
            const auto payload = wire::TxnView::parse(seen.view().txn_bytes())->payload();
            const std::uint32_t items = wire::count_items(payload).value_or(0);
            Items lies;
            for (std::uint64_t k = random.below(3); k < 3; ++k) {
                switch (random.below(4)) {
                    case 0: lies.done(1u + static_cast<std::uint32_t>(random.below(70))); break;
                    case 1: lies.done(1, wire::TxnStatus::kRemoteAccess); break;
                    case 2: lies.value(Bytes(random.chance(0.5) ? 8 : 200)); break;
                    default: lies.read_data(Bytes(random.chance(0.5) ? 8 : 200), wire::kItemLast);
                }
            }
            const std::uint32_t ack = asked.psn + items;
            answer({.opcode = Opcode::kResponse,
                    .channel = asked.channel,
                    .psn = asked.ack,
                    .ack = random.chance(0.9) ? ack : ack + 5},
                   lies.bytes());
            psn += lies.count();
        }
    }
    rig.wire.tap = [](const Bytes&, PortId, Vc) {};
    ASSERT_TRUE(program.opened);
    ASSERT_GT(program.submitted, 10u);
    if (!program.ended) rig.a->endpoint.close(program.channel, rig.wire.now);
    ASSERT_EQ(program.done.size(), program.submitted) << "E1, T5";
    ASSERT_EQ(rig.a->memory, Bytes(rig.a->memory.size())) << "E3";
}

TEST(EndpointHostile, AFalseFriendHurtsOnlyWhoAsksHim) {
    sim::for_each_seed(60, false_friend);
}

}  // namespace
}  // namespace ethlink::txn::test
