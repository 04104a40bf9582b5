// Opens new TCP connections as fast as a fixed number of them at a time allows: connect, send a request,
// read the reply, close. epoll; concurrency, count, rate and ports are shared out evenly among the threads.
// When time or count is used up it prints one line of JSON.
//
//   connect --target A:P[,A:P...] [--concurrency 64] [--threads 1] [--duration-ms 3000] [--count N]
//           [--rate N] [--request 64] [--reply 64] [--close rst|fin] [--source A] [--ports LOW-HIGH] [--timeout-ms 3000]
//
// Targets are taken in turn. `--reply 0 --request 0` leaves out the exchange: the connection is closed as
// soon as it stands. `--close rst` (SO_LINGER 0) leaves no TIME_WAIT behind, so a run is never short of
// ports; `--ports` binds explicit source ports in a cycle, each used again as soon as the cycle is through.
// `--rate` opens at most that many a second, evenly, for latency away from saturation.
//
// All durations are in microseconds from just before connect(): `connect` until the handshake is known to
// be done, `request` until the reply was read. `perSecond` counts what finished before the end of the run.
// `slow` are handshakes over 500 ms: a SYN was lost and sent again.

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <thread>

#include "command.hpp"
#include "histogram.hpp"

namespace {

using load::nowNs;

struct Options {
  std::vector<sockaddr_in> targets;
  long concurrency = 64;
  long threads = 1;
  long durationMs = 3000;
  long count = 0;
  long rate = 0;
  long request = 64;
  long reply = 64;
  bool reset = true;
  bool bound = false;
  sockaddr_in source{};
  long lowPort = 0;
  long highPort = 0;
  long timeoutMs = 3000;
};

Options readOptions(int argc, char** argv) {
  Options options;
  load::readOptions(argc, argv, [&](const std::string& name, const std::string& value) {
    if (name == "--target") {
      for (const std::string& part : load::split(value, ',')) options.targets.push_back(load::endpoint(name, part));
    } else if (name == "--concurrency") {
      options.concurrency = load::number(name, value, 1, 10000);
    } else if (name == "--threads") {
      options.threads = load::number(name, value, 1, 64);
    } else if (name == "--duration-ms") {
      options.durationMs = load::number(name, value, 1, 600'000);
    } else if (name == "--count") {
      options.count = load::number(name, value, 1, 100'000'000);
    } else if (name == "--rate") {
      options.rate = load::number(name, value, 1, 1'000'000);
    } else if (name == "--request") {
      options.request = load::number(name, value, 0, 4096);
    } else if (name == "--reply") {
      options.reply = load::number(name, value, 0, 4096);
    } else if (name == "--close") {
      if (value != "rst" && value != "fin") load::die("--close must be rst or fin, not " + value);
      options.reset = value == "rst";
    } else if (name == "--source") {
      options.source = load::address(name, value, 0);
      options.bound = true;
    } else if (name == "--ports") {
      const std::vector<std::string> ends = load::split(value, '-');
      if (ends.size() != 2) load::die("--ports must be LOW-HIGH, not " + value);
      options.lowPort = load::number(name, ends[0], 1, 65535);
      options.highPort = load::number(name, ends[1], options.lowPort, 65535);
    } else if (name == "--timeout-ms") {
      options.timeoutMs = load::number(name, value, 1, 60000);
    } else {
      return false;
    }
    return true;
  });
  if (options.targets.empty()) load::die("--target is missing");
  if (options.reply > 0 && options.request == 0) load::die("--reply without --request would wait for ever");
  if (options.lowPort > 0 && !options.bound) load::die("--ports needs --source");
  if (options.concurrency % options.threads != 0) load::die("--concurrency must be a multiple of --threads");
  if (options.lowPort > 0 && options.highPort - options.lowPort + 1 < 2 * options.concurrency) {
    load::die("--ports must hold at least twice --concurrency, or a port is bound while it is still in use");
  }
  return options;
}

// The part of the work that falls to one of the threads.
Options share(const Options& all, long thread) {
  Options own = all;
  own.concurrency = all.concurrency / all.threads;
  if (all.count > 0) own.count = all.count / all.threads + (thread < all.count % all.threads ? 1 : 0);
  if (all.rate > 0) own.rate = std::max(1l, all.rate / all.threads);
  if (all.lowPort > 0) {
    const long ports = (all.highPort - all.lowPort + 1) / all.threads;
    own.lowPort = all.lowPort + thread * ports;
    own.highPort = thread == all.threads - 1 ? all.highPort : own.lowPort + ports - 1;
  }
  return own;
}

struct Outcome {
  int64_t tookNs = 0;
  uint64_t started = 0;
  uint64_t completed = 0;
  uint64_t inTime = 0;
  uint64_t slow = 0;
  load::Histogram connect;
  load::Histogram request;
  std::map<std::string, uint64_t> errors;

  void add(const Outcome& other) {
    tookNs = std::max(tookNs, other.tookNs);
    started += other.started;
    completed += other.completed;
    inTime += other.inTime;
    slow += other.slow;
    connect.add(other.connect);
    request.add(other.request);
    for (const auto& [what, times] : other.errors) errors[what] += times;
  }

  void print() const {
    uint64_t failures = 0;
    std::string named;
    for (const auto& [what, times] : errors) {
      named += (named.empty() ? "" : ",") + ("\"" + what + "\":" + std::to_string(times));
      failures += times;
    }
    const double seconds = static_cast<double>(tookNs) / 1e9;
    std::printf(
        "{\"seconds\":%.3f,\"started\":%llu,\"completed\":%llu,\"perSecond\":%.1f,\"slow\":%llu,\"failures\":%llu,"
        "\"errors\":{%s},\"connect\":%s,\"request\":%s}\n",
        seconds, static_cast<unsigned long long>(started), static_cast<unsigned long long>(completed),
        seconds > 0 ? static_cast<double>(inTime) / seconds : 0, static_cast<unsigned long long>(slow),
        static_cast<unsigned long long>(failures), named.c_str(), connect.json().c_str(), request.json().c_str());
  }
};

enum class Stage { idle, connecting, replying };

struct Connection {
  int descriptor = -1;
  Stage stage = Stage::idle;
  long received = 0;
  int64_t startedNs = 0;
};

class Generator {
 public:
  explicit Generator(const Options& options)
      : options_(options), connections_(options.concurrency), request_(options.request, 'q'), port_(options.lowPort) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) load::dieOfErrno("epoll_create1");
  }

