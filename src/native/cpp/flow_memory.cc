#include "flow_memory.h"

namespace minuteman {

namespace {
// Never 0, which marks a free slot: no backend is 0.0.0.0:0.
uint64_t bits(Endpoint endpoint) { return static_cast<uint64_t>(endpoint.address) << 16 | endpoint.port; }
Endpoint endpoint(uint64_t bits) { return {static_cast<uint32_t>(bits >> 16), static_cast<uint16_t>(bits & 0xffff)}; }
}  // namespace

// Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4): the upper bits depend on all others.
FlowMemory::Set& FlowMemory::setOf(uint64_t backend, uint64_t client) {
  const uint64_t mixed = (backend * 0x9e3779b97f4a7c15 ^ client) * 0xd6e8feb86659fd93;
  return sets_[mixed >> 50];
}

void FlowMemory::remember(Endpoint backend, const Flow& flow) {
  const Slot wanted{bits(backend), bits(flow.client), bits(flow.destination)};
  Set& set = setOf(wanted.backend, wanted.client);
  Slot* room = nullptr;
  for (Slot& slot : set.slots) {
    if (slot.backend == wanted.backend && slot.client == wanted.client) {
      slot = wanted;
      return;
    }
    if (slot.backend == NOBODY && room == nullptr) room = &slot;
  }
  if (room == nullptr) room = &set.slots[set.next++ % WAYS];
  *room = wanted;
}

std::optional<Flow> FlowMemory::take(Endpoint backend, Endpoint client) {
  const uint64_t from = bits(backend), to = bits(client);
  for (Slot& slot : setOf(from, to).slots) {
    if (slot.backend != from || slot.client != to || from == NOBODY) continue;
    const Flow flow{endpoint(slot.client), endpoint(slot.destination)};
    slot = {};
    return flow;
  }
  return std::nullopt;
}

}  // namespace minuteman
