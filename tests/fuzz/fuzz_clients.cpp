// SPDX-License-Identifier: BSD-3-Clause
// Programs that write what they like into the memory they share with their endpoint, three of them
// at two endpoints that are joined by a wire. Nobody touches memory that is not his own, each
// request ends at most once, and what is freed is not used again (E1, E3, E6, T8, T9).
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "dataplane/endpoint_clients.h"
#include "tests/fuzz/input.h"
#include "tests/sim/profiles.h"
#include "tests/sim/txn_wire.h"
#include "tests/unit/client/shared_memory.h"

namespace ethlink::fuzz {
namespace {

using namespace std::chrono_literals;
using client::RawSubmission;
using client::Status;
using Type = ClientCommand::Type;

constexpr GpuId kGpus[] = {{0x200}, {0x201}, {0x299}};  // the last one is nowhere
constexpr std::uint64_t kSecretKey = 0x5EC7'0000'0000'000F;
constexpr std::uint16_t kWindows = 4, kPeers = 4;
const txn::TxnProfile kQuick = sim::quick_txn_profile(5ms);

/// An endpoint and its programs' requests.
struct Node {
    explicit Node(GpuId gpu)
        : clients(Tenant{}, 8),
          endpoint({.self = gpu,
                    .epoch = gpu.value,
                    .classes = {ClassVcs{Vc{0}, Vc{1}}, ClassVcs{Vc{2}, Vc{3}}}},
                   kQuick, {.initiators = 8, .targets = 8, .targets_per_source = 8, .windows = 64},
                   clients, SecretRandom::seeded(gpu.value)) {
        clients.bind(endpoint);
    }
    EndpointClients clients;
    TxnEndpoint endpoint;
};

/// One program, its end of the session, and what the control thread knows of it: one call at a
/// time.
struct Program {
    struct Window {
        std::unique_ptr<std::byte[]> bytes;  // to the byte
        std::size_t size = 0;
        bool busy = false;
    };
    struct Call {
        Type type{};
        std::uint16_t number = 0;
    };

    Program() = default;
    explicit Program(Node* its_node) : node(its_node) {}

    Node* node = nullptr;
    std::uint64_t id = 0;
    std::unique_ptr<client::test::SharedMemory> memory;
    std::optional<client::test::RawProgram> ring;
    std::array<Window, kWindows> windows;
    std::array<bool, kPeers> peers{};
    std::optional<Call> call;
    std::map<std::uint64_t, int> completed;  // by cookie; -1: never submitted
    std::uint64_t next_cookie = 1;
    bool attached = false;
    bool honest_ring = true;  // it wrote no nonsense over its entries
};

class Stage {
public:
    explicit Stage(Input& input) : input_(&input) {
        for (std::size_t i = 0; i < programs_.size(); ++i) {
            programs_[i].node = &nodes_[i % 2];
            attach(programs_[i]);
        }
        secret_ = std::make_unique<std::byte[]>(kSecretSize);
        nodes_[1].endpoint.windows().add(
            {kSecretKey, secret_.get(), kSecretSize, txn::Rights::kAll, Tenant{}});
        run(20us);
        // Something is there from the beginning: a window each, and channels both ways.
        for (Program& program : programs_) add_window(program, 0, 64, client::WindowRight::kAll);
        run(10us);
        for (Program& program : programs_) open(program, 0, txn::ChannelClass::kLoadStore);
        run(30us);
        for (Program& program : programs_) open(program, 1, txn::ChannelClass::kRdma);
        run(30us);
    }

    void play() {
        for (int i = 0; i < 400 && !input_->empty(); ++i) act();
        for (Program& program : programs_) take_all(program);
        turn_ = 50us;
        for (Program& program : programs_) leave(program);
        for (std::size_t i = 0; i < kSecretSize; ++i) {
            must(secret_[i] == std::byte{0}, "E3, E5: a window whose key nobody told");
        }
        for (Node& node : nodes_) {
            for (int i = 0; i < 4000 && node.endpoint.outstanding() != 0; ++i) step();
            must(node.endpoint.outstanding() == 0, "E10: in time nothing is left behind");
            must(node.clients.counters().sessions.read() == 0, "all sessions are back");
        }
    }

private:
    static constexpr std::size_t kSecretSize = 64;

    void act() {
        Program& program = programs_[input_->below(programs_.size())];
        switch (input_->below(20)) {
            case 0: return run(Duration(std::uint64_t{input_->u8()} * 1000));
            case 1: return take_all(program);
            case 2: return lie(program);
            case 3: return scribble(program);
            case 4: {
                const auto kind = static_cast<txn::ChannelClass>(input_->u8() & 1);
                return open(program, static_cast<std::uint16_t>(input_->below(kPeers)), kind);
            }
            case 5: return close(program);
            case 6:
                return add_window(program, static_cast<std::uint16_t>(input_->below(kWindows)),
                                  1 + 3 * std::size_t{input_->u8()}, input_->u8() & 7);
            case 7: return remove_window(program);
            case 8:
                if (input_->u8() < 64) leave(program);
                return;
            case 9: return attach(program);
            case 10: return flood(program);
            default: return submit(program);
        }
    }

