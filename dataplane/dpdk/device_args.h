// SPDX-License-Identifier: BSD-3-Clause
// A device as the config file names it, "net_memif0,role=client,id=0", taken apart and completed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/expected.h"

namespace ethlink::dpdk {

class DeviceArgs {
public:
    static Expected<DeviceArgs, std::string> parse(std::string_view device);

    /// "net_memif0", "0000:03:00.0".
    const std::string& name() const { return name_; }

    /// "net_memif" for "net_memif0"; empty for a PCI device, whose driver only DPDK knows.
    std::string_view driver() const;
    bool is_pci() const;

    /// Everything behind the name, as DPDK wants it.
    std::string arguments() const;

    /// The value, or empty if the key is not there.
    std::string_view get(std::string_view key) const;
    bool has(std::string_view key) const;
    void set_if_missing(std::string_view key, std::string_view value);

private:
    std::string name_;
    std::vector<std::pair<std::string, std::string>> keys_;
};

/// Adds what the user left out and DPDK's own defaults would get wrong for frames of this size;
/// refuses what would lose or overrun frames. Pure: no device is touched.
Expected<DeviceArgs, std::string> complete(DeviceArgs args, std::uint32_t max_frame_bytes,
                                           std::uint32_t data_room_bytes);

}  // namespace ethlink::dpdk
