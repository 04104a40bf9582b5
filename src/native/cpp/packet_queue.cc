#include "packet_queue.h"

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include <utility>

#include "clocks.h"
#include "messages/queue_message.h"
#include "messages/tcp_packet.h"

namespace minuteman {

namespace {

// The longest IP header and the part of the TCP header that says what a packet is.
constexpr uint32_t COPY_RANGE = 120;
// A queue message with its attributes and 120 bytes of packet takes some 300 bytes.
constexpr size_t DATAGRAM_BYTES = 512;
constexpr size_t DATAGRAMS = 64;
// While SYNs wait for their verdicts no further ones are read: under load they gather in the kernel meanwhile, and a
// large batch costs less for each than a small one. But others need not wait for long where a balancer has crashed.
constexpr uint64_t PATIENCE_MS = 10;
// Nor are any read for this long after the verdicts while batches are of several SYNs: to wake the daemon costs as much as
// to place five, and so the more come the less often it is woken. One SYN at a time never waits for another.
constexpr uint32_t GATHER_US = 200;
constexpr double SEVERAL = 3;
// How much of the usual length of a batch is that of the last one.
constexpr double NEWS = 0.25;

void writeRow(double* row, const HeldPacket& packet) {
  row[0] = packet.id;
  row[1] = packet.client.number();
  row[2] = packet.destination.number();
  row[3] = packet.inInterface;
  row[4] = packet.arrivedMs;
}

}  // namespace

Napi::Function PacketQueue::define(Napi::Env env) {
  return DefineClass(env, "PacketQueue",
                     {InstanceMethod<&PacketQueue::receive>("receive"),
                      InstanceMethod<&PacketQueue::verdict>("verdict"),
                      InstanceMethod<&PacketQueue::outstanding>("outstanding"),
                      InstanceMethod<&PacketQueue::counters>("counters"),
                      InstanceMethod<&PacketQueue::descriptor>("descriptor"),
                      InstanceMethod<&PacketQueue::close>("close")});
}

PacketQueue::PacketQueue(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PacketQueue>(info),
      number_(static_cast<uint16_t>(info[0].ToNumber().Uint32Value())),
      deliver_(info.Env(), "minuteman:packets"),
      datagrams_(DATAGRAMS, DATAGRAM_BYTES) {
  const Napi::Env env = info.Env();
  const auto maxLength = info[1].ToNumber().Uint32Value();
  const auto receiveBytes = info[2].ToNumber().Int32Value();
  translated(env, [&] {
    socket_ = std::make_unique<NetlinkSocket>(NETLINK_NETFILTER, 0, receiveBytes);
    socket_->ignoreOverruns();
    bindQueue(maxLength);
    poll_ = std::make_unique<DescriptorPoll>(env, socket_->descriptor(), true, [this] { readPackets(); });
  });
  // The arrays are reachable from this object for as long as it lives, and so is their memory.
  auto records = Napi::Float64Array::New(env, BATCH * COLUMNS);
  auto ids = Napi::Uint32Array::New(env, BATCH);
  records_ = records.Data();
  ids_ = ids.Data();
  const auto fixed = static_cast<napi_property_attributes>(napi_enumerable);
  Value().DefineProperty(Napi::PropertyDescriptor::Value("records", records, fixed));
  Value().DefineProperty(Napi::PropertyDescriptor::Value("ids", ids, fixed));
}

void PacketQueue::bindQueue(uint32_t maxLength) {
  MessageWriter request;
  writeBind(request, 1, {number_, COPY_RANGE, maxLength});
  std::vector<uint8_t> buffer(4096);
  socket_->send(request);
  // Packets may come before the acknowledgement is read, and they must not be lost.
  for (;;) {
    const ssize_t size = socket_->receive(buffer);
    if (size < 0) throw KernelFailure{static_cast<int>(-size), "binding a packet queue"};
    const Bytes datagram(buffer.data(), static_cast<size_t>(size));
    MessageReader reader(datagram);
    Message message;
    if (!reader.next(message)) continue;
    if (message.type != NLMSG_ERROR) {
      readDatagram(datagram, monotonicMs(), BATCH);
      continue;
    }
    const int error = errorOf(message);
    if (error != 0) throw KernelFailure{error, "binding a packet queue"};
    sendUnaskedVerdicts();
    return;
  }
}

void PacketQueue::receive(const Napi::CallbackInfo& info) { deliver_.set(info[0].As<Napi::Function>()); }

void PacketQueue::readPackets() {
  size_t rows = 0;
  // Bounded, so that a flood of SYNs does not keep the event loop from its other work.
  while (socket_ != nullptr && rows + DATAGRAMS <= BATCH) {
    const int count = datagrams_.receive(socket_->descriptor());
    if (count <= 0) break;
    const double nowMs = monotonicMs();
    for (int i = 0; i < count; i += 1) rows = readDatagram(datagrams_.datagram(i), nowMs, rows);
    if (count < datagrams_.capacity()) break;
  }
  sendUnaskedVerdicts();
  if (rows > 0) {
    usualBatch_ += NEWS * (static_cast<double>(rows) - usualBatch_);
    poll_->pause(PATIENCE_MS);
    deliver_.call(static_cast<double>(rows));
  }
}

// Appends the datagram's SYNs to the records while there is room; the kernel puts one packet into a datagram.
size_t PacketQueue::readDatagram(Bytes datagram, double nowMs, size_t rows) {
  MessageReader reader(datagram);
  Message message;
  while (reader.next(message)) {
    QueuedPacket packet;
    if (!parseQueuedPacket(message, packet)) continue;
    received_ += 1;
    const auto syn = parseTcp(packet.payload);
    if (!syn || !syn->opens()) {
      unreadable_ += 1;
      writeVerdict(unasked_, number_, packet.id, NF_ACCEPT);
      continue;
    }
    const HeldPacket held{packet.id, packet.inInterface, syn->source, syn->destination, nowMs};
    held_.add(held);
    if (rows >= BATCH) continue;
    writeRow(records_ + rows * COLUMNS, held);
    rows += 1;
  }
  return rows;
}

void PacketQueue::sendUnaskedVerdicts() {
  if (unasked_.empty() || socket_ == nullptr) return;
  try {
    socket_->send(unasked_);
    unasked_.clear();
  } catch (const KernelFailure&) {
    // No memory just now. They stay, and go with the next ones.
  }
}

// (count of `ids`, whether to accept)
void PacketQueue::verdict(const Napi::CallbackInfo& info) {
  const size_t count = std::min<size_t>(info[0].As<Napi::Number>().Uint32Value(), BATCH);
  const uint32_t verdict = info[1].As<Napi::Boolean>().Value() ? NF_ACCEPT : NF_DROP;
  if (socket_ == nullptr) return;
  decided_.clear();
  for (size_t i = 0; i < count; i += 1) {
    if (held_.remove(ids_[i])) decided_.push_back(ids_[i]);
  }
  if (decided_.empty()) return;

  verdicts_.clear();
  // One message does for all of them if none that is older still waits. The kernel hands packets over in the
  // order of their ids, so that it holds none up to the last of these that we have not seen.
  uint32_t last = decided_.front();
  for (const uint32_t id : decided_) {
    if (static_cast<int32_t>(id - last) > 0) last = id;
  }
  const bool oldest = held_.empty() || static_cast<int32_t>(held_.oldest().id - last) > 0;
  if (decided_.size() > 1 && oldest && unasked_.empty()) {
    writeVerdictUpTo(verdicts_, number_, last, verdict);
  } else {
    for (const uint32_t id : decided_) writeVerdict(verdicts_, number_, id, verdict);
  }
  translated(info.Env(), [&] {
    try {
      socket_->send(verdicts_);
    } catch (const KernelFailure&) {
      for (const uint32_t id : decided_) held_.restore(id);
      throw;
    }
  });
  if (!held_.empty()) return;
  if (usualBatch_ < SEVERAL) poll_->resume();
  else poll_->resumeAfter(GATHER_US);
}

Napi::Value PacketQueue::outstanding(const Napi::CallbackInfo& info) {
  auto rows = Napi::Float64Array::New(info.Env(), held_.size() * COLUMNS);
  double* row = rows.Data();
  held_.forEach([&row](const HeldPacket& packet) {
    writeRow(row, packet);
    row += COLUMNS;
  });
  return rows;
}

Napi::Value PacketQueue::counters(const Napi::CallbackInfo& info) {
  auto counters = Napi::Object::New(info.Env());
  counters.Set("received", received_);
  counters.Set("unreadable", unreadable_);
  counters.Set("overruns", socket_ == nullptr ? 0 : static_cast<double>(socket_->dropped()));
  return counters;
}

Napi::Value PacketQueue::descriptor(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), socket_ == nullptr ? -1 : socket_->descriptor());
}

void PacketQueue::close(const Napi::CallbackInfo&) {
  poll_.reset();
  // Closing the socket unbinds the queue, and the kernel drops what it holds.
  socket_.reset();
  held_ = {};
  deliver_.clear();
}

}  // namespace minuteman
