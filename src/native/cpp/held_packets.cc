#include "held_packets.h"

#include <algorithm>

namespace minuteman {

namespace {
bool before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }
}  // namespace

void HeldPackets::add(const HeldPacket& packet) {
  // The kernel never repeats or reverses ids within a queue; should it, the order must still hold.
  if (live_ > 0 && !before(slots_.back().packet.id, packet.id)) return;
  compact();
  slots_.push_back({packet, true});
  live_ += 1;
}

// The slot of that id, or one past the last.
size_t HeldPackets::find(uint32_t id, size_t from) const {
  const auto first = slots_.begin() + static_cast<std::ptrdiff_t>(from);
  const auto found = std::lower_bound(first, slots_.end(), id, [](const Slot& slot, uint32_t wanted) {
    return before(slot.packet.id, wanted);
  });
  if (found == slots_.end() || found->packet.id != id) return slots_.size();
  return static_cast<size_t>(found - slots_.begin());
}

bool HeldPackets::remove(uint32_t id) {
  const size_t at = find(id, head_);
  if (at == slots_.size() || !slots_[at].held) return false;
  slots_[at].held = false;
  live_ -= 1;
  while (head_ < slots_.size() && !slots_[head_].held) head_ += 1;
  return true;
}

void HeldPackets::restore(uint32_t id) {
  const size_t at = find(id, 0);
  if (at == slots_.size() || slots_[at].held) return;
  slots_[at].held = true;
  live_ += 1;
  head_ = std::min(head_, at);
}

// Gives the room of removed packets back once they outnumber the others; amortised constant time.
void HeldPackets::compact() {
  if (live_ > 0 && (slots_.size() < 64 || slots_.size() < 2 * live_)) return;
  slots_.erase(std::remove_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return !slot.held; }),
               slots_.end());
  head_ = 0;
}

}  // namespace minuteman
