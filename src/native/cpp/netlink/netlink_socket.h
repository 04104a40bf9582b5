#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "netlink/bytes.h"
#include "netlink/datagram_batch.h"
#include "netlink/kernel_failure.h"
#include "netlink/message_reader.h"
#include "netlink/message_writer.h"

namespace minuteman {

// A non-blocking netlink socket in the network namespace of the calling thread. The kernel carries a
// request out inside `send`, so its answer is there to be read when `send` returns.
class NetlinkSocket {
 public:
  // `groups` is the mask of the first 32 multicast groups (bit n-1 is group n). Throws KernelFailure.
  NetlinkSocket(int protocol, uint32_t groups, int receiveBufferBytes);
  ~NetlinkSocket();
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  int descriptor() const { return descriptor_; }

  // From now on an overrun loses the datagrams that found no room, and only those. Without it the kernel
  // refuses everything until the receiver has read the socket empty.
  void ignoreOverruns();
  // Datagrams lost for lack of room since the socket was made.
  uint32_t dropped() const;

  // Throws KernelFailure.
  void send(const MessageWriter& messages);
  // The next datagram into `buffer`: its size, or a negative errno (-EAGAIN: none is there). What does not
  // fit into the buffer is cut off.
  ssize_t receive(std::vector<uint8_t>& buffer);

  // Sends requests and hands every message of the answer to `each`, errors and acknowledgements too, until
  // there are no more. Answers 0, or the errno at which reading ended.
  int exchange(const MessageWriter& requests, std::vector<uint8_t>& buffer,
               const std::function<void(const Message&)>& each);
  // The same for requests whose answers are many and small.
  int exchange(const MessageWriter& requests, DatagramBatch& datagrams,
               const std::function<void(const Message&)>& each);
  // The same for a single request: answers the errno the kernel gave, 0 if none; `each` sees the rest. Of several
  // requests it answers the first errno.
  int request(const MessageWriter& request, std::vector<uint8_t>& buffer,
              const std::function<void(const Message&)>& each);

 private:
  int descriptor_;
};

}  // namespace minuteman
