// SPDX-License-Identifier: BSD-3-Clause
// libethlink for C++20: the same calls (ethlink.h says what they promise) with owners and results.
//
//     auto session = ethlink::api::Session::open();
//     auto window = session->alloc(4096, ETHLINK_READ | ETHLINK_WRITE);
//     auto peer = session->connect(gpu, ETHLINK_LOAD_STORE);
//     auto value = session->load<std::uint64_t>(peer->at(key, 8));
//     if (!value) std::puts(value.text().c_str());
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <ethlink/ethlink.h>

namespace ethlink::api {

using Timeout = std::chrono::microseconds;
inline constexpr Timeout kTimeout = std::chrono::seconds(1);

/// A value, or the ethlink_status that says why there is none.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}
    static Result failed(int status) {
        Result result{T{}};
        result.status_ = status;
        result.why_ = ethlink_last_error();
        return result;
    }

    explicit operator bool() const { return status_ == ETHLINK_OK; }
    int status() const { return status_; }
    /// A sentence on the failure.
    const std::string& text() const { return why_; }

    // Only if there is a value.
    T& operator*() { return value_; }
    const T& operator*() const { return value_; }
    T* operator->() { return &value_; }
    const T* operator->() const { return &value_; }

private:
    T value_;
    int status_ = ETHLINK_OK;
    std::string why_;
};

/// Done, or why not.
template <>
class [[nodiscard]] Result<void> {
public:
    Result(int status) : status_(status) {
        if (status_ != ETHLINK_OK) why_ = ethlink_last_error();
    }
    explicit operator bool() const { return status_ == ETHLINK_OK; }
    int status() const { return status_; }
    const std::string& text() const { return why_; }

private:
    int status_;
    std::string why_;
};

/// What one load or store moves.
template <class T>
concept Line = std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T> &&
               sizeof(T) <= ETHLINK_LINE_MAX;

/// What an atomic works on.
template <class T>
concept Word = std::is_integral_v<T> &&(sizeof(T) == 4 || sizeof(T) == 8);

/// Memory that peers may access. Ends before its session.
class Window {
public:
    Window() = default;
    explicit Window(ethlink_window* window) : window_(window) {}

    std::span<std::byte> bytes() const {
        return {static_cast<std::byte*>(ethlink_window_address(window_.get())),
                ethlink_window_length(window_.get())};
    }
    /// As many T as fit.
    template <class T>
    requires std::is_trivially_copyable_v<T> std::span<T> as()
    const {
        return {static_cast<T*>(ethlink_window_address(window_.get())),
                ethlink_window_length(window_.get()) / sizeof(T)};
    }
    std::uint64_t key() const { return ethlink_window_key(window_.get()); }
    Result<void> free() { return ethlink_window_free(window_.release()); }
    const ethlink_window* get() const { return window_.get(); }

private:
    struct Free {
        void operator()(ethlink_window* window) const { ethlink_window_free(window); }
    };
    std::unique_ptr<ethlink_window, Free> window_;
};

/// A part of an own window: what bulk requests send or fill.
struct Part {
    const ethlink_window* window = nullptr;
    std::uint64_t offset = 0;
    std::size_t length = 0;

    Part() = default;
    Part(const Window& whole) : window(whole.get()), length(whole.bytes().size()) {}
    Part(const Window& of, std::uint64_t at, std::size_t bytes)
        : window(of.get()), offset(at), length(bytes) {}
};

/// A remote GPU, until Session::disconnect() or the end of the session.
struct Peer {
    ethlink_peer handle = 0;

    ethlink_remote at(std::uint64_t key, std::uint64_t address) const {
        return {key, address, handle};
    }
};

class Session {
public:
    Session() = default;

    static Result<Session> open(const char* where = nullptr, Timeout timeout = kTimeout) {
        ethlink_session* session = nullptr;
        const int status = ethlink_open(where, timeout.count(), &session);
        if (status != ETHLINK_OK) return Result<Session>::failed(status);
        return Session(session);
    }

    Result<Window> alloc(std::size_t bytes, unsigned rights) {
        ethlink_window* window = nullptr;
        const int status = ethlink_window_alloc(get(), bytes, rights, &window);
        if (status != ETHLINK_OK) return Result<Window>::failed(status);
        return Window(window);
    }
    Result<Peer> connect(std::uint16_t gpu, ethlink_class peer_class, Timeout timeout = kTimeout) {
        Peer peer;
        const int status = ethlink_connect(get(), gpu, peer_class, timeout.count(), &peer.handle);
        if (status != ETHLINK_OK) return Result<Peer>::failed(status);
        return peer;
    }
    Result<void> disconnect(Peer peer) { return ethlink_disconnect(get(), peer.handle); }
    ethlink_info info() const {
        ethlink_info info{};
        ethlink_query(get(), &info);
        return info;
    }

    // Blocking.

