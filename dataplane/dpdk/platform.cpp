// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/platform.h"

namespace ethlink {

// control/capacity counts memory without seeing DPDK; these are the sizes that it counts with.
static_assert(sizeof(rte_mbuf) == 128 && RTE_PKTMBUF_HEADROOM == 128);
static_assert(sizeof(Parcel<dpdk::Mbuf>) == 16);
static_assert(sizeof(ReplayBuffer<dpdk::Mbuf>::Slot) == 32);
static_assert(sizeof(Crossbar<dpdk::Mbuf>::Transfer) == 24);

template class Worker<dpdk::Mbuf, SwitchStage<dpdk::Mbuf>>;
template class Worker<dpdk::Mbuf, PktgenStage<dpdk::Mbuf>>;

}  // namespace ethlink
