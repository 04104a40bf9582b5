#include "handshake_log.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>

#include "clocks.h"
#include "messages/log_message.h"
#include "messages/tcp_packet.h"

namespace minuteman {

namespace {
// An IP header without options and what a TCP header says of a handshake; some room for options.
constexpr uint32_t COPY_RANGE = 60;
constexpr size_t DATAGRAM_BYTES = 2048;
constexpr size_t DATAGRAMS = 16;
// A packet that seems to have waited longer came by while the wall clock was set.
constexpr double AGE_MOST_MS = 1000;
constexpr double LOST = -1;
// After a reading with this many answers none are read for a moment, so that a busy daemon is woken for its SYNs and not
// for each datagram of answers: it is the packets' own stamps that say when they came.
constexpr size_t BUSY_ROWS = LOG_THRESHOLD;
constexpr uint64_t PAUSE_MS = 2;
}  // namespace

Napi::Function HandshakeLog::define(Napi::Env env) {
  return DefineClass(env, "HandshakeLog",
                     {InstanceMethod<&HandshakeLog::receive>("receive"),
                      InstanceMethod<&HandshakeLog::close>("close")});
}

HandshakeLog::HandshakeLog(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<HandshakeLog>(info),
      tableObject_(Napi::Persistent(info[0].As<Napi::Object>())),
      table_(*ConntrackTable::Unwrap(tableObject_.Value())),
      deliver_(info.Env(), "minuteman:handshakes"),
      datagrams_(DATAGRAMS, DATAGRAM_BYTES) {
  const Napi::Env env = info.Env();
  const auto group = static_cast<uint16_t>(info[1].ToNumber().Uint32Value());
  const auto receiveBytes = info[2].ToNumber().Int32Value();
  translated(env, [&] {
    socket_ = std::make_unique<NetlinkSocket>(NETLINK_NETFILTER, 0, receiveBytes);
    bindGroup(group);
    table_.expectAnswers();
    poll_ = std::make_unique<DescriptorPoll>(env, socket_->descriptor(), false, [this] { readAnswers(); });
  });
  auto records = Napi::Float64Array::New(env, BATCH * COLUMNS);
  records_ = records.Data();
  const auto fixed = static_cast<napi_property_attributes>(napi_enumerable);
  Value().DefineProperty(Napi::PropertyDescriptor::Value("records", records, fixed));
}

// Packets that come before the acknowledgement are let go: nothing was mapped by us yet that they could answer.
void HandshakeLog::bindGroup(uint16_t group) {
  MessageWriter request;
  writeLogBind(request, 1, group, COPY_RANGE);
  std::vector<uint8_t> buffer(4096);
  const int error = socket_->request(request, buffer, [](const Message&) {});
  if (error != 0 && error != ENOBUFS) throw KernelFailure{error, "binding a log group"};
}

void HandshakeLog::receive(const Napi::CallbackInfo& info) { deliver_.set(info[0].As<Napi::Function>()); }

void HandshakeLog::readAnswers() {
  size_t rows = 0;
  bool lost = false;
  stamped_ = true;
  while (rows + DATAGRAMS * LOG_THRESHOLD <= BATCH) {
    const int count = datagrams_.receive(socket_->descriptor());
    if (count == -ENOBUFS) {
      lost = true;
      continue;
    }
    if (count <= 0) break;
    monotonicMs_ = monotonicMs();
    wallMs_ = wallMs();
    for (int i = 0; i < count; i += 1) rows = readDatagram(datagrams_.datagram(i), rows);
    if (count < datagrams_.capacity()) break;
  }
  if (rows >= BUSY_ROWS && stamped_) poll_->pause(PAUSE_MS);
  if (rows > 0) deliver_.call(static_cast<double>(rows));
  if (lost) deliver_.call(LOST);
}

// Appends the datagram's answers to the records; the kernel puts several packets into a datagram.
size_t HandshakeLog::readDatagram(Bytes datagram, size_t rows) {
  MessageReader reader(datagram);
  Message message;
  while (rows < BATCH && reader.next(message)) {
    LoggedPacket packet;
    if (!parseLoggedPacket(message, packet)) continue;
    const auto tcp = parseTcp(packet.payload);
    if (!tcp || !(tcp->accepts() || tcp->refuses())) continue;
    const auto flow = table_.answered(tcp->source, tcp->destination);
    if (!flow) continue;
    stamped_ = stamped_ && packet.wallMs != 0;
    const double ageMs = packet.wallMs == 0 ? 0 : std::clamp(wallMs_ - packet.wallMs, 0.0, AGE_MOST_MS);
    double* row = records_ + rows * COLUMNS;
    row[0] = tcp->accepts() ? 0 : 1;
    row[1] = flow->client.number();
    row[2] = flow->destination.number();
    row[3] = tcp->source.number();
    row[4] = monotonicMs_ - ageMs;
    rows += 1;
  }
  return rows;
}

void HandshakeLog::close(const Napi::CallbackInfo&) {
  poll_.reset();
  // Closing the socket frees the group.
  socket_.reset();
  deliver_.clear();
}

}  // namespace minuteman
