#include "messages/tcp_packet.h"

#include <netinet/in.h>

namespace minuteman {

namespace {
constexpr size_t IP_HEADER = 20;
constexpr size_t TCP_HEADER = 20;
constexpr uint16_t MORE_FRAGMENTS_OR_OFFSET = 0x3fff;
}  // namespace

std::optional<TcpPacket> parseTcp(Bytes packet) {
  if (!packet.has(0, IP_HEADER) || packet.u8(0) >> 4 != 4) return std::nullopt;
  const size_t headerSize = static_cast<size_t>(packet.u8(0) & 0x0f) * 4;
  if (headerSize < IP_HEADER || packet.u8(9) != IPPROTO_TCP) return std::nullopt;
  if ((packet.be16(6) & MORE_FRAGMENTS_OR_OFFSET) != 0) return std::nullopt;
  if (packet.be16(2) < headerSize + TCP_HEADER) return std::nullopt;

  const Bytes tcp = packet.slice(headerSize);
  if (!tcp.has(0, TCP_HEADER) || tcp.u8(12) >> 4 < 5) return std::nullopt;
  return TcpPacket{{packet.be32(12), tcp.be16(0)}, {packet.be32(16), tcp.be16(2)}, tcp.u8(13)};
}

}  // namespace minuteman