  void run() {
    beganNs_ = nowNs();
    const int64_t endNs = beganNs_ + options_.durationMs * 1'000'000;
    const int64_t graceNs = endNs + options_.timeoutMs * 1'000'000;
    int64_t sweepNs = beganNs_;
    std::vector<epoll_event> events(connections_.size());
    for (;;) {
      const int64_t now = nowNs();
      if (!over_ && (now >= endNs || allStarted())) over_ = true;
      if (!over_ || now < endNs) outcome_.tookNs = now - beganNs_;
      if (!over_) startIdle(now);
      if (busy_ == 0 && over_) return;
      if (now >= graceNs) return abandon();
      if (now - sweepNs > 20'000'000) {
        sweep(now);
        sweepNs = now;
      }
      const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), waitMs());
      if (ready < 0 && errno != EINTR) load::dieOfErrno("epoll_wait");
      inWindow_ = nowNs() < endNs;
      for (int at = 0; at < ready; at++) advance(connections_[events[at].data.u32], events[at].events);
    }
  }

  const Outcome& outcome() const { return outcome_; }

 private:
  bool allStarted() const { return options_.count > 0 && outcome_.started >= static_cast<uint64_t>(options_.count); }

  bool dueAt(int64_t now) const {
    if (options_.rate == 0) return true;
    return static_cast<double>(outcome_.started) <= static_cast<double>(now - beganNs_) * 1e-9 * static_cast<double>(options_.rate);
  }

  int waitMs() const { return options_.rate > 0 && !over_ ? 1 : 20; }

  void startIdle(int64_t now) {
    if (busy_ == options_.concurrency) return;
    for (Connection& connection : connections_) {
      if (connection.stage == Stage::idle && !allStarted() && dueAt(now)) start(connection);
    }
  }

  // A slot that could not even start stays idle and is tried again on the next turn of the loop.
  void start(Connection& connection) {
    const sockaddr_in& target = options_.targets[outcome_.started % options_.targets.size()];
    outcome_.started++;
    connection.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection.descriptor < 0) return fail(connection, "socket", errno);
    const int on = 1;
    if (options_.reset) {
      const linger hard{1, 0};
      if (setsockopt(connection.descriptor, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) < 0) load::dieOfErrno("SO_LINGER");
    }
    if (options_.bound) {
      sockaddr_in source = options_.source;
      if (options_.lowPort > 0) {
        source.sin_port = htons(static_cast<uint16_t>(port_));
        port_ = port_ == options_.highPort ? options_.lowPort : port_ + 1;
        if (setsockopt(connection.descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) load::dieOfErrno("SO_REUSEADDR");
      } else if (setsockopt(connection.descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0) {
        load::dieOfErrno("IP_BIND_ADDRESS_NO_PORT");
      }
      if (bind(connection.descriptor, reinterpret_cast<sockaddr*>(&source), sizeof source) < 0) {
        return fail(connection, "bind", errno);
      }
    }
    connection.startedNs = nowNs();
    const int result = ::connect(connection.descriptor, reinterpret_cast<const sockaddr*>(&target), sizeof target);
    if (result < 0 && errno != EINPROGRESS) return fail(connection, "connect", errno);
    connection.stage = Stage::connecting;
    connection.received = 0;
    busy_++;
    // Edge-triggered for both directions, so that one registration serves the connection's whole life.
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.u32 = static_cast<uint32_t>(&connection - connections_.data());
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.descriptor, &event) < 0) load::dieOfErrno("epoll_ctl");
  }

  void advance(Connection& connection, uint32_t events) {
    if (connection.stage == Stage::idle) return;
    if (connection.stage == Stage::connecting) {
      const int64_t now = nowNs();
      int error = 0;
      socklen_t size = sizeof error;
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        if (getsockopt(connection.descriptor, SOL_SOCKET, SO_ERROR, &error, &size) < 0) load::dieOfErrno("SO_ERROR");
        return fail(connection, "connect", error == 0 ? ECONNRESET : error);
      }
      if ((events & EPOLLOUT) == 0) return;
      const int64_t took = now - connection.startedNs;
      outcome_.connect.add(took);
      if (took > 500'000'000) outcome_.slow++;
      if (options_.request == 0) return finish(connection);
      connection.stage = Stage::replying;
      const ssize_t sent = send(connection.descriptor, request_.data(), request_.size(), MSG_NOSIGNAL);
      if (sent < 0) return fail(connection, "send", errno);
      if (sent != static_cast<ssize_t>(request_.size())) return fail(connection, "send", ENOBUFS);
      if (options_.reply == 0) return finish(connection);
      if ((events & EPOLLIN) == 0) return;
    }
    char buffer[4096];
    for (;;) {
      const ssize_t got = recv(connection.descriptor, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got < 0) return fail(connection, "recv", errno);
      if (got == 0) return fail(connection, "recv", EPIPE);
      connection.received += got;
      if (connection.received >= options_.reply) return finish(connection);
    }
  }

  void finish(Connection& connection) {
    outcome_.request.add(nowNs() - connection.startedNs);
    outcome_.completed++;
    if (inWindow_) outcome_.inTime++;
    release(connection);
  }

  void fail(Connection& connection, const char* where, int error) {
    const char* name = strerrorname_np(error);
    outcome_.errors[std::string(where) + " " + (name == nullptr ? std::to_string(error) : name)]++;
    release(connection);
  }

  void release(Connection& connection) {
    if (connection.descriptor >= 0) close(connection.descriptor);
    connection.descriptor = -1;
    if (connection.stage != Stage::idle) busy_--;
    connection.stage = Stage::idle;
  }

  void sweep(int64_t now) {
    for (Connection& connection : connections_) {
      if (connection.stage == Stage::idle || now - connection.startedNs < options_.timeoutMs * 1'000'000) continue;
      fail(connection, connection.stage == Stage::connecting ? "connect" : "recv", ETIMEDOUT);
    }
  }

  void abandon() {
    for (Connection& connection : connections_) {
      if (connection.stage != Stage::idle) fail(connection, "unfinished", ETIMEDOUT);
    }
  }

  const Options options_;
  std::vector<Connection> connections_;
  const std::string request_;
  long port_;
  int epoll_ = -1;
  long busy_ = 0;
  bool over_ = false;
  bool inWindow_ = true;
  int64_t beganNs_ = 0;
  Outcome outcome_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = readOptions(argc, argv);
  std::vector<std::unique_ptr<Generator>> generators;
  for (long at = 0; at < options.threads; at++) generators.push_back(std::make_unique<Generator>(share(options, at)));
  std::vector<std::thread> threads;
  for (auto& generator : generators) threads.emplace_back([&generator] { generator->run(); });
  for (std::thread& thread : threads) thread.join();
  Outcome all;
  for (const auto& generator : generators) all.add(generator->outcome());
  all.print();
  return 0;
}
