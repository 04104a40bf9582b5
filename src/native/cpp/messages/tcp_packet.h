#pragma once

#include <optional>

#include "messages/endpoint.h"
#include "netlink/bytes.h"

namespace minuteman {

// The head of a TCP segment over IPv4.
struct TcpPacket {
  Endpoint source;
  Endpoint destination;
  uint8_t flags;

  // SYN set; FIN, RST and ACK clear.
  bool opens() const { return (flags & (FIN | SYN | RST | ACK)) == SYN; }
  // The two answers to a SYN.
  bool accepts() const { return (flags & (FIN | SYN | RST | ACK)) == (SYN | ACK); }
  bool refuses() const { return (flags & RST) != 0; }

  static constexpr uint8_t FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10;
};

// Reads an IPv4 packet that holds a TCP header and is no fragment; anything else is nullopt. It may be cut off
// behind the TCP header's first 20 bytes.
std::optional<TcpPacket> parseTcp(Bytes packet);

}  // namespace minuteman
