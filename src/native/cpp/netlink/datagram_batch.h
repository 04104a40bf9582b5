#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "netlink/bytes.h"

namespace minuteman {

// Buffers for `recvmmsg`: many datagrams for one system call, and no allocation after the first.
class DatagramBatch {
 public:
  DatagramBatch(size_t datagrams, size_t bytesEach)
      : bytesEach_(bytesEach), storage_(datagrams * bytesEach), vectors_(datagrams), headers_(datagrams) {
    for (size_t i = 0; i < datagrams; i += 1) {
      vectors_[i] = {storage_.data() + i * bytesEach_, bytesEach_};
      headers_[i].msg_hdr.msg_iov = &vectors_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  DatagramBatch(const DatagramBatch&) = delete;
  DatagramBatch& operator=(const DatagramBatch&) = delete;

  int capacity() const { return static_cast<int>(headers_.size()); }

  // How many datagrams were read; fewer than the capacity means that the socket is empty. Or a negative
  // errno, -EAGAIN if there was none. An error behind the first datagram is kept by the kernel for the next call.
  int receive(int descriptor) {
    for (;;) {
      const int count = recvmmsg(descriptor, headers_.data(), static_cast<unsigned>(headers_.size()),
                                 MSG_DONTWAIT, nullptr);
      if (count >= 0) return count;
      if (errno != EINTR) return -errno;
    }
  }

  // Datagram `index` of the last call; what was longer than its buffer is cut off.
  Bytes datagram(int index) const {
    const auto at = static_cast<size_t>(index);
    return {storage_.data() + at * bytesEach_, headers_[at].msg_len};
  }

 private:
  size_t bytesEach_;
  std::vector<uint8_t> storage_;
  std::vector<iovec> vectors_;
  std::vector<mmsghdr> headers_;
};

}  // namespace minuteman
