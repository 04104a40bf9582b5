#include "descriptor_poll.h"

#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <utility>

#include "netlink/kernel_failure.h"

namespace minuteman {

// Lives until libuv has let go of it, which is later than the poll that owns it.
struct DescriptorPoll::Handle {
  uv_poll_t poll{};
  uv_timer_t pause{};
  // For times shorter than libuv's timers know; opened when first needed.
  uv_poll_t alarm{};
  int alarmDescriptor = -1;
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

  bool paused() const { return uv_is_active(reinterpret_cast<const uv_handle_t*>(&pause)) != 0; }

  void endPause() {
    uv_timer_stop(&pause);
    uv_poll_start(&poll, UV_READABLE, onReadable);
  }

  // Reads at once: polling first would cost one more turn of the loop to learn that there is something.
  static void onAlarm(uv_poll_t* alarm, int, int) {
    Handle* handle = of(reinterpret_cast<uv_handle_t*>(alarm));
    uint64_t expirations;
    const bool expired = read(handle->alarmDescriptor, &expirations, sizeof(expirations)) > 0;
    if (!expired || !handle->paused()) return;
    handle->endPause();
    handle->readable();
  }

  bool openAlarm() {
    if (alarmDescriptor >= 0) return true;
    const int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (descriptor < 0) return false;
    if (uv_poll_init(poll.loop, &alarm, descriptor) < 0) {
      ::close(descriptor);
      return false;
    }
    alarmDescriptor = descriptor;
    alarm.data = this;
    open += 1;
    uv_unref(reinterpret_cast<uv_handle_t*>(&alarm));
    uv_poll_start(&alarm, UV_READABLE, onAlarm);
    return true;
  }

  static void onClosed(uv_handle_t* closed) {
    Handle* handle = of(closed);
    handle->open -= 1;
    if (handle->open > 0) return;
    napi_remove_async_cleanup_hook(handle->cleanup);
    if (handle->alarmDescriptor >= 0) ::close(handle->alarmDescriptor);
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
  if (handle_ != nullptr && handle_->paused()) handle_->endPause();
}

void DescriptorPoll::resumeAfter(uint32_t microseconds) {
  if (handle_ == nullptr || !handle_->paused()) return;
  const itimerspec once{{0, 0}, {0, static_cast<long>(microseconds) * 1000}};
  const bool set = handle_->openAlarm() && timerfd_settime(handle_->alarmDescriptor, 0, &once, nullptr) == 0;
  // Without a descriptor to spare there is no waiting.
  if (!set) handle_->endPause();
}

void DescriptorPoll::close() {
  if (handle_ == nullptr) return;
  handle_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll), Handle::onClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->pause), Handle::onClosed);
  if (handle_->alarmDescriptor >= 0) uv_close(reinterpret_cast<uv_handle_t*>(&handle_->alarm), Handle::onClosed);
  handle_ = nullptr;
}

}  // namespace minuteman
