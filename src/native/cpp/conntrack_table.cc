#include "conntrack_table.h"

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>

#include "javascript.h"

namespace minuteman {

namespace {

// Room for the errors of a whole batch, and for a dump to run ahead.
constexpr int RECEIVE_BYTES = 4 << 20;
constexpr size_t ANSWER_BYTES = 64 << 10;
// For a batch: an entry or an error each. An entry takes some 400 bytes.
constexpr size_t ANSWERS = 16;
constexpr size_t ENTRY_BYTES = 1024;

NetlinkSocket openSocket(Napi::Env env) {
  return translated(env, [] { return NetlinkSocket(NETLINK_NETFILTER, 0, RECEIVE_BYTES); });
}

void writeRow(double* row, const ConntrackEntry& entry) {
  row[0] = entry.client.number();
  row[1] = entry.destination.number();
  row[2] = entry.backend.number();
  row[3] = entry.state;
  row[4] = entry.ours() ? 1 : 0;
  row[5] = entry.id;
}

}  // namespace

Napi::Function ConntrackTable::define(Napi::Env env) {
  return DefineClass(env, "ConntrackTable",
                     {InstanceMethod<&ConntrackTable::create>("create"),
                      InstanceMethod<&ConntrackTable::find>("find"),
                      InstanceMethod<&ConntrackTable::remove>("remove"),
                      InstanceMethod<&ConntrackTable::ours>("ours"),
                      InstanceMethod<&ConntrackTable::countOurs>("countOurs"),
                      InstanceMethod<&ConntrackTable::flushOurs>("flushOurs"),
                      InstanceMethod<&ConntrackTable::usage>("usage")});
}

ConntrackTable::ConntrackTable(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ConntrackTable>(info), socket_(openSocket(info.Env())), answer_(ANSWER_BYTES), answers_(ANSWERS, ENTRY_BYTES) {
  const Napi::Env env = info.Env();
  auto requests = Napi::Float64Array::New(env, BATCH * REQUEST_COLUMNS);
  auto outcomes = Napi::Int32Array::New(env, BATCH);
  auto entries = Napi::Float64Array::New(env, BATCH * ENTRY_COLUMNS);
  request_ = requests.Data();
  outcome_ = outcomes.Data();
  entry_ = entries.Data();
  const auto fixed = static_cast<napi_property_attributes>(napi_enumerable);
  Value().DefineProperty(Napi::PropertyDescriptor::Value("requests", requests, fixed));
  Value().DefineProperty(Napi::PropertyDescriptor::Value("outcomes", outcomes, fixed));
  Value().DefineProperty(Napi::PropertyDescriptor::Value("entries", entries, fixed));
}

size_t ConntrackTable::batchSize(const Napi::CallbackInfo& info) {
  return std::min<size_t>(info[0].As<Napi::Number>().Uint32Value(), BATCH);
}

// Sends the requests, whose first `count` sequence numbers run from `sequence_` on, and puts each one's errno and entry, if
// the answer has one, into its row. No request asks for an acknowledgement: success is silence.
void ConntrackTable::exchangeBatch(size_t count, const char* what) {
  const uint32_t first = sequence_;
  sequence_ += static_cast<uint32_t>(count);
  std::fill_n(outcome_, count, 0);
  const int broken = socket_.exchange(requests_, answers_, [&](const Message& message) {
    const uint32_t row = message.sequence - first;
    if (row >= count) return;
    ConntrackEntry entry;
    if (message.type == NLMSG_ERROR) {
      outcome_[row] = errorOf(message);
    } else if (parseEntry(message, entry)) {
      writeRow(entry_ + row * ENTRY_COLUMNS, entry);
    }
  });
  if (broken != 0) throw KernelFailure{broken, what};
}

// Puts the entries that were in the way of a creation into their rows.
void ConntrackTable::findExisting(size_t count) {
  const uint32_t first = sequence_;
  sequence_ += static_cast<uint32_t>(count);
  requests_.clear();
  for (size_t i = 0; i < count; i += 1) {
    if (outcome_[i] != EEXIST) continue;
    const double* row = request_ + i * REQUEST_COLUMNS;
    entry_[i * ENTRY_COLUMNS] = 0;
    writeGet(requests_, first + static_cast<uint32_t>(i), Endpoint::of(row[0]), Endpoint::of(row[1]));
  }
  const int broken = socket_.exchange(requests_, answers_, [&](const Message& message) {
    const uint32_t row = message.sequence - first;
    ConntrackEntry entry;
    if (row < count && parseEntry(message, entry)) writeRow(entry_ + row * ENTRY_COLUMNS, entry);
  });
  if (broken != 0) throw KernelFailure{broken, "looking connection entries up"};
}

// (count, timeout in seconds) -> how many could not be created; `outcomes` has their errnos, `entries` what exists.
Napi::Value ConntrackTable::create(const Napi::CallbackInfo& info) {
  const size_t count = batchSize(info);
  const uint32_t timeoutSeconds = info[1].As<Napi::Number>().Uint32Value();
  requests_.clear();
  for (size_t i = 0; i < count; i += 1) {
    const double* row = request_ + i * REQUEST_COLUMNS;
    MappingRequest mapping{Endpoint::of(row[0]), Endpoint::of(row[1]), Endpoint::of(row[2]), std::nullopt};
    if (row[3] >= 0) mapping.source = static_cast<uint32_t>(row[3]);
    // What becomes of the deletion shows in what becomes of the creation.
    if (row[4] >= 0) {
      writeDelete(requests_, sequence_ - 1, mapping.client, mapping.destination, static_cast<uint32_t>(row[4]));
    }
    writeCreate(requests_, sequence_ + static_cast<uint32_t>(i), mapping, timeoutSeconds);
  }
  translated(info.Env(), [&] {
    exchangeBatch(count, "creating connection entries");
    if (std::count(outcome_, outcome_ + count, EEXIST) > 0) findExisting(count);
  });
  if (flows_ != nullptr) rememberCreated(count);
  const auto failed = std::count_if(outcome_, outcome_ + count, [](int32_t error) { return error != 0; });
  return Napi::Number::New(info.Env(), static_cast<double>(failed));
}

void ConntrackTable::rememberCreated(size_t count) {
  for (size_t i = 0; i < count; i += 1) {
    if (outcome_[i] != 0) continue;
    const double* row = request_ + i * REQUEST_COLUMNS;
    flows_->remember(Endpoint::of(row[2]), {Endpoint::of(row[0]), Endpoint::of(row[1])});
  }
}

void ConntrackTable::expectAnswers() {
  if (flows_ == nullptr) flows_ = std::make_unique<FlowMemory>();
}

std::optional<Flow> ConntrackTable::answered(Endpoint backend, Endpoint client) { return flows_->take(backend, client); }

// (count) -> nothing; `outcomes` is 0 where `entries` holds the entry, else an errno.
Napi::Value ConntrackTable::find(const Napi::CallbackInfo& info) {
  const size_t count = batchSize(info);
  requests_.clear();
  for (size_t i = 0; i < count; i += 1) {
    const double* row = request_ + i * REQUEST_COLUMNS;
    writeGet(requests_, sequence_ + static_cast<uint32_t>(i), Endpoint::of(row[0]), Endpoint::of(row[1]));
  }
  translated(info.Env(), [&] { exchangeBatch(count, "looking connection entries up"); });
  return info.Env().Undefined();
}

// (count); entries that are gone or have another id by now have ENOENT in `outcomes`.
void ConntrackTable::remove(const Napi::CallbackInfo& info) {
  const size_t count = batchSize(info);
  requests_.clear();
  for (size_t i = 0; i < count; i += 1) {
    const double* row = request_ + i * REQUEST_COLUMNS;
    writeDelete(requests_, sequence_ + static_cast<uint32_t>(i), Endpoint::of(row[0]), Endpoint::of(row[1]),
                static_cast<uint32_t>(row[2]));
  }
  translated(info.Env(), [&] { exchangeBatch(count, "deleting connection entries"); });
}

void ConntrackTable::dumpOurs(bool unansweredOnly, const std::function<void(const ConntrackEntry&)>& each) {
  requests_.clear();
  writeDumpOurs(requests_, sequence_++, unansweredOnly);
  const int error = socket_.request(requests_, answer_, [&](const Message& message) {
    ConntrackEntry entry;
    if (parseEntry(message, entry) && entry.ours()) each(entry);
  });
  if (error != 0) throw KernelFailure{error, "reading the connection table"};
}

// (whether only those in SYN_SENT) -> rows of entries
Napi::Value ConntrackTable::ours(const Napi::CallbackInfo& info) {
  const bool synSentOnly = info[0].ToBoolean().Value();
  std::vector<double> rows;
  translated(info.Env(), [&] {
    dumpOurs(synSentOnly, [&](const ConntrackEntry& entry) {
      if (synSentOnly && entry.state != TCP_CONNTRACK_SYN_SENT) return;
      rows.resize(rows.size() + ENTRY_COLUMNS);
      writeRow(rows.data() + rows.size() - ENTRY_COLUMNS, entry);
    });
  });
  auto answer = Napi::Float64Array::New(info.Env(), rows.size());
  std::copy(rows.begin(), rows.end(), answer.Data());
  return answer;
}

Napi::Value ConntrackTable::countOurs(const Napi::CallbackInfo& info) {
  double count = 0;
  translated(info.Env(), [&] { dumpOurs(false, [&](const ConntrackEntry&) { count += 1; }); });
  return Napi::Number::New(info.Env(), count);
}

void ConntrackTable::flushOurs(const Napi::CallbackInfo& info) {
  requests_.clear();
  writeFlushOurs(requests_, sequence_++);
  translated(info.Env(), [&] {
    const int error = socket_.request(requests_, answer_, [](const Message&) {});
    if (error != 0 && error != ENOENT) throw KernelFailure{error, "deleting our connection entries"};
  });
}

Napi::Value ConntrackTable::usage(const Napi::CallbackInfo& info) {
  TableUsage usage;
  requests_.clear();
  writeUsage(requests_, sequence_++);
  translated(info.Env(), [&] {
    const int error = socket_.request(requests_, answer_, [&](const Message& message) { usage = parseUsage(message); });
    if (error != 0) throw KernelFailure{error, "reading the connection table's size"};
  });
  auto answer = Napi::Object::New(info.Env());
  answer.Set("count", static_cast<double>(usage.count));
  answer.Set("max", static_cast<double>(usage.limit));
  return answer;
}

}  // namespace minuteman
