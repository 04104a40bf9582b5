#include "javascript.h"

#include <uv.h>

namespace minuteman {

Napi::Error toError(Napi::Env env, const KernelFailure& failure) {
  Napi::Error error = Napi::Error::New(env, std::string(failure.what) + ": " + uv_strerror(-failure.error));
  error.Set("code", Napi::String::New(env, uv_err_name(-failure.error)));
  return error;
}

}  // namespace minuteman
