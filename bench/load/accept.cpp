// The backend of the benchmarks: accepts on one or several ports, answers each request, and leaves closing
// to the client. One thread, epoll. Prints `listening` when it can be reached, and on SIGTERM or SIGINT
// one line of JSON with what it counted.
//
//   accept [--address 0.0.0.0] --ports 8000[,8001...] [--request 64] [--reply 64] [--say TEXT]
//
// A request is `--request` bytes, the reply `--reply` bytes long, repeating `--say` (default "minuteman").

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.hpp"

namespace {

struct Options {
  std::string address = "0.0.0.0";
  std::vector<long> ports;
  long request = 64;
  long reply = 64;
  std::string say = "minuteman";
};

Options readOptions(int argc, char** argv) {
  Options options;
  load::readOptions(argc, argv, [&](const std::string& name, const std::string& value) {
    if (name == "--address") {
      options.address = value;
    } else if (name == "--ports") {
      for (const std::string& part : load::split(value, ',')) options.ports.push_back(load::number(name, part, 1, 65535));
    } else if (name == "--request") {
      options.request = load::number(name, value, 1, 4096);
    } else if (name == "--reply") {
      options.reply = load::number(name, value, 0, 4096);
    } else if (name == "--say") {
      if (value.empty()) load::die("--say must not be empty");
      options.say = value;
    } else {
      return false;
    }
    return true;
  });
  if (options.ports.empty()) load::die("--ports is missing");
  return options;
}

int listenOn(const std::string& address, long port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) load::dieOfErrno("socket");
  const int on = 1;
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) load::dieOfErrno("SO_REUSEADDR");
  const sockaddr_in local = load::address("--address", address, port);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&local), sizeof local) < 0) {
    load::dieOfErrno("cannot bind " + address + ":" + std::to_string(port));
  }
  if (listen(descriptor, 4096) < 0) load::dieOfErrno("listen");
  return descriptor;
}

enum class Kind : unsigned char { unused, listener, connection };

class Server {
 public:
  explicit Server(const Options& options) : options_(options) {
    while (static_cast<long>(reply_.size()) < options.reply) reply_ += options.say;
    reply_.resize(options.reply);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) load::dieOfErrno("epoll_create1");
    for (const long port : options.ports) watch(listenOn(options.address, port), Kind::listener);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    if (sigprocmask(SIG_BLOCK, &ends, nullptr) < 0) load::dieOfErrno("sigprocmask");
    signals_ = signalfd(-1, &ends, SFD_CLOEXEC);
    if (signals_ < 0) load::dieOfErrno("signalfd");
    watch(signals_, Kind::unused);
  }

  void run() {
    std::puts("listening");
    std::fflush(stdout);
    epoll_event events[256];
    for (;;) {
      const int ready = epoll_wait(epoll_, events, 256, -1);
      if (ready < 0 && errno != EINTR) load::dieOfErrno("epoll_wait");
      for (int at = 0; at < ready; at++) {
        const int descriptor = events[at].data.fd;
        if (descriptor == signals_) return;
        if (kinds_[descriptor] == Kind::listener) {
          acceptAll(descriptor);
        } else if (kinds_[descriptor] == Kind::connection) {
          answer(descriptor);
        }
      }
    }
  }

  void print() const {
    std::printf("{\"accepted\":%llu,\"answered\":%llu,\"orderly\":%llu,\"reset\":%llu}\n", accepted_, answered_, orderly_, reset_);
  }

 private:
  void watch(int descriptor, Kind kind) {
    if (kinds_.size() <= static_cast<size_t>(descriptor)) {
      kinds_.resize(descriptor + 1, Kind::unused);
      received_.resize(descriptor + 1, 0);
    }
    kinds_[descriptor] = kind;
    received_[descriptor] = 0;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) < 0) load::dieOfErrno("epoll_ctl");
  }

  void acceptAll(int listener) {
    for (;;) {
      const int descriptor = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
      if (descriptor < 0 && errno == EAGAIN) return;
      if (descriptor < 0) load::dieOfErrno("accept4");
      accepted_++;
      watch(descriptor, Kind::connection);
    }
  }

  void answer(int descriptor) {
    char buffer[4096];
    const ssize_t got = recv(descriptor, buffer, sizeof buffer, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      (got == 0 ? orderly_ : reset_)++;
      return end(descriptor);
    }
    received_[descriptor] += got;
    while (received_[descriptor] >= options_.request) {
      received_[descriptor] -= options_.request;
      if (send(descriptor, reply_.data(), reply_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(reply_.size())) {
        reset_++;
        return end(descriptor);
      }
      answered_++;
    }
  }

  void end(int descriptor) {
    kinds_[descriptor] = Kind::unused;
    close(descriptor);
  }

  const Options options_;
  std::string reply_;
  int epoll_ = -1;
  int signals_ = -1;
  std::vector<Kind> kinds_;
  std::vector<long> received_;
  unsigned long long accepted_ = 0;
  unsigned long long answered_ = 0;
  unsigned long long orderly_ = 0;
  unsigned long long reset_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Server server(readOptions(argc, argv));
  server.run();
  server.print();
  return 0;
}
