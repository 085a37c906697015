// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/platform.h"

namespace ethlink {

template class Worker<dpdk::Mbuf, SwitchStage<dpdk::Mbuf>>;
template class Worker<dpdk::Mbuf, PktgenStage<dpdk::Mbuf>>;

}  // namespace ethlink