    // The program.

    void submit(Program& program) {
        if (!program.attached) return;
        const std::uint8_t what = input_->u8();
        RawSubmission raw;
        raw.opcode = input_->u8() % 16;
        raw.flags = what >= 240
                        ? input_->u8()
                        : what & client::SubmissionFlag::kInline & (raw.opcode == 12 ? 1u : 0u);
        raw.peer = what >= 250 ? input_->u16() : what >> 2 & 3;
        raw.slot = what >= 250 ? input_->u16() : std::uint16_t{input_->u8()};
        raw.window = what >= 245 ? input_->u16() : what >> 4 & 3;
        raw.length = what >= 235 ? input_->u32() : std::uint32_t{input_->u8()};
        raw.operand = what >= 225 ? input_->edge() : std::uint64_t{input_->u8()};
        raw.key = key();
        raw.address = what >= 225 ? input_->edge() : std::uint64_t{input_->u8()};
        raw.compare = input_->u8();
        raw.reserved = what == 255 ? 1 : 0;
        raw.cookie = program.next_cookie++;
        program.completed[raw.cookie] = 0;
        program.ring->submit(raw);
    }
    /// Requests that need nobody, so many that its ring fills if it takes nothing back.
    void flood(Program& program) {
        for (std::uint32_t n = 4u * input_->u8(); n > 0 && program.attached; --n) {
            RawSubmission raw;
            raw.opcode = static_cast<std::uint8_t>(client::Opcode::kFence);
            raw.slot = static_cast<std::uint16_t>(n);
            raw.cookie = program.next_cookie++;
            program.completed[raw.cookie] = 0;
            program.ring->submit(raw);
            if (n % 32 == 0) run(4us);
        }
    }
    std::uint64_t key() {
        const std::uint8_t what = input_->u8();
        return what < 250 ? key_of(what % programs_.size(), what / 8 % kWindows) : input_->u64();
    }
    void take_all(Program& program) {
        if (!program.attached) return;
        for (std::uint32_t i = 0; i < client::kDepthMin; ++i) {
            const auto completion = program.ring->take();
            if (!completion) return;
            must(completion->status < client::kStatusCount, "a status that exists");
            if (!program.honest_ring) continue;
            const auto known = program.completed.find(completion->cookie);
            must(known != program.completed.end(), "E1: only what was asked is answered");
            must(++known->second == 1, "E1: a request ends once");
        }
    }
    void lie(Program& program) {
        if (!program.attached) return;
        auto& control = *program.memory->view().control;
        if (input_->flag()) {
            control.sleeping.store(input_->u8() & 1);
        } else {
            control.completions_taken.store(input_->u32());
            program.honest_ring = false;
        }
    }
    /// Whole words of nonsense, of any entry or of its own slots.
    void scribble(Program& program) {
        if (!program.attached) return;
        program.honest_ring = false;
        auto& entry = program.memory->view().submission(input_->u16());
        entry.word[input_->u8() % 8].store(input_->u64());
    }

    // The control thread. Memory goes when the answer has come, and not before.

