#!/bin/sh
# Runs Guildhall on the Node of node_modules. Becomes the program, so that signals reach it and nothing stays in between.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
sh "$root/tools/install.sh"
# Compiled code is kept between starts.
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$root/node_modules/.cache/compile}
export NODE_COMPILE_CACHE
exec sh "$root/tools/node.sh" "$root/apps/server/src/main.ts" "$@"