    template <Line T>
    Result<T> load(ethlink_remote from, Timeout timeout = kTimeout) {
        T value{};
        const int status = ethlink_load(get(), from, &value, sizeof value, timeout.count());
        if (status != ETHLINK_OK) return Result<T>::failed(status);
        return value;
    }
    template <Line T>
    Result<void> store(ethlink_remote to, const T& value, Timeout timeout = kTimeout) {
        return ethlink_store(get(), to, &value, sizeof value, timeout.count());
    }
    /// What was there before.
    template <Word T>
    Result<T> fetch_add(ethlink_remote at, T operand, Timeout timeout = kTimeout) {
        return atomic<T>(ETHLINK_OP_FETCH_ADD, at, operand, T{}, timeout);
    }
    template <Word T>
    Result<T> swap(ethlink_remote at, T operand, Timeout timeout = kTimeout) {
        return atomic<T>(ETHLINK_OP_SWAP, at, operand, T{}, timeout);
    }
    template <Word T>
    Result<T> compare_swap(ethlink_remote at, T compare, T operand, Timeout timeout = kTimeout) {
        return atomic<T>(ETHLINK_OP_COMPARE_SWAP, at, operand, compare, timeout);
    }
    template <Word T>
    Result<T> fetch_and(ethlink_remote at, T operand, Timeout timeout = kTimeout) {
        return atomic<T>(ETHLINK_OP_FETCH_AND, at, operand, T{}, timeout);
    }
    template <Word T>
    Result<T> fetch_or(ethlink_remote at, T operand, Timeout timeout = kTimeout) {
        return atomic<T>(ETHLINK_OP_FETCH_OR, at, operand, T{}, timeout);
    }
    template <Word T>
    Result<T> fetch_xor(ethlink_remote at, T operand, Timeout timeout = kTimeout) {
        return atomic<T>(ETHLINK_OP_FETCH_XOR, at, operand, T{}, timeout);
    }
    Result<void> fence(Peer peer, Timeout timeout = kTimeout) {
        return ethlink_fence(get(), peer.handle, timeout.count());
    }

    // Posting: each that succeeds ends with one completion that carries the cookie.

    /// `value` stays where it is until then.
    template <Line T>
    Result<void> post_load(ethlink_remote from, T& value, std::uint64_t cookie) {
        return ethlink_post_load(get(), from, &value, sizeof value, cookie);
    }
    template <Line T>
    Result<void> post_store(ethlink_remote to, const T& value, std::uint64_t cookie) {
        return ethlink_post_store(get(), to, &value, sizeof value, cookie);
    }
    template <Word T>
    Result<void> post_fetch_add(ethlink_remote at, T operand, std::uint64_t cookie) {
        return ethlink_post_atomic(get(), ETHLINK_OP_FETCH_ADD, sizeof(T), at,
                                   static_cast<std::uint64_t>(operand), 0, cookie);
    }
    Result<void> post_fence(Peer peer, std::uint64_t cookie) {
        return ethlink_post_fence(get(), peer.handle, cookie);
    }
    Result<void> post_write(ethlink_remote to, Part part, std::uint64_t cookie) {
        return ethlink_post_write(get(), to, part.window, part.offset, part.length, cookie);
    }
    Result<void> post_write_imm(ethlink_remote to, Part part, std::uint64_t immediate,
                                std::uint64_t cookie) {
        return ethlink_post_write_imm(get(), to, part.window, part.offset, part.length, immediate,
                                      cookie);
    }
    Result<void> post_read(ethlink_remote from, Part part, std::uint64_t cookie) {
        return ethlink_post_read(get(), from, part.window, part.offset, part.length, cookie);
    }
    Result<void> post_send(Peer peer, Part part, std::uint64_t cookie) {
        return ethlink_post_send(get(), peer.handle, part.window, part.offset, part.length, cookie);
    }
    Result<void> post_send(Peer peer, std::span<const std::byte> bytes, std::uint64_t cookie) {
        return ethlink_post_send_inline(get(), peer.handle, bytes.data(), bytes.size(), cookie);
    }
    Result<void> post_recv(Peer peer, Part part, std::uint64_t cookie) {
        return ethlink_post_recv(get(), peer.handle, part.window, part.offset, part.length, cookie);
    }

    // Completions: the part of `into` that was filled.

    Result<std::span<ethlink_completion>> poll(std::span<ethlink_completion> into) {
        return filled(into, ethlink_poll(get(), into.data(), static_cast<int>(into.size())));
    }
    Result<std::span<ethlink_completion>> wait(std::span<ethlink_completion> into,
                                               Timeout timeout = kTimeout) {
        return filled(
            into, ethlink_wait(get(), into.data(), static_cast<int>(into.size()), timeout.count()));
    }

    ethlink_session* get() const { return session_.get(); }

private:
    struct Close {
        void operator()(ethlink_session* session) const { ethlink_close(session); }
    };
    using Filled = Result<std::span<ethlink_completion>>;

    explicit Session(ethlink_session* session) : session_(session) {}

    template <Word T>
    Result<T> atomic(ethlink_op op, ethlink_remote at, T operand, T compare, Timeout timeout) {
        std::uint64_t before = 0;
        const int status =
            ethlink_atomic(get(), op, sizeof(T), at, static_cast<std::uint64_t>(operand),
                           static_cast<std::uint64_t>(compare), &before, timeout.count());
        if (status != ETHLINK_OK) return Result<T>::failed(status);
        return static_cast<T>(before);
    }
    static Filled filled(std::span<ethlink_completion> into, int n) {
        if (n < 0) return Filled::failed(-n);
        return into.first(static_cast<std::size_t>(n));
    }

    std::unique_ptr<ethlink_session, Close> session_;
};

}  // namespace ethlink::api
