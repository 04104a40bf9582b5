#!/usr/bin/env bash
# Fuzzes what the addon parses (packets, netlink messages) under the address and undefined-behaviour
# sanitizers: scripts/fuzz.sh [RUNS]. With clang's fuzzer where there is one, else with a loop of our own.
set -euo pipefail
cd "$(dirname "$0")/.."
runs="${1:-1000000}"
out=build/fuzz
mkdir -p "$out"
flags=(-std=c++17 -g -O1 -Wall -Wextra -Werror -Isrc/native/cpp -Itest/fuzz)
sources=(src/native/cpp/flow_memory.cc src/native/cpp/held_packets.cc src/native/cpp/messages/*.cc
  src/native/cpp/netlink/message_reader.cc src/native/cpp/netlink/message_writer.cc
  test/fuzz/parsers.cc test/fuzz/seeds.cc)
sanitize=address,undefined

echo 'extern "C" int LLVMFuzzerTestOneInput(const char *, unsigned long) { return 0; }' > "$out/probe.cc"
if clang++ -fsanitize=fuzzer "$out/probe.cc" -o "$out/probe" 2> "$out/probe.log"; then
  mkdir -p "$out/objects"
  for source in "${sources[@]}"; do
    clang++ "${flags[@]}" "-fsanitize=fuzzer-no-link,$sanitize" -fno-sanitize-recover=all \
      -c "$source" -o "$out/objects/$(basename "$source" .cc).o" &
  done
  wait
  clang++ "-fsanitize=fuzzer,$sanitize" "$out"/objects/*.o -o "$out/parsers"
  clang++ "${flags[@]}" "-fsanitize=fuzzer-no-link,$sanitize" test/fuzz/write_seeds.cc "$out/objects/seeds.o" \
    "$out"/objects/{conntrack_message,queue_message,message_reader,message_writer}.o -o "$out/write-seeds"
  rm -rf "$out/corpus" && mkdir -p "$out/corpus"
  "$out/write-seeds" "$out/corpus"
  "$out/parsers" -runs="$runs" -seed=1 -max_len=512 -print_final_stats=1 \
    -artifact_prefix="$out/" "$out/corpus" > "$out/log" 2>&1 || { tail -60 "$out/log"; exit 1; }
  grep -E "DONE|stat::" "$out/log" || true
  echo "$runs inputs, no fault"
else
  g++ "${flags[@]}" "-fsanitize=$sanitize" -fno-sanitize-recover=all "${sources[@]}" test/fuzz/loop.cc -o "$out/loop"
  "$out/loop" "$runs"
fi
