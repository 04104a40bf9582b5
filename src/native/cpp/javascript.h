#pragma once

#include <napi.h>

#include <initializer_list>
#include <string>

#include "netlink/kernel_failure.h"

namespace minuteman {

// A JavaScript Error whose `code` is the errno's name and whose message says what was being done.
Napi::Error toError(Napi::Env env, const KernelFailure& failure);

// Runs `body` at the JavaScript boundary: what the kernel refused becomes a JavaScript exception.
template <typename Body>
auto translated(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const KernelFailure& failure) {
    throw toError(env, failure);
  }
}

// A JavaScript function that the event loop calls back, out of no JavaScript of its own.
class Callback {
 public:
  Callback(Napi::Env env, const char* name) : context_(env, name) {}
  void set(Napi::Function function) { function_ = Napi::Persistent(function); }
  void clear() { function_.Reset(); }
  bool isSet() const { return !function_.IsEmpty(); }

  // What the function throws is an uncaught exception of the process, as from any event handler.
  void call(double argument) {
    if (!isSet()) return;
    Napi::Env env = context_.Env();
    Napi::HandleScope scope(env);
    try {
      const napi_value argument_ = Napi::Number::New(env, argument);
      function_.Value().MakeCallback(env.Global(), {argument_}, context_);
    } catch (const Napi::Error& error) {
      napi_fatal_exception(env, error.Value());
    }
  }

 private:
  Napi::AsyncContext context_;
  Napi::FunctionReference function_;
};

}  // namespace minuteman