    void send(Program& program, Type type, std::uint16_t number, ClientCommand command) {
        command.type = type;
        command.session = program.id;
        command.number = number;
        command.call = static_cast<std::uint64_t>(&program - programs_.data());
        program.call = Program::Call{type, number};
        program.node->clients.commands().push(std::move(command));
        program.node->clients.commands().publish();
    }
    void attach(Program& program) {
        if (program.attached || program.call) return;
        program.memory = std::make_unique<client::test::SharedMemory>(client::kDepthMin);
        program.ring.emplace(program.memory->view());
        program.id = next_id_++;
        program.completed.clear();
        program.honest_ring = true;
        send(program, Type::kAttach, 0,
             {.attached = std::make_unique<ClientSession>(program.id, program.memory->bytes(),
                                                          client::kDepthMin)});
    }
    void add_window(Program& program, std::uint16_t number, std::size_t size, std::uint8_t rights) {
        Program::Window& window = program.windows[number];
        if (!program.attached || program.call || window.bytes) return;
        window.bytes = std::make_unique<std::byte[]>(size);
        window.size = size;
        const auto who = static_cast<std::size_t>(&program - programs_.data());
        send(program, Type::kAddWindow, number,
             {.bytes = {window.bytes.get(), size}, .key = key_of(who, number), .rights = rights});
    }
    void remove_window(Program& program) {
        const auto number = static_cast<std::uint16_t>(input_->below(kWindows));
        const Program::Window& window = program.windows[number];
        if (!program.attached || program.call || !window.bytes) return;
        send(program, Type::kRemoveWindow, number, {.bytes = {window.bytes.get(), window.size}});
    }
    void open(Program& program, std::uint16_t number, txn::ChannelClass kind) {
        if (!program.attached || program.call || program.peers[number]) return;
        program.peers[number] = true;
        const std::uint8_t what = input_->u8();
        const GpuId far = program.node == &nodes_[0] ? kGpus[1] : kGpus[0];
        send(program, Type::kOpenChannel, number,
             {.gpu = what >= 240 ? kGpus[what % 3] : far,
              .kind = kind,
              .timeout = what >= 230 ? Duration(1us * what) : Duration(1ms)});
    }
    void close(Program& program) {
        const auto number = static_cast<std::uint16_t>(input_->below(kPeers));
        if (!program.attached || program.call || !program.peers[number]) return;
        send(program, Type::kCloseChannel, number, {});
    }
    /// As ClientServer does when a program dies: at once, whatever is under way.
    void leave(Program& program) {
        for (int i = 0; i < 100 && program.call && program.call->type == Type::kAttach; ++i) step();
        if (!program.attached) return;
        program.attached = false;
        program.call.reset();
        send(program, Type::kDetach, 0, {});
        for (int i = 0; i < 100 && program.memory; ++i) step();
        must(program.memory == nullptr, "a session that ends is given back at once");
    }
    void hear(ClientAnswer answer) {
        Program& program = programs_[answer.call];
        if (!program.attached && !answer.detached && program.memory && program.call &&
            program.call->type == Type::kDetach) {
            return;  // of a call that was under way when it left
        }
        must(program.call.has_value(), "each call is answered once");
        const Program::Call call = *std::exchange(program.call, std::nullopt);
        const bool good = answer.status == Status::kOk;
        switch (call.type) {
            case Type::kAttach: program.attached = good; break;
            case Type::kDetach:
                must(answer.detached != nullptr, "detaching gives the session back");
                must(program.memory->view().control->closed.load() == 1, "the program is told");
                answer.detached.reset();
                program = Program(program.node);
                break;
            case Type::kAddWindow:
                must(good || answer.key_is_taken, "a window is refused only for its key");
                if (!good) program.windows[call.number] = {};
                break;
            case Type::kRemoveWindow: program.windows[call.number] = {}; break;
            case Type::kOpenChannel: program.peers[call.number] = good; break;
            case Type::kCloseChannel: program.peers[call.number] = false; break;
        }
    }
    static std::uint64_t key_of(std::size_t program, std::size_t window) {
        return 0x1234'5678'0000'0010 + program * kWindows + window;
    }

    // Time and the wire.

    void run(Duration time) {
        for (const Time end = now_ + time; now_ < end;) step();
    }
    void step() {
        now_ += turn_;
        for (auto frames = std::exchange(wire_, {}); const Bytes& bytes : frames) arrive(bytes);
        const bool tick = ++steps_ % 16 == 0 || turn_ >= 50us;
        for (Node& node : nodes_) {
            node.clients.poll(now_);
            if (tick) {
                node.endpoint.on_time(now_, [](PortId) { return true; });
                node.clients.on_time(now_);
            }
            node.endpoint.send(*this, now_);
            node.clients.flush();
            auto& answers = node.clients.answers();
            while (answers.size() > 0) {
                ClientAnswer answer = std::move(answers.front());
                answers.pop();
                answers.release();
                hear(std::move(answer));
            }
        }
    }
    void arrive(const Bytes& bytes) {
        const auto view = wire::parse(bytes);
        must(view && wire::check_icrc(*view), "D12: what an endpoint sends is good");
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (view->dst() != kGpus[i]) continue;
            const auto txn = wire::TxnView::parse(view->txn_bytes());
            must(txn.has_value(), "and can be read");
            (void)nodes_[i].endpoint.on_frame(*view, *txn, PortId{0}, Vc{0}, now_);
        }
    }

public:
    // What TxnEndpoint::send() asks for.
    std::span<std::byte> begin(PortId, Vc) {
        room_.assign(512, std::byte{0xEE});
        return room_;
    }
    void commit(std::size_t size) {
        wire_.emplace_back(room_.begin(), room_.begin() + static_cast<std::ptrdiff_t>(size));
    }

private:
    Input* input_;
    std::unique_ptr<std::byte[]> secret_;
    std::array<Program, 3> programs_;
    std::array<Node, 2> nodes_{Node(kGpus[0]), Node(kGpus[1])};
    std::deque<Bytes> wire_;
    Bytes room_;
    Time now_{1s};
    Duration turn_ = 2us;
    std::uint64_t steps_ = 0, next_id_ = 1;
};

}  // namespace

void run(Input& input) {
    if (input.empty()) return;
    Stage(input).play();
}

}  // namespace ethlink::fuzz
