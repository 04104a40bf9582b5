#include <napi.h>

#include "clocks.h"
#include "conntrack_table.h"
#include "firewall_state.h"
#include "handshake_log.h"
#include "messages/conntrack_message.h"
#include "packet_queue.h"
#include "route_table.h"
#include "route_watch.h"

namespace minuteman {

// What one environment (the main thread, a worker thread) sees of the addon. There is no state beside the
// objects that JavaScript makes, so that the addon may be loaded any number of times.
class MinutemanAddon : public Napi::Addon<MinutemanAddon> {
 public:
  MinutemanAddon(Napi::Env env, Napi::Object exports) {
    DefineAddon(exports, {InstanceValue("PacketQueue", PacketQueue::define(env), napi_enumerable),
                          InstanceValue("ConntrackTable", ConntrackTable::define(env), napi_enumerable),
                          InstanceValue("HandshakeLog", HandshakeLog::define(env), napi_enumerable),
                          InstanceValue("RouteTable", RouteTable::define(env), napi_enumerable),
                          InstanceValue("RouteWatch", RouteWatch::define(env), napi_enumerable),
                          InstanceValue("FirewallState", FirewallState::define(env), napi_enumerable),
                          InstanceValue("mark", Napi::Number::New(env, MARK), napi_enumerable),
                          InstanceMethod<&MinutemanAddon::now>("monotonicMs")});
  }

 private:
  Napi::Value now(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), monotonicMs()); }
};

}  // namespace minuteman

using minuteman::MinutemanAddon;
NODE_API_ADDON(MinutemanAddon)
