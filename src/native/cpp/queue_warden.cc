// Lets go the packets that the kernel holds for a daemon that stands still: stopped, or busy for seconds.
//
// The rules stop queueing by themselves then. But what is queued already stays so, and a client on this host
// does not even send its SYN again meanwhile: its kernel sees that the first one has not left yet. A stopped
// process can do nothing about it, so this is one of its own; it shares the daemon's queue sockets.
//
//   queue_warden SILENCE_MS FIRST_DESCRIPTOR COUNT
//
// Each byte on standard input says that the daemon is alive. After SILENCE_MS without one, everything held on
// the COUNT sockets is accepted, unmapped, and what they had to tell of it is thrown away, so that the daemon
// does not place connections of yore when it goes on. The end of standard input is the end of the daemon, and
// ours: our copies of the sockets would keep its queues bound.

#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "messages/queue_message.h"
#include "netlink/message_writer.h"

namespace {

// How often to look again while the daemon stays silent.
constexpr int SWEEP_MS = 500;
// More than a queue holds, so that a drain ends even if packets keep coming.
constexpr int DATAGRAMS_MOST = 100'000;

uint32_t portOf(int descriptor) {
  sockaddr_nl address{};
  socklen_t size = sizeof(address);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) < 0) return 0;
  return address.nl_pid;
}

void drain(int descriptor) {
  char first;
  for (int i = 0; i < DATAGRAMS_MOST; i += 1) {
    if (recv(descriptor, &first, sizeof(first), MSG_DONTWAIT) < 0 && errno != EINTR) return;
  }
}

// Accepts what the queue holds up to the id it gave last.
void acceptAll(int descriptor, uint16_t queue, uint32_t lastId) {
  minuteman::MessageWriter verdict;
  minuteman::writeVerdictUpTo(verdict, queue, lastId, NF_ACCEPT);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  // In vain now, it is done at the next sweep.
  sendto(descriptor, verdict.data(), verdict.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&kernel),
         sizeof(kernel));
}

void release(int firstDescriptor, int count) {
  // Columns: number, port id, depth, copy mode, copy range, dropped, dropped, last id, 1.
  FILE* queues = fopen("/proc/self/net/netfilter/nfnetlink_queue", "r");
  if (queues == nullptr) return;
  unsigned number, port, depth, lastId;
  while (fscanf(queues, "%u %u %u %*u %*u %*u %*u %u %*u", &number, &port, &depth, &lastId) == 4) {
    if (depth == 0) continue;
    for (int descriptor = firstDescriptor; descriptor < firstDescriptor + count; descriptor += 1) {
      if (portOf(descriptor) != port) continue;
      drain(descriptor);
      acceptAll(descriptor, static_cast<uint16_t>(number), lastId);
    }
  }
  fclose(queues);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: queue_warden SILENCE_MS FIRST_DESCRIPTOR COUNT; the daemon starts it\n");
    return 2;
  }
  const int silenceMs = atoi(argv[1]);
  const int firstDescriptor = atoi(argv[2]);
  const int count = atoi(argv[3]);
  // Sooner than the end of standard input tells.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int patienceMs = silenceMs;
  for (;;) {
    pollfd beats{STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&beats, 1, patienceMs);
    if (ready == 0) {
      release(firstDescriptor, count);
      patienceMs = SWEEP_MS;
      continue;
    }
    char bytes[64];
    const ssize_t size = ready < 0 ? -1 : read(STDIN_FILENO, bytes, sizeof(bytes));
    if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) return 0;
    if (size > 0) patienceMs = silenceMs;
  }
}
