#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "descriptor_poll.h"
#include "held_packets.h"
#include "javascript.h"
#include "netlink/datagram_batch.h"
#include "netlink/netlink_socket.h"

namespace minuteman {

// One NFQUEUE. Packets are read in batches and handed to JavaScript as rows of numbers in `records`, memory
// that both sides share, with one call a batch; verdicts go back as ids in `ids`. A packet stays held
// here from its reading to its verdict, so that whoever decides may crash and ask again.
class PacketQueue : public Napi::ObjectWrap<PacketQueue> {
 public:
  static Napi::Function define(Napi::Env env);
  // (number, maximum length, bytes of the socket's receive buffer)
  explicit PacketQueue(const Napi::CallbackInfo& info);

  // Columns of a record: id, client, destination, interface, arrival in milliseconds.
  static constexpr size_t COLUMNS = 5;
  static constexpr size_t BATCH = 256;

 private:
  void receive(const Napi::CallbackInfo& info);
  void verdict(const Napi::CallbackInfo& info);
  Napi::Value outstanding(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  Napi::Value descriptor(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void bindQueue(uint32_t maxLength);
  void readPackets();
  size_t readDatagram(Bytes datagram, double nowMs, size_t rows);
  void sendUnaskedVerdicts();

  const uint16_t number_;
  std::unique_ptr<NetlinkSocket> socket_;
  std::unique_ptr<DescriptorPoll> poll_;
  Callback deliver_;
  DatagramBatch datagrams_;
  HeldPackets held_;
  MessageWriter verdicts_;
  // Verdicts for what is no SYN, given without asking JavaScript.
  MessageWriter unasked_;
  std::vector<uint32_t> decided_;
  // A moving average of SYNs in a batch.
  double usualBatch_ = 1;
  double* records_ = nullptr;
  uint32_t* ids_ = nullptr;
  double received_ = 0;
  double unreadable_ = 0;
};

}  // namespace minuteman
