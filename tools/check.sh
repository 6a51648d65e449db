#!/bin/sh
# Everything that reads the code without running it: types, lint and format, and (unless --without-tidy) the house rules.
set -u
cd -- "$(dirname -- "$0")/.."
sh tools/install.sh || exit 1
PATH=$PWD/node_modules/.bin:$PATH
export PATH
failed=0
tsc --noEmit -p . || failed=1
biome check --diagnostic-level=warn . || failed=1
if [ "${1:-}" != --without-tidy ]; then
  vitest run tools/tidy || failed=1
fi
exit $failed
