// Writes the seeds into a folder, a file each, for a fuzzer that reads its corpus from files.

#include <fstream>
#include <string>

#include "seeds.h"

int main(int, char** arguments) {
  size_t number = 0;
  for (const auto& seed : fuzzSeeds()) {
    std::ofstream file(std::string(arguments[1]) + "/seed" + std::to_string(number++), std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
  }
}
