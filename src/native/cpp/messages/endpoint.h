#pragma once

#include <cstdint>

namespace minuteman {

// An IPv4 address (host order) with a port. As one number, `address * 65536 + port`, it is what the
// TypeScript side calls an Endpoint; 48 bits fit a double exactly.
struct Endpoint {
  uint32_t address = 0;
  uint16_t port = 0;

  double number() const { return static_cast<double>(static_cast<uint64_t>(address) << 16 | port); }
  static Endpoint of(double number) {
    // Out of range would be undefined behaviour; the caller is our own TypeScript, but a check is cheap.
    if (!(number >= 0 && number < 281474976710656.0)) return {};
    const auto bits = static_cast<uint64_t>(number);
    return {static_cast<uint32_t>(bits >> 16), static_cast<uint16_t>(bits & 0xffff)};
  }
};

}  // namespace minuteman
