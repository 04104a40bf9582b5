#!/usr/bin/env bash
# Everything a change must pass: build, lint, import rules, a short fuzz run, all tests with coverage.
# The last line counts tests and checks: "N passed, N failed, N skipped". Works in a fresh clone.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"

FUZZ_INPUTS=100000

passed=0
failed=0
skipped=0
failures=()

# Runs one check; it counts as one test.
check() {
  local name="$1"
  shift
  echo "== $name"
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    failures+=("$name")
  fi
}

finish() {
  local name
  for name in "${failures[@]}"; do echo "failed: $name"; done
  printf 'wall time: %d min %02d s\n' $((SECONDS / 60)) $((SECONDS % 60))
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] || exit 1
}

check 'set-up and build' bash scripts/setup.sh --for test
# Nothing else can run without it.
[ "$failed" -eq 0 ] || finish

check 'lint' node_modules/.bin/biome check .
check 'import rules' node build/js/scripts/check-boundaries.js
check "fuzz, $FUZZ_INPUTS inputs" bash scripts/fuzz.sh "$FUZZ_INPUTS"

echo '== tests'
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
status=0
node_modules/.bin/c8 node_modules/.bin/ava --no-color 2>&1 | tee "$log" || status=$?

# AVA's summary leaves out what passed as soon as something failed, so its lines are counted. A file that
# could not be loaded, or that left a rejection unhandled, has a failure line of its own.
count() { grep -cE "$1" "$log" || true; }
tests_failed="$(count '^  ✘ ')"
tests_passed="$(count '^  ✔ ')"
if [ "$status" -ne 0 ] && [ "$tests_failed" -eq 0 ]; then
  tests_failed=1
  failures+=("the test run ended with status $status")
fi
if [ "$tests_passed" -eq 0 ] && [ "$tests_failed" -eq 0 ]; then
  tests_failed=1
  failures+=('no test ran')
fi
passed=$((passed + tests_passed))
failed=$((failed + tests_failed))
skipped=$((skipped + $(count '^  - \[skip\] ')))
while read -r line; do failures+=("$line"); done < <(sed -nE 's/^  ✘ (\[fail\]: )?//p' "$log")

if [ "$tests_failed" -gt 0 ]; then
  echo
  echo '== what failed, once more: the coverage table is long'
  awk '/^  ─$/ { told = 1; next } /^-+\|/ { told = 0 } told' "$log"
fi

echo
sed -nE 's/^  - \[skip\] .*\(skipped: (.*)\)$/\1/p' "$log" | sort | uniq -c |
  while read -r times reason; do echo "skipped $times: $reason"; done
awk -F'|' '/^All files/ { gsub(/ /, ""); printf "coverage: %s %% of lines, %s %% of branches, %s %% of functions\n", $5, $3, $4 }' "$log"
finish
