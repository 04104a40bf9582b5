#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "messages/endpoint.h"

namespace minuteman {

// A SYN that waits for its verdict.
struct HeldPacket {
  uint32_t id;
  uint32_t inInterface;
  Endpoint client;
  Endpoint destination;
  double arrivedMs;
};

// The packets the kernel holds for us, in the order of their ids. The kernel counts ids up and wraps at
// 2^32, so that ids are compared by their distance.
class HeldPackets {
 public:
  void add(const HeldPacket& packet);
  // Forgets the packet; false if it is not held (any more).
  bool remove(uint32_t id);
  // Takes a removal back; only before the next `add`.
  void restore(uint32_t id);
  size_t size() const { return live_; }
  bool empty() const { return live_ == 0; }
  // The oldest held packet; only when not empty.
  const HeldPacket& oldest() const { return slots_[head_].packet; }

  template <typename Each>
  void forEach(Each each) const {
    for (size_t i = head_; i < slots_.size(); i += 1) {
      if (slots_[i].held) each(slots_[i].packet);
    }
  }

 private:
  struct Slot {
    HeldPacket packet;
    bool held;
  };

  size_t find(uint32_t id, size_t from) const;
  void compact();

  // Sorted by id; those before `head_` and those not `held` are gone.
  std::vector<Slot> slots_;
  size_t head_ = 0;
  size_t live_ = 0;
};

}  // namespace minuteman
