#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "descriptor_poll.h"
#include "javascript.h"
#include "netlink/netlink_socket.h"

namespace minuteman {

// Calls back when links, IPv4 addresses or IPv4 routes have changed; many changes at once are one call.
class RouteWatch : public Napi::ObjectWrap<RouteWatch> {
 public:
  static Napi::Function define(Napi::Env env);
  // (callback)
  explicit RouteWatch(const Napi::CallbackInfo& info);

 private:
  void close(const Napi::CallbackInfo& info);
  void readChanges();

  std::unique_ptr<NetlinkSocket> socket_;
  std::unique_ptr<DescriptorPoll> poll_;
  Callback changed_;
  std::vector<uint8_t> buffer_;
};

}  // namespace minuteman
