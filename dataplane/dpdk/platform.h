// SPDX-License-Identifier: BSD-3-Clause
// The platform of production: workers over mbufs, compiled once.
#pragma once

#include "dataplane/dpdk/mbuf.h"
#include "dataplane/pktgen_stage.h"
#include "dataplane/switch_stage.h"
#include "dataplane/worker.h"

namespace ethlink {

extern template class Worker<dpdk::Mbuf, SwitchStage<dpdk::Mbuf>>;
extern template class Worker<dpdk::Mbuf, PktgenStage<dpdk::Mbuf>>;

}  // namespace ethlink
