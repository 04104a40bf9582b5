#include "netlink/message_reader.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace minuteman {

bool MessageReader::next(Message& message) {
  if (!rest_.has(0, NLMSG_HDRLEN)) return false;
  const size_t length = rest_.u32(0);
  if (length < NLMSG_HDRLEN || !rest_.has(0, length)) return false;
  message.type = rest_.u16(4);
  message.flags = rest_.u16(6);
  message.sequence = rest_.u32(8);
  message.payload = rest_.slice(NLMSG_HDRLEN, length - NLMSG_HDRLEN);
  rest_ = rest_.slice(NLMSG_ALIGN(length));
  return true;
}

int errorOf(const Message& message) {
  const int32_t error = message.payload.i32(0);
  return error < 0 && error != INT32_MIN ? -error : 0;
}

bool AttributeReader::next(Attribute& attribute) {
  if (!rest_.has(0, NLA_HDRLEN)) return false;
  const size_t length = rest_.u16(0);
  if (length < NLA_HDRLEN || !rest_.has(0, length)) return false;
  attribute.type = rest_.u16(2) & NLA_TYPE_MASK;
  attribute.value = rest_.slice(NLA_HDRLEN, length - NLA_HDRLEN);
  rest_ = rest_.slice(NLA_ALIGN(length));
  return true;
}

Bytes findAttribute(Bytes attributes, uint16_t type) {
  AttributeReader reader(attributes);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (attribute.type == type) return attribute.value;
  }
  return {};
}

Bytes netfilterAttributes(const Message& message) {
  return message.payload.slice(NLMSG_ALIGN(sizeof(nfgenmsg)));
}

}  // namespace minuteman
