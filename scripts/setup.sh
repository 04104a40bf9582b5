#!/usr/bin/env bash
# Makes a checkout runnable: installs what is missing, and nothing else. Does little when nothing is.
#   scripts/setup.sh [--for demo|test|bench]
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=test
while [ $# -gt 0 ]; do
  case "$1" in
    --for) purpose="${2:-}"; shift 2 || shift ;;
    *) echo "usage: scripts/setup.sh [--for demo|test|bench]" >&2; exit 2 ;;
  esac
done

# A program, the Debian package that brings it, and why we want it.
build_tools='
g++      g++         compiles the native addon
make     make        compiles the native addon
python3  python3     node-gyp, which drives that build, is written in it'
kernel_tools='
iptables   iptables    the rules that hand SYNs to the daemon
ipset      ipset       the kernel set of VIPs that the rules look into
conntrack  conntrack   shows and deletes entries of the connection table
ip         iproute2    network namespaces and virtual wires
nsenter    util-linux  runs programs inside a namespace
curl       curl        asks the VIPs in the demo'
rivals='
nft      nftables  DNAT rules that the benchmarks compare with
haproxy  haproxy   the proxy that benchmarks compare with and tests put in front of a VIP (its service is not used)'
certificates='
openssl  openssl   makes certificates for tests of a mesh over TLS'

case "$purpose" in
  demo) wanted="$build_tools$kernel_tools" ;;
  test) wanted="$build_tools$kernel_tools$rivals$certificates" ;;
  bench) wanted="$build_tools$kernel_tools$rivals" ;;
  *) echo "setup: --for takes demo, test or bench, not \"$purpose\"" >&2; exit 2 ;;
esac

# Where Debian puts administrators' tools; a user's PATH may lack it.
PATH="$PATH:/usr/sbin:/sbin"

node_is='process.versions.node.split(".").map(Number)'
if ! command -v node >/dev/null || ! node -e "const [a, b] = $node_is; process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)"; then
  echo "setup: Node.js >= 20.19 with npm is needed, found $(node --version 2>/dev/null || echo none); see https://nodejs.org" >&2
  exit 1
fi

# Prints the lines of the list whose program is absent.
absent() {
  local program package why
  while read -r program package why; do
    [ -z "$program" ] || command -v "$program" >/dev/null || printf '%s %s %s\n' "$program" "$package" "$why"
  done <<<"$1"
}
packages_of() { awk '!seen[$2]++ { printf "%s%s", sep, $2; sep = " " }' <<<"$1"; }

missing="$(absent "$wanted")"
if [ -n "$missing" ]; then
  packages="$(packages_of "$missing")"
  echo "setup: missing on this machine:"
  while read -r program package why; do printf '  %-11s %s\n' "$package" "$why"; done <<<"$missing"
  if ! command -v apt-get >/dev/null; then
    echo "setup: there is no apt-get here; install what this system calls: $packages" >&2
  elif [ "$(id -u)" -ne 0 ]; then
    echo "setup: not root, so nothing is installed; run: sudo apt-get install --no-install-recommends $packages" >&2
  else
    echo "setup: installing with apt-get: $packages"
    log="$(mktemp)"
    trap 'rm -f "$log"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    # A repository that cannot be reached need not be one that these packages come from.
    # shellcheck disable=SC2086
    if ! { apt-get update || true; apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1 </dev/null; then
      cat "$log" >&2
      echo "setup: apt-get failed, see above" >&2
      exit 1
    fi
    missing="$(absent "$wanted")"
  fi
fi
if [ -n "$missing" ]; then
  # Without root the kernel tests are skipped, and the rest can do without the tools of the kernel's.
  if [ "$purpose" != test ] || [ "${CI:-}" = true ] || [ -n "$(absent "$build_tools")" ]; then
    echo "setup: cannot go on without: $(packages_of "$missing")" >&2
    exit 1
  fi
  echo "setup: going on without: $(packages_of "$missing")"
fi

# A browser for one test, that of the simulator's report, is 400 MB: for continuous integration only. Where the system has
# no such package that test says so.
if [ "$purpose" = test ] && [ "${CI:-}" = true ] && [ "$(id -u)" -eq 0 ] && ! command -v chromium >/dev/null; then
  if apt-cache show chromium >/dev/null 2>&1 || { apt-get update && apt-cache show chromium; } >/dev/null 2>&1; then
    echo "setup: CI=true: installing with apt-get: chromium (draws the simulator's report in a test)"
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium >/dev/null </dev/null ||
      echo "setup: apt-get could not install chromium, see above" >&2
  fi
fi

# npm writes node_modules/.package-lock.json last, so it also tells an installation that was interrupted.
if [ -L node_modules ]; then
  : # Somebody shares one between checkouts, and keeps it up to date.
elif [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "setup: npm ci: installing the packages of package-lock.json into node_modules"
  npm ci --loglevel=error
  touch node_modules/.package-lock.json
fi

bash scripts/build.sh
