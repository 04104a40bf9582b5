#pragma once

#include <optional>

#include "messages/endpoint.h"
#include "netlink/bytes.h"

namespace minuteman {

struct SynPacket {
  Endpoint client;
  Endpoint destination;
};

// Reads an IPv4 packet that opens a TCP connection: SYN set; FIN, RST and ACK clear; no fragment. The
// payload may be cut off behind the TCP header's first 20 bytes. Anything else is nullopt.
std::optional<SynPacket> parseSyn(Bytes packet);

}  // namespace minuteman
