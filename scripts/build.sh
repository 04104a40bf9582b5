#!/usr/bin/env bash
# Builds the native addon and the TypeScript into build/.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -f binding.gyp ]; then npx --no-install node-gyp build --loglevel=error 2>/dev/null || npx --no-install node-gyp rebuild --loglevel=error; fi
npx --no-install tsc -p .
