#pragma once

#include <napi.h>

#include <functional>

namespace minuteman {

// Calls back on the event loop of its environment while a descriptor is readable. Ends when closed,
// destroyed, or when the environment is torn down (a worker thread that stops), whichever comes first; the
// loop never waits for a handle that nobody closes.
class DescriptorPoll {
 public:
  // `keepsAlive`: whether the process lives on for the sake of this descriptor. Throws KernelFailure.
  DescriptorPoll(Napi::Env env, int descriptor, bool keepsAlive, std::function<void()> readable);
  ~DescriptorPoll() { close(); }
  DescriptorPoll(const DescriptorPoll&) = delete;
  DescriptorPoll& operator=(const DescriptorPoll&) = delete;

  // Nothing is called until `resume`, or until that time is over.
  void pause(uint64_t atMostMs);
  // Harmless when not paused.
  void resume();
  // Resumes after that time, which may be shorter than the millisecond that `pause` counts in. Harmless when not paused.
  void resumeAfter(uint32_t microseconds);
  // No call comes after this; the descriptor may be closed then. Harmless when closed already.
  void close();

 private:
  struct Handle;
  Handle* handle_;
};

}  // namespace minuteman
