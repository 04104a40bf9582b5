#include "firewall_state.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

// Behind <netinet/in.h>, whose definitions the kernel's header would repeat otherwise.
#include <linux/netfilter_ipv4/ip_tables.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "javascript.h"
#include "messages/firewall_message.h"

namespace minuteman {

namespace {
constexpr int RECEIVE_BYTES = 256 << 10;
constexpr size_t ANSWER_BYTES = 16 << 10;
}  // namespace

Napi::Function FirewallState::define(Napi::Env env) {
  return DefineClass(env, "FirewallState",
                     {InstanceMethod<&FirewallState::generation>("generation"),
                      InstanceMethod<&FirewallState::legacyTable>("legacyTable"),
                      InstanceMethod<&FirewallState::setSize>("setSize"),
                      InstanceMethod<&FirewallState::renewSet>("renewSet")});
}

FirewallState::FirewallState(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<FirewallState>(info),
      socket_(translated(info.Env(), [] { return NetlinkSocket(NETLINK_NETFILTER, 0, RECEIVE_BYTES); })),
      answer_(ANSWER_BYTES) {}

// () -> the generation of nf_tables, or undefined if the kernel has none
Napi::Value FirewallState::generation(const Napi::CallbackInfo& info) {
  std::optional<uint32_t> generation;
  translated(info.Env(), [&] {
    request_.clear();
    writeGenerationRequest(request_, sequence_++);
    const int error = socket_.request(request_, answer_, [&](const Message& message) {
      if (!generation) generation = parseGeneration(message);
    });
    if (error != 0 && error != EINVAL && error != EOPNOTSUPP) {
      throw KernelFailure{error, "reading the generation of nf_tables"};
    }
  });
  if (!generation) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), *generation);
}

// (table) -> { entries, size }, or undefined if there is no such legacy table. Asking may make the kernel create
// the (empty) table, as listing it with iptables does.
Napi::Value FirewallState::legacyTable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].ToString();
  ipt_getinfo table{};
  std::strncpy(table.name, name.c_str(), sizeof(table.name) - 1);
  socklen_t size = sizeof(table);
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw toError(env, {errno, "opening a socket"});
  const int error = getsockopt(descriptor, IPPROTO_IP, IPT_SO_GET_INFO, &table, &size) < 0 ? errno : 0;
  close(descriptor);
  if (error == ENOENT || error == ENOPROTOOPT) return env.Undefined();
  if (error != 0) throw toError(env, {error, "reading a legacy table"});
  auto answer = Napi::Object::New(env);
  answer.Set("entries", static_cast<double>(table.num_entries));
  answer.Set("size", static_cast<double>(table.size));
  return answer;
}

// (name) -> how many entries the ipset has, or undefined if there is no such set
Napi::Value FirewallState::setSize(const Napi::CallbackInfo& info) {
  const std::string name = info[0].ToString();
  std::optional<uint32_t> count;
  int error = 0;
  translated(info.Env(), [&] {
    for (uint8_t protocol = IPSET_PROTOCOL; protocol >= IPSET_PROTOCOL_MIN; protocol -= 1) {
      request_.clear();
      writeSetHeaderRequest(request_, sequence_++, protocol, name.c_str());
      error = socket_.request(request_, answer_, [&](const Message& message) {
        if (!count) count = parseSetSize(message);
      });
      if (error != IPSET_ERR_PROTOCOL) break;
    }
    // EINVAL: the kernel has no ipset at all.
    if (error != 0 && error != ENOENT && error != EINVAL) throw KernelFailure{error, "reading an ipset"};
  });
  if (!count) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), *count);
}

// (name, timeoutSeconds) -> 0 if the hash:net set holds every address for that long from now on, else the errno
// (or ipset's own number above 4096)
Napi::Value FirewallState::renewSet(const Napi::CallbackInfo& info) {
  const std::string name = info[0].ToString();
  const uint32_t seconds = info[1].ToNumber();
  int error = 0;
  translated(info.Env(), [&] {
    for (uint8_t protocol = IPSET_PROTOCOL; protocol >= IPSET_PROTOCOL_MIN; protocol -= 1) {
      request_.clear();
      // A hash:net cannot hold 0.0.0.0/0; its two halves it can.
      for (const uint32_t half : {0x00000000u, 0x80000000u}) {
        writeSetNetworkRequest(request_, sequence_++, protocol, name.c_str(), half, 1, seconds);
      }
      error = socket_.request(request_, answer_, [](const Message&) {});
      if (error != IPSET_ERR_PROTOCOL) break;
    }
  });
  return Napi::Number::New(info.Env(), error);
}

}  // namespace minuteman
