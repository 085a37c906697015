// SPDX-License-Identifier: BSD-3-Clause
// Every number of the fabric file: the name of its key, its range and its unit.
#pragma once

#include <cstdint>

#include "control/config_reader.h"

namespace ethlink::control::keys {

// nodes
inline constexpr NumberKey kGpu{"gpu", 0, 0xFFFF, ""};
inline constexpr NumberKey kTenant{"tenant", 0, 4094, ""};  // 802.1Q VLAN ID; 0 = untagged
inline constexpr NumberKey kNodeWorkers{"workers", 1, 64, "poll loops"};

// topology
inline constexpr NumberKey kGpus{"gpus", 2, 16'384, "GPUs"};  // as many as generated_gpu_id has
inline constexpr NumberKey kTracks{"tracks", 1, 64, "tracks"};
inline constexpr NumberKey kRacks{"racks", 2, 1'024, "racks"};
inline constexpr NumberKey kSpines{"spines", 1, 4'096, "spines"};
inline constexpr NumberKey kUplinks{"uplinks", 1, 4'096, "ports"};
inline constexpr RealKey kOversubscription{"oversubscription", 0.25, 64, "GPU ports per uplink"};

// profiles. SONiC's LLR_PROFILE allows less: its timers end at 65,535 ns, its spacing at 16,384
// bytes; software links need more, SAI's 32 bits allow it.
inline constexpr NumberKey kMaxFrameBytes{"max_frame_bytes", 64, 9216, "bytes"};
inline constexpr NumberKey kBestEffortQueueFrames{"best_effort_queue_frames", 1, 65'536, "frames"};
inline constexpr NumberKey kMaxOutstandingFrames{"max_outstanding_frames", 1, 524'288, "frames"};
inline constexpr NumberKey kMaxOutstandingBytes{"max_outstanding_bytes", 64, 0xFFFF'FFFF, "bytes"};
inline constexpr NumberKey kMaxReplayTimer{"max_replay_timer_ns", 1'000, 0xFFFF'FFFF, "ns"};
inline constexpr NumberKey kMaxReplayCount{"max_replay_count", 1, 255, "replays (255: no limit)"};
inline constexpr NumberKey kPcsLostTimeout{"pcs_lost_timeout_ns", 0, 0xFFFF'FFFF, "ns"};
inline constexpr NumberKey kDataAgeTimeout{"data_age_timeout_ns", 0, 0xFFFF'FFFF, "ns"};
inline constexpr NumberKey kCtlosSpacing{"ctlos_spacing_bytes", 400, 1'048'576, "bytes"};
inline constexpr NumberKey kInitInterval{"init_interval_us", 1, 1'000'000, "us"};
inline constexpr NumberKey kAckDelay{"ack_delay_us", 0, 1'000'000, "us"};
inline constexpr NumberKey kCreditSize{"credit_size", 32, 2'048, "bytes", true};
inline constexpr NumberKey kPacketOverhead{"packet_overhead", -16, 127, "bytes"};
inline constexpr NumberKey kSharedCredits{"shared_credits", 0, 524'287, "credits"};
inline constexpr NumberKey kCcMessageTimer{"cc_message_timer_us", 0, 250'000, "us"};
inline constexpr NumberKey kCfUpdateInterval{"cf_update_interval_us", 1, 250'000, "us"};

// profiles, watchdog
inline constexpr NumberKey kDetectionTime{"detection_time_ms", 1, 60'000, "ms"};
inline constexpr NumberKey kRestorationTime{"restoration_time_ms", 1, 60'000, "ms"};

// profiles, transport
inline constexpr NumberKey kMaxOutstandingTransactions{"max_outstanding_transactions", 16, 32'768,
                                                       "transactions", true};
inline constexpr NumberKey kMaxOutstandingItems{"max_outstanding_items", 4, 65'536, "items"};
inline constexpr NumberKey kResponseBuffer{"response_buffer_bytes", 4'096, 16'777'216, "bytes"};
inline constexpr NumberKey kTransportAckDelay{"ack_delay_us", 0, 100'000, "us"};
inline constexpr NumberKey kRetryTimerMin{"retry_timer_min_us", 10, 9'000'000, "us"};
inline constexpr NumberKey kRetryTimerMax{"retry_timer_max_us", 10, 9'000'000, "us"};
// libethlink waits 10 s for the end of what uses a window that is freed.
inline constexpr NumberKey kGiveUpTimer{"give_up_timer_ms", 10, 9'000, "ms"};
inline constexpr NumberKey kRetriesPerPath{"retries_per_path", 1, 255, "retries"};

// profiles, vcs
inline constexpr NumberKey kCredits{"credits", 1, 524'287, "credits"};
inline constexpr NumberKey kSharedStatic{"shared_static", 0, 524'287, "credits"};
inline constexpr NumberKey kSharedDynamic{"shared_dynamic", -7, 7, ""};
inline constexpr NumberKey kPriority{"priority", 0, 255, ""};
inline constexpr NumberKey kQuantumBytes{"quantum_bytes", 64, 1'048'576, "bytes"};
inline constexpr NumberKey kDscp{"dscp", 0, 63, ""};
inline constexpr NumberKey kPcpDei{"pcp_dei", 0, 15, ""};  // PCP * 2 + DEI

// faults: probabilities are RealKey{name, 0, 1}
inline constexpr NumberKey kReorderDistance{"reorder_distance", 1, 64, "frames"};
inline constexpr NumberKey kDelay{"delay_ns", 0, 1'000'000'000, "ns"};
inline constexpr NumberKey kJitter{"jitter_ns", 0, 1'000'000'000, "ns"};
inline constexpr RealKey kRate{"rate_mbps", 0, 10'000'000, "Mbit/s (0: unlimited)"};
inline constexpr NumberKey kSeed{"seed", 0, INT64_MAX, ""};

// runtime
inline constexpr NumberKey kThreads{"workers", 1, 64, "threads"};
inline constexpr NumberKey kIdleSleep{"idle_sleep_us", 1, 1'000'000, "us"};
inline constexpr NumberKey kIdleSleepMax{"idle_sleep_max_us", 1, 1'000'000, "us"};
inline constexpr NumberKey kHelloInterval{"hello_interval_ms", 0, 10'000, "ms (0: no hellos)"};
inline constexpr NumberKey kMemoryMb{"memory_mb", 1, 1'048'576, "MB"};
inline constexpr NumberKey kWireFrames{"wire_frames", 64, 65'536, "frames", true};
inline constexpr NumberKey kEndpointQueueFrames{"endpoint_queue_frames", 1, 65'536, "frames"};
inline constexpr NumberKey kRxDescriptors{"rx_descriptors", 64, 8'192, "descriptors", true};
inline constexpr NumberKey kTxDescriptors{"tx_descriptors", 64, 8'192, "descriptors", true};
inline constexpr NumberKey kPoolCacheFrames{"pool_cache_frames", 0, 512, "frames"};

// traffic
inline constexpr NumberKey kDurationMs{"duration_ms", 1, 86'400'000, "ms"};
inline constexpr NumberKey kRatePps{"rate_pps", 0, 1'000'000'000, "frames/s (0: unlimited)"};

}  // namespace ethlink::control::keys
