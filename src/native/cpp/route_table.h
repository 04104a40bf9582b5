#pragma once

#include <napi.h>

#include <vector>

#include "netlink/netlink_socket.h"

namespace minuteman {

// Asks the kernel which way a packet goes.
class RouteTable : public Napi::ObjectWrap<RouteTable> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RouteTable(const Napi::CallbackInfo& info);

 private:
  Napi::Value lookup(const Napi::CallbackInfo& info);

  NetlinkSocket socket_;
  MessageWriter request_;
  std::vector<uint8_t> answer_;
  uint32_t sequence_ = 1;
};

}  // namespace minuteman
