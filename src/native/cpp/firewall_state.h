#pragma once

#include <napi.h>

#include <vector>

#include "netlink/netlink_socket.h"

namespace minuteman {

// Cheap readings of the packet filter, to tell whether somebody changed it.
class FirewallState : public Napi::ObjectWrap<FirewallState> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit FirewallState(const Napi::CallbackInfo& info);

 private:
  Napi::Value generation(const Napi::CallbackInfo& info);
  Napi::Value legacyTable(const Napi::CallbackInfo& info);
  Napi::Value setSize(const Napi::CallbackInfo& info);

  NetlinkSocket socket_;
  MessageWriter request_;
  std::vector<uint8_t> answer_;
  uint32_t sequence_ = 1;
};

}  // namespace minuteman
