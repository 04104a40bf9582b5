#pragma once

namespace minuteman {

// What the kernel refused. Thrown below the JavaScript boundary, translated at it.
struct KernelFailure {
  int error;         // a positive errno
  const char* what;  // what was being done, in words
};

}  // namespace minuteman
