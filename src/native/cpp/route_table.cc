#include "route_table.h"

#include <linux/netlink.h>

#include <cerrno>

#include "javascript.h"
#include "messages/route_message.h"

namespace minuteman {

namespace {

constexpr int RECEIVE_BYTES = 256 << 10;
constexpr size_t ANSWER_BYTES = 8 << 10;

// These say that there is no way, which is an answer.
bool isNoRoute(int error) {
  return error == ENETUNREACH || error == EHOSTUNREACH || error == EINVAL || error == EACCES || error == ESRCH;
}

}  // namespace

Napi::Function RouteTable::define(Napi::Env env) {
  return DefineClass(env, "RouteTable", {InstanceMethod<&RouteTable::lookup>("lookup")});
}

RouteTable::RouteTable(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<RouteTable>(info),
      socket_(translated(info.Env(), [] { return NetlinkSocket(NETLINK_ROUTE, 0, RECEIVE_BYTES); })),
      answer_(ANSWER_BYTES) {}

// (address) -> { local, outInterface, source }, or undefined if no route leads there
Napi::Value RouteTable::lookup(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t destination = info[0].ToNumber().Uint32Value();
  Route route;
  bool found = false;
  translated(env, [&] {
    request_.clear();
    writeRouteLookup(request_, sequence_++, destination);
    const int error = socket_.request(request_, answer_, [&](const Message& message) {
      if (parseRoute(message, route)) found = true;
    });
    if (error != 0 && !isNoRoute(error)) throw KernelFailure{error, "looking a route up"};
  });
  if (!found) return env.Undefined();
  auto answer = Napi::Object::New(env);
  answer.Set("local", route.local);
  answer.Set("outInterface", static_cast<double>(route.outInterface));
  answer.Set("source", static_cast<double>(route.source));
  return answer;
}

}  // namespace minuteman
