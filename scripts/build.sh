#!/usr/bin/env bash
# Builds the native addon and the TypeScript into build/. Quiet unless something is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

if [ -f binding.gyp ]; then
  # Node's own headers, if this installation brought them: nothing need be downloaded then.
  headers="$(node -p 'path.dirname(path.dirname(process.execPath))')"
  nodedir=()
  [ ! -f "$headers/include/node/node_api.h" ] || nodedir=(--nodedir="$headers")
  [ -f build/Release/minuteman.node ] || echo "build: compiling the native addon"
  log="$(mktemp)"
  trap 'rm -f "$log"' EXIT
  if ! node_modules/.bin/node-gyp configure build "${nodedir[@]}" --jobs=max --loglevel=error >"$log" 2>&1; then
    cat "$log" >&2
    echo "build: the native addon does not compile, see above" >&2
    exit 1
  fi
fi

node_modules/.bin/tsc -p .

# What a deleted source left would still be run as a test.
(cd build/js && find . -name '*.js' -print) | while read -r script; do
  source="${script%.js}.ts"
  [ -f "$source" ] || rm -f "build/js/$script" "build/js/$script.map"
done

# The command line with all that it imports, in a few files: of 330 modules a daemon takes twice the time to start.
# The simulator stays outside, as it tells by the names of its modules where the time goes.
rm -rf build/app.new
node_modules/.bin/esbuild build/js/src/cli/main.js build/js/src/sources/reader-worker.js \
  --bundle --splitting --entry-names='[name]' --outdir=build/app.new --external:./build/js/src/cli/sim-command.js \
  --platform=node --target=node20.19 --format=esm --minify-whitespace --log-level=warning \
  --banner:js="import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);"
rm -rf build/app
mv build/app.new build/app
