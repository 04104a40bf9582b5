#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "messages/endpoint.h"

namespace minuteman {

// A connection as its client sees it.
struct Flow {
  Endpoint client;
  Endpoint destination;
};

// Which flow an answer belongs to, by the addresses the answer has on its way: a bounded hash table whose
// oldest entries give way. No entry has to be taken out when its connection goes: without a connection of ours
// no answer is logged, and the next one with these addresses overwrites.
class FlowMemory {
 public:
  FlowMemory() : sets_(SETS) {}

  // `backend` will answer `flow`'s client. Of two flows whose answers look alike (two VIPs, one backend, one client
  // port) the later one counts: the earlier has most likely been answered, or never will be.
  void remember(Endpoint backend, const Flow& flow);
  // The flow whose answer this is, once.
  std::optional<Flow> take(Endpoint backend, Endpoint client);

 private:
  static constexpr size_t SETS = 1 << 14;
  static constexpr size_t WAYS = 4;
  static constexpr uint64_t NOBODY = 0;

  struct Slot {
    uint64_t backend = NOBODY;
    uint64_t client = 0;
    uint64_t destination = 0;
  };
  struct Set {
    Slot slots[WAYS];
    size_t next = 0;
  };

  Set& setOf(uint64_t backend, uint64_t client);

  std::vector<Set> sets_;
};

}  // namespace minuteman
