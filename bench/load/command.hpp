// What the programs of this directory share: their command lines, the clock, and addresses.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace load {

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(2);
}

[[noreturn]] inline void dieOfErrno(const std::string& what) { die(what + ": " + std::strerror(errno)); }

inline int64_t nowNs() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// `--name value` pairs, each handed to `accept(name, value)`; an option it does not know ends the program.
template <typename Accept>
void readOptions(int argc, char** argv, Accept accept) {
  for (int at = 1; at < argc; at += 2) {
    const std::string name = argv[at];
    if (at + 1 >= argc) die(name + " needs a value");
    if (!accept(name, std::string(argv[at + 1]))) die("unknown option " + name);
  }
}

inline long number(const std::string& name, const std::string& text, long low, long high) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < low || value > high) {
    die(name + " must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ", not " + text);
  }
  return value;
}

inline std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (;;) {
    const size_t to = text.find(by, from);
    parts.push_back(text.substr(from, to == std::string::npos ? to : to - from));
    if (to == std::string::npos) return parts;
    from = to + 1;
  }
}

inline sockaddr_in address(const std::string& name, const std::string& text, long port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, text.c_str(), &result.sin_addr) != 1) die(name + " must name an IPv4 address, not " + text);
  return result;
}

inline sockaddr_in endpoint(const std::string& name, const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) die(name + " must be ADDRESS:PORT, not " + text);
  return address(name, text.substr(0, colon), number(name, text.substr(colon + 1), 1, 65535));
}

}  // namespace load
