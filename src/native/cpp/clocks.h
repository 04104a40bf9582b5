#pragma once

#include <ctime>

namespace minuteman {

inline double readMs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Milliseconds of CLOCK_MONOTONIC, the clock behind Node's process.hrtime.
inline double monotonicMs() { return readMs(CLOCK_MONOTONIC); }
// Milliseconds since 1970, the clock that the kernel stamps packets with.
inline double wallMs() { return readMs(CLOCK_REALTIME); }

}  // namespace minuteman
