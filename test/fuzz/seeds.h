#pragma once

#include <cstdint>
#include <vector>

// Inputs to start from: one of each message the parsers know, as the kernel would send it.
std::vector<std::vector<uint8_t>> fuzzSeeds();
