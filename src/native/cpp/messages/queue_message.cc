#include "messages/queue_message.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

namespace minuteman {

namespace {

void writeVerdictMessage(MessageWriter& messages, uint8_t type, uint16_t queue, uint32_t id, uint32_t verdict) {
  messages.beginNetfilter(NFNL_SUBSYS_QUEUE, type, 0, 0, AF_UNSPEC, queue);
  const nfqnl_msg_verdict_hdr header{htonl(verdict), htonl(id)};
  messages.put(NFQA_VERDICT_HDR, &header, sizeof(header));
  messages.end();
}

}  // namespace

bool parseQueuedPacket(const Message& message, QueuedPacket& packet) {
  if (message.type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) return false;
  packet = {};
  bool hasId = false;
  AttributeReader attributes(netfilterAttributes(message));
  Attribute attribute;
  while (attributes.next(attribute)) {
    switch (attribute.type) {
      case NFQA_PACKET_HDR:
        hasId = attribute.value.has(0, sizeof(nfqnl_msg_packet_hdr));
        packet.id = attribute.value.be32(0);
        break;
      case NFQA_IFINDEX_INDEV:
        packet.inInterface = attribute.value.be32(0);
        break;
      case NFQA_PAYLOAD:
        packet.payload = attribute.value;
        break;
      default:
        break;
    }
  }
  return hasId;
}

void writeBind(MessageWriter& messages, uint32_t sequence, const QueueSettings& settings) {
  messages.beginNetfilter(NFNL_SUBSYS_QUEUE, NFQNL_MSG_CONFIG, NLM_F_ACK, sequence, AF_UNSPEC, settings.number);
  nfqnl_msg_config_cmd command{};
  command.command = NFQNL_CFG_CMD_BIND;
  command.pf = htons(AF_INET);
  messages.put(NFQA_CFG_CMD, &command, sizeof(command));
  nfqnl_msg_config_params parameters{};
  parameters.copy_range = htonl(settings.copyRange);
  parameters.copy_mode = NFQNL_COPY_PACKET;
  messages.put(NFQA_CFG_PARAMS, &parameters, sizeof(parameters));
  messages.putBe32(NFQA_CFG_QUEUE_MAXLEN, settings.maxLength);
  // GSO: hand packets over as they are; without it the kernel computes each SYN's checksum for us in software.
  messages.putBe32(NFQA_CFG_FLAGS, NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO);
  messages.putBe32(NFQA_CFG_MASK, NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO);
  messages.end();
}

void writeVerdict(MessageWriter& messages, uint16_t queue, uint32_t id, uint32_t verdict) {
  writeVerdictMessage(messages, NFQNL_MSG_VERDICT, queue, id, verdict);
}

void writeVerdictUpTo(MessageWriter& messages, uint16_t queue, uint32_t lastId, uint32_t verdict) {
  writeVerdictMessage(messages, NFQNL_MSG_VERDICT_BATCH, queue, lastId, verdict);
}

}  // namespace minuteman
