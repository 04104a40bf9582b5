#include "messages/log_message.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

namespace minuteman {

namespace {
// How long the kernel gathers answers before it tells of them, in hundredths of a second. They carry the time they
// came by; a datagram for each would cost as much as all the rest of the logging.
constexpr uint32_t LOG_PATIENCE = 1;
// Room for a batch, and with what the kernel adds not more than the 2 kB that its allocator would give anyway.
constexpr uint32_t LOG_BATCH_BYTES = 1700;

double be64(Bytes bytes, size_t offset) {
  return static_cast<double>(static_cast<uint64_t>(bytes.be32(offset)) << 32 | bytes.be32(offset + 4));
}
}  // namespace

bool parseLoggedPacket(const Message& message, LoggedPacket& packet) {
  if (message.type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET)) return false;
  packet = {};
  AttributeReader attributes(netfilterAttributes(message));
  Attribute attribute;
  while (attributes.next(attribute)) {
    if (attribute.type == NFULA_PAYLOAD) packet.payload = attribute.value;
    if (attribute.type == NFULA_TIMESTAMP) packet.wallMs = be64(attribute.value, 0) * 1e3 + be64(attribute.value, 8) / 1e3;
  }
  return true;
}

void writeLogBind(MessageWriter& messages, uint32_t sequence, uint16_t group, uint32_t copyRange) {
  messages.beginNetfilter(NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, NLM_F_ACK, sequence, AF_UNSPEC, group);
  messages.putU8(NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND);
  nfulnl_msg_config_mode mode{};
  mode.copy_range = htonl(copyRange);
  mode.copy_mode = NFULNL_COPY_PACKET;
  messages.put(NFULA_CFG_MODE, &mode, sizeof(mode));
  messages.putBe32(NFULA_CFG_QTHRESH, LOG_THRESHOLD);
  messages.putBe32(NFULA_CFG_NLBUFSIZ, LOG_BATCH_BYTES);
  messages.putBe32(NFULA_CFG_TIMEOUT, LOG_PATIENCE);
  messages.end();
}

}  // namespace minuteman
