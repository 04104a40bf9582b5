#pragma once

#include <napi.h>

#include <memory>

#include "descriptor_poll.h"
#include "javascript.h"
#include "messages/conntrack_message.h"
#include "netlink/datagram_batch.h"
#include "netlink/netlink_socket.h"

namespace minuteman {

// What becomes of our handshakes, as the kernel tells it, filtered in the kernel. Batches go to JavaScript as
// rows in `records`, one call a batch; a call with -1 says that the kernel lost events.
class ConntrackEvents : public Napi::ObjectWrap<ConntrackEvents> {
 public:
  static Napi::Function define(Napi::Env env);
  // (bytes of the socket's receive buffer)
  explicit ConntrackEvents(const Napi::CallbackInfo& info);

  // Columns of a record: 0 answered or 1 refused, client, destination, backend, time in milliseconds.
  static constexpr size_t COLUMNS = 5;
  static constexpr size_t BATCH = 256;

 private:
  void receive(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void readEvents();
  size_t readDatagram(Bytes datagram, double nowMs, size_t rows);

  std::unique_ptr<NetlinkSocket> socket_;
  std::unique_ptr<DescriptorPoll> poll_;
  Callback deliver_;
  DatagramBatch datagrams_;
  double* records_ = nullptr;
};

}  // namespace minuteman
