#pragma once

#include <napi.h>

#include <memory>

#include "conntrack_table.h"
#include "descriptor_poll.h"
#include "javascript.h"
#include "netlink/datagram_batch.h"
#include "netlink/netlink_socket.h"

namespace minuteman {

// What becomes of our handshakes: rules log (NFLOG) the answers to entries of ours, and the table of connections
// knows whose answers they are. Batches go to JavaScript as rows in `records`, one call a batch; a call with -1
// says that the kernel lost some.
class HandshakeLog : public Napi::ObjectWrap<HandshakeLog> {
 public:
  static Napi::Function define(Napi::Env env);
  // (the ConntrackTable that makes the entries, the log group, bytes of the socket's receive buffer)
  explicit HandshakeLog(const Napi::CallbackInfo& info);

  // Columns of a record: 0 answered or 1 refused, client, destination, backend, time in milliseconds.
  static constexpr size_t COLUMNS = 5;
  static constexpr size_t BATCH = 256;

 private:
  void receive(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void bindGroup(uint16_t group);
  void readAnswers();
  size_t readDatagram(Bytes datagram, size_t rows);

  // Keeps `table_` alive.
  Napi::ObjectReference tableObject_;
  ConntrackTable& table_;
  std::unique_ptr<NetlinkSocket> socket_;
  std::unique_ptr<DescriptorPoll> poll_;
  Callback deliver_;
  DatagramBatch datagrams_;
  double* records_ = nullptr;
  // The two clocks at the reading of a batch, in milliseconds.
  double monotonicMs_ = 0;
  double wallMs_ = 0;
  // Whether all of a batch bear a stamp: those that do not have the time of their reading.
  bool stamped_ = true;
};

}  // namespace minuteman
