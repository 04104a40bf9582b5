// A fuzzer for compilers without one: `loop RUNS` feeds the parsers that many mutations of the seeds. It knows
// nothing of coverage, but the sanitizers see every step.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

#include "seeds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int, char** arguments) {
  const long runs = std::atol(arguments[1]);
  const auto seeds = fuzzSeeds();
  std::mt19937 random(1);
  const auto below = [&random](size_t bound) { return bound == 0 ? 0 : random() % bound; };
  for (long run = 0; run < runs; run += 1) {
    auto input = seeds[below(seeds.size())];
    for (size_t edits = 1 + below(6); edits > 0; edits -= 1) {
      const size_t at = below(input.size());
      switch (below(6)) {
        case 0:
          if (!input.empty()) input[at] = static_cast<uint8_t>(random());
          break;
        case 1:
          if (!input.empty()) input[at] ^= static_cast<uint8_t>(1U << below(8));
          break;
        case 2:
          input.resize(at);
          break;
        case 3:
          input.insert(input.begin() + static_cast<long>(at), below(16), static_cast<uint8_t>(random()));
          break;
        case 4:
          if (!input.empty()) input[at] = below(2) == 0 ? 0 : 0xff;
          break;
        default: {
          const auto& other = seeds[below(seeds.size())];
          const size_t from = below(other.size());
          input.insert(input.end(), other.begin() + static_cast<long>(from), other.end());
        }
      }
    }
    // A block of exactly this size, so that the sanitizer sees the first byte behind it.
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[input.size()]);
    std::copy(input.begin(), input.end(), exact.get());
    LLVMFuzzerTestOneInput(exact.get(), input.size());
  }
  std::printf("%ld inputs, no fault\n", runs);
}
