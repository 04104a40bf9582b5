#include "messages/route_message.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace minuteman {

void writeRouteLookup(MessageWriter& messages, uint32_t sequence, uint32_t destination) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 32;
  messages.begin(RTM_GETROUTE, 0, sequence, &header, sizeof(header));
  messages.putBe32(RTA_DST, destination);
  messages.end();
}

bool parseRoute(const Message& message, Route& route) {
  if (message.type != RTM_NEWROUTE || !message.payload.has(0, sizeof(rtmsg))) return false;
  const uint8_t kind = message.payload.u8(offsetof(rtmsg, rtm_type));
  if (kind != RTN_UNICAST && kind != RTN_LOCAL) return false;
  route = {};
  route.local = kind == RTN_LOCAL;
  AttributeReader attributes(message.payload.slice(NLMSG_ALIGN(sizeof(rtmsg))));
  Attribute attribute;
  while (attributes.next(attribute)) {
    if (attribute.type == RTA_OIF) route.outInterface = attribute.value.u32(0);
    if (attribute.type == RTA_PREFSRC) route.source = attribute.value.be32(0);
  }
  return true;
}

}  // namespace minuteman
