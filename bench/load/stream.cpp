// Bulk transfer over one connection, to see what carries an established flow.
//
//   stream receive --listen A:P              accepts and reads for ever; prints `listening`
//   stream send --target A:P --seconds S     sends for S seconds; a line of JSON every 20 ms:
//                                            {"atMs":<CLOCK_MONOTONIC>,"acked":<bytes the peer has acknowledged>}
//
// Acknowledged bytes, not sent ones: what waits in a socket buffer has gone nowhere yet.

#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.hpp"

namespace {

using load::nowNs;

int openSocket() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) load::dieOfErrno("socket");
  return descriptor;
}

int receive(int argc, char** argv) {
  sockaddr_in local{};
  load::readOptions(argc, argv, [&](const std::string& name, const std::string& value) {
    if (name != "--listen") return false;
    local = load::endpoint(name, value);
    return true;
  });
  if (local.sin_family == 0) load::die("--listen is missing");
  const int listener = openSocket();
  const int on = 1;
  if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) load::dieOfErrno("SO_REUSEADDR");
  if (bind(listener, reinterpret_cast<sockaddr*>(&local), sizeof local) < 0) load::dieOfErrno("bind");
  if (listen(listener, 16) < 0) load::dieOfErrno("listen");
  std::puts("listening");
  std::fflush(stdout);
  std::vector<char> buffer(1 << 20);
  for (;;) {
    const int peer = accept(listener, nullptr, nullptr);
    if (peer < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (peer < 0) load::dieOfErrno("accept");
    while (recv(peer, buffer.data(), buffer.size(), 0) > 0) {
    }
    close(peer);
  }
}

unsigned long long acknowledged(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) load::dieOfErrno("TCP_INFO");
  return info.tcpi_bytes_acked;
}

int send(int argc, char** argv) {
  sockaddr_in target{};
  long seconds = 0;
  load::readOptions(argc, argv, [&](const std::string& name, const std::string& value) {
    if (name == "--target") {
      target = load::endpoint(name, value);
    } else if (name == "--seconds") {
      seconds = load::number(name, value, 1, 600);
    } else {
      return false;
    }
    return true;
  });
  if (target.sin_family == 0 || seconds == 0) load::die("send needs --target and --seconds");
  const int descriptor = openSocket();
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&target), sizeof target) < 0) load::dieOfErrno("connect");
  const std::vector<char> buffer(256 << 10, 's');
  const int64_t endNs = nowNs() + seconds * 1'000'000'000;
  int64_t reportNs = 0;
  for (int64_t now = nowNs(); now < endNs; now = nowNs()) {
    if (now >= reportNs) {
      std::printf("{\"atMs\":%.3f,\"acked\":%llu}\n", static_cast<double>(now) / 1e6, acknowledged(descriptor));
      std::fflush(stdout);
      reportNs = now + 20'000'000;
    }
    // Not blocking for ever: a connection that hangs must show as samples that stand still, not as silence.
    pollfd room{descriptor, POLLOUT, 0};
    if (poll(&room, 1, 20) < 0 && errno != EINTR) load::dieOfErrno("poll");
    if ((room.revents & POLLOUT) == 0) continue;
    if (::send(descriptor, buffer.data(), buffer.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != EINTR) {
      load::dieOfErrno("send");
    }
  }
  close(descriptor);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "receive") return receive(argc - 1, argv + 1);
  if (mode == "send") return send(argc - 1, argv + 1);
  load::die("stream receive --listen A:P | stream send --target A:P --seconds S");
}
