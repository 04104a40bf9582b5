#pragma once

#include <ctime>

namespace minuteman {

// Milliseconds of CLOCK_MONOTONIC, the clock behind Node's process.hrtime.
inline double monotonicMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

}  // namespace minuteman
