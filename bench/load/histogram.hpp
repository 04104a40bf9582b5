// A log-linear histogram of durations: every power of two is cut into 128 equal steps, so a reading is
// within 0.8 % of the truth, in constant memory and without allocation while the load runs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

namespace load {

class Histogram {
 public:
  void add(int64_t nanoseconds) {
    const uint64_t value = nanoseconds < 0 ? 0 : static_cast<uint64_t>(nanoseconds);
    counts_[std::min(bucketOf(value), counts_.size() - 1)]++;
    total_++;
    sum_ += static_cast<double>(value);
    max_ = std::max(max_, value);
  }

  void add(const Histogram& other) {
    for (size_t bucket = 0; bucket < counts_.size(); bucket++) counts_[bucket] += other.counts_[bucket];
    total_ += other.total_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }

  // The smallest duration that `fraction` of the readings do not exceed, in microseconds; 0 when empty.
  double percentileUs(double fraction) const {
    if (total_ == 0) return 0;
    const double wanted = fraction * static_cast<double>(total_);
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < counts_.size(); bucket++) {
      seen += counts_[bucket];
      if (counts_[bucket] > 0 && static_cast<double>(seen) >= wanted) {
        return std::min(middleOf(bucket), static_cast<double>(max_)) / 1000.0;
      }
    }
    return static_cast<double>(max_) / 1000.0;
  }

  std::string json() const {
    char text[256];
    std::snprintf(text, sizeof text,
                  "{\"count\":%llu,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
                  static_cast<unsigned long long>(total_), total_ == 0 ? 0 : sum_ / static_cast<double>(total_) / 1000.0,
                  percentileUs(0.5), percentileUs(0.9), percentileUs(0.99), percentileUs(0.999),
                  static_cast<double>(max_) / 1000.0);
    return text;
  }

 private:
  static constexpr unsigned kStepBits = 7;
  static constexpr uint64_t kSteps = 1u << kStepBits;
  // Up to 2^40 ns, 18 minutes: longer than any run.
  static constexpr size_t kBuckets = (40 - kStepBits + 1) * kSteps;

  static size_t bucketOf(uint64_t value) {
    if (value < kSteps) return value;
    const unsigned exponent = 63 - static_cast<unsigned>(__builtin_clzll(value));
    const unsigned shift = exponent - kStepBits;
    return (shift + 1) * kSteps + ((value >> shift) - kSteps);
  }

  static double middleOf(size_t bucket) {
    if (bucket < kSteps) return static_cast<double>(bucket);
    const uint64_t shift = bucket / kSteps - 1;
    const uint64_t low = (kSteps + bucket % kSteps) << shift;
    return static_cast<double>(low) + static_cast<double>(1ull << shift) / 2;
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t total_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace load
