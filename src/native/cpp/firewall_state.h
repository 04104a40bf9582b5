#pragma once

#include <napi.h>

#include <vector>

#include "netlink/netlink_socket.h"

namespace minuteman {

// What a daemon asks of the packet filter every second and cheaply, without running a tool: readings that tell
// whether somebody changed it, and renewing the entries by which the rules know that the daemon is alive.
class FirewallState : public Napi::ObjectWrap<FirewallState> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit FirewallState(const Napi::CallbackInfo& info);

 private:
  Napi::Value generation(const Napi::CallbackInfo& info);
  Napi::Value legacyTable(const Napi::CallbackInfo& info);
  Napi::Value setSize(const Napi::CallbackInfo& info);
  Napi::Value renewSet(const Napi::CallbackInfo& info);

  NetlinkSocket socket_;
  MessageWriter request_;
  std::vector<uint8_t> answer_;
  uint32_t sequence_ = 1;
};

}  // namespace minuteman
