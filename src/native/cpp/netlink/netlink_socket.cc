#include "netlink/netlink_socket.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace minuteman {

NetlinkSocket::NetlinkSocket(int protocol, uint32_t groups, int receiveBufferBytes) {
  descriptor_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (descriptor_ < 0) throw KernelFailure{errno, "opening a netlink socket"};
  // The forced size needs CAP_NET_ADMIN; without it the system's maximum has to do.
  if (setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUFFORCE, &receiveBufferBytes, sizeof(receiveBufferBytes)) < 0) {
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receiveBufferBytes, sizeof(receiveBufferBytes));
  }
  // Errors then quote the header of the request only, not all of it.
  const int on = 1;
  setsockopt(descriptor_, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0) {
    const int error = errno;
    close(descriptor_);
    throw KernelFailure{error, "binding a netlink socket"};
  }
}

NetlinkSocket::~NetlinkSocket() { close(descriptor_); }

void NetlinkSocket::ignoreOverruns() {
  const int on = 1;
  setsockopt(descriptor_, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
}

uint32_t NetlinkSocket::dropped() const {
  uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof(memory);
  if (getsockopt(descriptor_, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

void NetlinkSocket::send(const MessageWriter& messages) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (;;) {
    const ssize_t sent = sendto(descriptor_, messages.data(), messages.size(), 0,
                                reinterpret_cast<sockaddr*>(&kernel), sizeof(kernel));
    if (sent >= 0) return;
    if (errno != EINTR) throw KernelFailure{errno, "sending a netlink request"};
  }
}

ssize_t NetlinkSocket::receive(std::vector<uint8_t>& buffer) {
  for (;;) {
    const ssize_t size = recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size >= 0) return size;
    if (errno != EINTR) return -errno;
  }
}

int NetlinkSocket::exchange(const MessageWriter& requests, std::vector<uint8_t>& buffer,
                            const std::function<void(const Message&)>& each) {
  send(requests);
  for (;;) {
    const ssize_t size = receive(buffer);
    if (size < 0) return size == -EAGAIN ? 0 : static_cast<int>(-size);
    MessageReader reader(Bytes(buffer.data(), static_cast<size_t>(size)));
    Message message;
    while (reader.next(message)) each(message);
  }
}

int NetlinkSocket::exchange(const MessageWriter& requests, DatagramBatch& datagrams,
                            const std::function<void(const Message&)>& each) {
  send(requests);
  for (;;) {
    const int count = datagrams.receive(descriptor_);
    if (count < 0) return count == -EAGAIN ? 0 : -count;
    for (int i = 0; i < count; i += 1) {
      MessageReader reader(datagrams.datagram(i));
      Message message;
      while (reader.next(message)) each(message);
    }
    if (count < datagrams.capacity()) return 0;
  }
}

int NetlinkSocket::request(const MessageWriter& request, std::vector<uint8_t>& buffer,
                           const std::function<void(const Message&)>& each) {
  int answer = 0;
  const int broken = exchange(request, buffer, [&](const Message& message) {
    if (message.type == NLMSG_ERROR || message.type == NLMSG_DONE) {
      if (answer == 0) answer = errorOf(message);
    } else {
      each(message);
    }
  });
  return answer != 0 ? answer : broken;
}

}  // namespace minuteman
