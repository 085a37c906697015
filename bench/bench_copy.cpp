// SPDX-License-Identifier: BSD-3-Clause
// The copies of an RDMA write and nothing else: memcpy from a window through frame buffers into a
// window, as often, in such pieces and through as many buffers as our path does it.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <span>
#include <string>
#include <vector>

namespace ethlink::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::size_t bytes = 1u << 20;  // of a message; source and target are the same ones each time
    std::size_t copies = 4;        // of each byte: copies - 1 times into a frame
    std::size_t part = 1984;       // bytes of a message in one frame
    std::size_t frames = 1024;     // distinct frame buffers that are used in turn
    std::size_t burst = 32;        // frames that one stage copies before the next one does
    std::size_t milliseconds = 500;
};

constexpr std::size_t kBuffer = 2304;  // from buffer to buffer: a frame of 2 KB and its headroom
constexpr std::size_t kHeaders = 60;   // in front of the data

/// Pages that are there: a page fault is not a copy.
class Memory {
public:
    explicit Memory(std::size_t bytes) : bytes_(bytes), data_(allocate(bytes)) {
        std::memset(data_, 1, bytes);
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() { ::operator delete(data_, kAlign); }
    std::byte* at(std::size_t offset) const { return data_ + offset; }
    std::size_t size() const { return bytes_; }

private:
    static constexpr std::align_val_t kAlign{4096};
    static std::byte* allocate(std::size_t bytes) {
        return static_cast<std::byte*>(::operator new(bytes, kAlign));
    }
    std::size_t bytes_;
    std::byte* data_;
};

class Path {
public:
    explicit Path(const Options& options)
        : options_(options),
          source_(options.bytes),
          target_(options.bytes),
          pool_(options.frames * kBuffer) {}

    /// One message, burst by burst.
    void send() {
        const std::size_t step = options_.part * options_.burst;
        for (std::size_t done = 0; done < options_.bytes; done += step) {
            carry(done, std::min(step, options_.bytes - done));
        }
    }

private:
    /// Where the `stage`th copy of a frame of this burst stands.
    std::byte* frame(std::size_t stage, std::size_t index) const {
        const std::size_t n = next_ + stage * options_.burst + index;
        return pool_.at(n % options_.frames * kBuffer + kHeaders);
    }
    void carry(std::size_t from, std::size_t bytes) {
        for (std::size_t stage = 0; stage < options_.copies; ++stage) {
            std::size_t index = 0;
            for (std::size_t done = 0; done < bytes; done += options_.part, ++index) {
                const bool first = stage == 0, last = stage + 1 == options_.copies;
                const std::byte* const in =
                    first ? source_.at(from + done) : frame(stage - 1, index);
                std::byte* const out = last ? target_.at(from + done) : frame(stage, index);
                std::memcpy(out, in, std::min(options_.part, bytes - done));
                asm volatile("" ::: "memory");  // It is read by nobody, and copied nevertheless.
            }
        }
        next_ += (options_.copies - 1) * options_.burst;
    }

    Options options_;
    Memory source_, target_, pool_;
    std::size_t next_ = 0;
};

/// Payload in Gbit/s: the median of ten slices.
double measure(const Options& options) {
    Path path(options);
    std::vector<double> rates;
    const auto slice = std::chrono::milliseconds(options.milliseconds) / 10;
    path.send();
    for (int i = 0; i < 10; ++i) {
        const auto begin = Clock::now();
        auto now = begin;
        double bytes = 0;
        for (; now - begin < slice; now = Clock::now()) {
            path.send();
            bytes += static_cast<double>(options.bytes);
        }
        rates.push_back(bytes * 8 / std::chrono::duration<double>(now - begin).count() / 1e9);
    }
    std::ranges::sort(rates);
    return rates[rates.size() / 2];
}

bool parse(std::span<char*> arguments, Options& options) {
    const std::map<std::string, std::size_t*> known = {
        {"--bytes", &options.bytes}, {"--copies", &options.copies},
        {"--part", &options.part},   {"--frames", &options.frames},
        {"--burst", &options.burst}, {"--milliseconds", &options.milliseconds}};
    for (std::size_t i = 1; i < arguments.size(); i += 2) {
        const auto option = known.find(arguments[i]);
        if (option == known.end() || i + 1 >= arguments.size()) return false;
        *option->second = std::strtoull(arguments[i + 1], nullptr, 10);
        if (*option->second == 0) return false;
    }
    return options.part + kHeaders <= kBuffer;
}

}  // namespace
}  // namespace ethlink::bench

int main(int argc, char** argv) {
    ethlink::bench::Options options;
    if (!ethlink::bench::parse({argv, static_cast<std::size_t>(argc)}, options)) {
        std::fprintf(stderr,
                     "usage: bench_copy [--bytes N] [--copies N] [--part N] [--frames N] "
                     "[--burst N] [--milliseconds N]\n");
        return 2;
    }
    std::printf("%.3f\n", ethlink::bench::measure(options));
    return 0;
}
