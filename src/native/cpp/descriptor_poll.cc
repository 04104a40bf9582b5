#include "descriptor_poll.h"

#include <uv.h>

#include <cerrno>
#include <utility>

#include "netlink/kernel_failure.h"

namespace minuteman {

// Lives until libuv has let go of it, which is later than the poll that owns it.
struct DescriptorPoll::Handle {
  uv_poll_t poll{};
  uv_timer_t pause{};
  int open = 2;
  napi_async_cleanup_hook_handle cleanup = nullptr;
  DescriptorPoll* owner = nullptr;
  std::function<void()> readable;

  static Handle* of(uv_handle_t* handle) { return static_cast<Handle*>(handle->data); }

  static void onReadable(uv_poll_t* poll, int status, int) {
    Handle* handle = of(reinterpret_cast<uv_handle_t*>(poll));
    // A pending socket error (ENOBUFS: the kernel had to drop messages) comes as POLLERR, at which libuv stops
    // the poll and says EBADF. The reader fetches the error from the socket and reads on.
    if (status < 0) uv_poll_start(poll, UV_READABLE, onReadable);
    handle->readable();
  }

  static void onPauseOver(uv_timer_t* timer) {
    uv_poll_start(&of(reinterpret_cast<uv_handle_t*>(timer))->poll, UV_READABLE, onReadable);
  }

  static void onClosed(uv_handle_t* closed) {
    Handle* handle = of(closed);
    handle->open -= 1;
    if (handle->open > 0) return;
    napi_remove_async_cleanup_hook(handle->cleanup);
    delete handle;
  }

  static void onTearDown(napi_async_cleanup_hook_handle, void* data) {
    auto* handle = static_cast<Handle*>(data);
    if (handle->owner != nullptr) handle->owner->close();
  }
};

DescriptorPoll::DescriptorPoll(Napi::Env env, int descriptor, bool keepsAlive, std::function<void()> readable)
    : handle_(new Handle) {
  uv_loop_t* loop = nullptr;
  const bool hasLoop = napi_get_uv_event_loop(env, &loop) == napi_ok;
  const int refused = hasLoop ? uv_poll_init(loop, &handle_->poll, descriptor) : UV_EINVAL;
  if (refused < 0) {
    delete handle_;
    throw KernelFailure{-refused, "polling a descriptor"};
  }
  uv_timer_init(loop, &handle_->pause);
  handle_->poll.data = handle_;
  handle_->pause.data = handle_;
  handle_->owner = this;
  handle_->readable = std::move(readable);
  napi_add_async_cleanup_hook(env, Handle::onTearDown, handle_, &handle_->cleanup);
  if (!keepsAlive) {
    uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
    uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->pause));
  }
  uv_poll_start(&handle_->poll, UV_READABLE, Handle::onReadable);
}

void DescriptorPoll::pause(uint64_t atMostMs) {
  if (handle_ == nullptr) return;
  uv_poll_stop(&handle_->poll);
  uv_timer_start(&handle_->pause, Handle::onPauseOver, atMostMs, 0);
}

void DescriptorPoll::resume() {
  if (handle_ == nullptr || uv_is_active(reinterpret_cast<uv_handle_t*>(&handle_->pause)) == 0) return;
  uv_timer_stop(&handle_->pause);
  uv_poll_start(&handle_->poll, UV_READABLE, Handle::onReadable);
}

void DescriptorPoll::close() {
  if (handle_ == nullptr) return;
  handle_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll), Handle::onClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->pause), Handle::onClosed);
  handle_ = nullptr;
}

}  // namespace minuteman
