#include "route_watch.h"

#include <linux/rtnetlink.h>

#include <cerrno>

namespace minuteman {

namespace {
constexpr int RECEIVE_BYTES = 1 << 20;
constexpr size_t DATAGRAM_BYTES = 8 << 10;
}  // namespace

Napi::Function RouteWatch::define(Napi::Env env) {
  return DefineClass(env, "RouteWatch", {InstanceMethod<&RouteWatch::close>("close")});
}

RouteWatch::RouteWatch(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<RouteWatch>(info), changed_(info.Env(), "minuteman:routes"), buffer_(DATAGRAM_BYTES) {
  const Napi::Env env = info.Env();
  changed_.set(info[0].As<Napi::Function>());
  translated(env, [&] {
    constexpr uint32_t groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE;
    socket_ = std::make_unique<NetlinkSocket>(NETLINK_ROUTE, groups, RECEIVE_BYTES);
    poll_ = std::make_unique<DescriptorPoll>(env, socket_->descriptor(), false, [this] { readChanges(); });
  });
}

// What changed does not matter to whoever asks routes anew, and lost messages (ENOBUFS) are a change, too.
void RouteWatch::readChanges() {
  ssize_t size;
  do {
    size = socket_->receive(buffer_);
  } while (size >= 0 || size == -ENOBUFS);
  changed_.call(0);
}

void RouteWatch::close(const Napi::CallbackInfo&) {
  poll_.reset();
  socket_.reset();
  changed_.clear();
}

}  // namespace minuteman
