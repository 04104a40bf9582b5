#pragma once

#include <napi.h>

#include <memory>
#include <optional>
#include <vector>

#include "flow_memory.h"
#include "messages/conntrack_message.h"
#include "netlink/datagram_batch.h"
#include "netlink/netlink_socket.h"

namespace minuteman {

// The kernel's connection table. Requests lie in `requests` and answers in `outcomes` and `entries`, memory
// shared with JavaScript; a batch is one system call to send it, and one to fetch what the kernel has to say.
class ConntrackTable : public Napi::ObjectWrap<ConntrackTable> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ConntrackTable(const Napi::CallbackInfo& info);

  static constexpr size_t BATCH = 128;
  // Columns of a request to create: client, destination, backend, source address or -1, id of the entry to delete
  // first or -1.
  // Of one to look up: client, destination. Of one to delete: client, destination, id.
  static constexpr size_t REQUEST_COLUMNS = 5;
  // Columns of an entry: client, destination, backend, TCP state, whether it is ours, id.
  static constexpr size_t ENTRY_COLUMNS = 6;

  // From now on remembers for each entry it makes what its answer will look like.
  void expectAnswers();
  // The flow of ours that an answer from `backend` to `client` belongs to; each is told once.
  std::optional<Flow> answered(Endpoint backend, Endpoint client);

 private:
  Napi::Value create(const Napi::CallbackInfo& info);
  Napi::Value find(const Napi::CallbackInfo& info);
  void remove(const Napi::CallbackInfo& info);
  Napi::Value ours(const Napi::CallbackInfo& info);
  Napi::Value countOurs(const Napi::CallbackInfo& info);
  void flushOurs(const Napi::CallbackInfo& info);
  Napi::Value usage(const Napi::CallbackInfo& info);

  size_t batchSize(const Napi::CallbackInfo& info);
  void rememberCreated(size_t count);
  void findExisting(size_t count);
  void exchangeBatch(size_t count, const char* what);
  void dumpOurs(bool unansweredOnly, const std::function<void(const ConntrackEntry&)>& each);

  NetlinkSocket socket_;
  MessageWriter requests_;
  std::unique_ptr<FlowMemory> flows_;
  std::vector<uint8_t> answer_;
  DatagramBatch answers_;
  uint32_t sequence_ = 1;
  double* request_ = nullptr;
  int32_t* outcome_ = nullptr;
  double* entry_ = nullptr;
};

}  // namespace minuteman
