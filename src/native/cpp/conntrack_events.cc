#include "conntrack_events.h"

#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netlink.h>

#include <cerrno>

#include "monotonic_clock.h"

namespace minuteman {

namespace {
constexpr size_t DATAGRAM_BYTES = 512;
constexpr size_t DATAGRAMS = 64;
constexpr double LOST = -1;
}  // namespace

Napi::Function ConntrackEvents::define(Napi::Env env) {
  return DefineClass(env, "ConntrackEvents",
                     {InstanceMethod<&ConntrackEvents::receive>("receive"),
                      InstanceMethod<&ConntrackEvents::close>("close")});
}

ConntrackEvents::ConntrackEvents(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ConntrackEvents>(info),
      deliver_(info.Env(), "minuteman:conntrack-events"),
      datagrams_(DATAGRAMS, DATAGRAM_BYTES) {
  const Napi::Env env = info.Env();
  const auto receiveBytes = info[0].ToNumber().Int32Value();
  translated(env, [&] {
    // No NEW: we made the entry ourselves, and each event costs the kernel time to build.
    constexpr uint32_t groups = NF_NETLINK_CONNTRACK_UPDATE | NF_NETLINK_CONNTRACK_DESTROY;
    socket_ = std::make_unique<NetlinkSocket>(NETLINK_NETFILTER, groups, receiveBytes);
    size_t instructions = 0;
    const sock_filter* filter = handshakeFilter(instructions);
    socket_->attachFilter(filter, instructions);
    poll_ = std::make_unique<DescriptorPoll>(env, socket_->descriptor(), false, [this] { readEvents(); });
  });
  auto records = Napi::Float64Array::New(env, BATCH * COLUMNS);
  records_ = records.Data();
  const auto fixed = static_cast<napi_property_attributes>(napi_enumerable);
  Value().DefineProperty(Napi::PropertyDescriptor::Value("records", records, fixed));
}

void ConntrackEvents::receive(const Napi::CallbackInfo& info) { deliver_.set(info[0].As<Napi::Function>()); }

void ConntrackEvents::readEvents() {
  size_t rows = 0;
  bool lost = false;
  while (rows + DATAGRAMS <= BATCH) {
    const int count = datagrams_.receive(socket_->descriptor());
    if (count == -ENOBUFS) {
      lost = true;
      continue;
    }
    if (count <= 0) break;
    const double nowMs = monotonicMs();
    for (int i = 0; i < count; i += 1) rows = readDatagram(datagrams_.datagram(i), nowMs, rows);
    if (count < datagrams_.capacity()) break;
  }
  if (rows > 0) deliver_.call(static_cast<double>(rows));
  if (lost) deliver_.call(LOST);
}

// Appends the datagram's events to the records; the kernel puts one event into a datagram.
size_t ConntrackEvents::readDatagram(Bytes datagram, double nowMs, size_t rows) {
  MessageReader reader(datagram);
  Message message;
  while (rows < BATCH && reader.next(message)) {
    ConntrackEntry entry;
    if (!parseEntry(message, entry)) continue;
    const Handshake handshake = handshakeOf(message, entry);
    if (handshake == Handshake::none) continue;
    double* row = records_ + rows * COLUMNS;
    row[0] = handshake == Handshake::answered ? 0 : 1;
    row[1] = entry.client.number();
    row[2] = entry.destination.number();
    row[3] = entry.backend.number();
    row[4] = nowMs;
    rows += 1;
  }
  return rows;
}

void ConntrackEvents::close(const Napi::CallbackInfo&) {
  poll_.reset();
  socket_.reset();
  deliver_.clear();
}

}  // namespace minuteman
