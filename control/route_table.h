// SPDX-License-Identifier: BSD-3-Clause
// The routes of one node: which ports lead to which GPU-ID.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/ids.h"

namespace ethlink::control {

/// The ports towards one destination, ascending, at least one. On a switch a port may stand there
/// several times: it gets so many shares of the flows.
struct Route {
    GpuId dst;
    std::span<const PortId> ports;
};

/// Ascending by destination. A destination that cannot be reached has no route. Lists of ports are
/// kept once each: a table takes 4 bytes per destination and little more.
///
/// On a switch: the ports of all best paths. On an endpoint: all its ports (tracks) from which the
/// destination can be reached; its own GPU-ID is not a destination.
class RouteTable {
    struct Entry {
        GpuId dst;
        std::uint16_t list;
        friend bool operator==(const Entry&, const Entry&) = default;
    };

public:
    class Iterator {
    public:
        using difference_type = std::ptrdiff_t;
        using value_type = Route;
        Iterator() = default;
        Iterator(const RouteTable* table, std::size_t at) : table_(table), at_(at) {}
        Route operator*() const { return (*table_)[at_]; }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        Iterator operator++(int) {
            const Iterator before = *this;
            ++at_;
            return before;
        }
        friend bool operator==(const Iterator&, const Iterator&) = default;

    private:
        const RouteTable* table_ = nullptr;
        std::size_t at_ = 0;
    };

    std::size_t size() const { return entries_.size(); }
    Iterator begin() const { return {this, 0}; }
    Iterator end() const { return {this, size()}; }
    Route operator[](std::size_t i) const { return {entries_[i].dst, list(entries_[i].list)}; }

    /// The ports towards `dst`, none if there is no route.
    std::span<const PortId> ports(GpuId dst) const;

    /// Builds: a list of ports more, for add(); its number, below 65,536. Each is to come once.
    std::size_t append(std::span<const PortId> ports);
    /// Builds: destinations ascending.
    void add(GpuId dst, std::size_t list) {
        entries_.push_back({dst, static_cast<std::uint16_t>(list)});
    }

    /// Whether both lead everywhere by the same ports, however the lists are numbered.
    friend bool operator==(const RouteTable& a, const RouteTable& b);

    std::size_t list_count() const { return first_.size() - 1; }
    std::span<const PortId> list(std::size_t i) const {
        return std::span(members_).subspan(first_[i], first_[i + 1] - first_[i]);
    }
    /// Which list a route has: routes with the same one have the same ports.
    std::size_t list_of(std::size_t i) const { return entries_[i].list; }

    std::size_t memory_bytes() const {
        return entries_.capacity() * sizeof(Entry) + first_.capacity() * sizeof(first_[0]) +
               members_.capacity() * sizeof(PortId);
    }

private:
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> first_{0};
    std::vector<PortId> members_;
};

/// What changes at one destination from one table to another.
struct RouteChange {
    GpuId dst;
    std::vector<PortId> before;  // empty: there was no route
    std::vector<PortId> after;   // empty: there is none any more
    friend bool operator==(const RouteChange&, const RouteChange&) = default;
};

/// Ascending by destination.
[[nodiscard]] std::vector<RouteChange> changes(const RouteTable& before, const RouteTable& after);

}  // namespace ethlink::control
