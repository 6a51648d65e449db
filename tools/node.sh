#!/bin/sh
# The Node of node_modules, set up to take little memory; becomes it. What is measured of the server is measured on this.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# Freed buffers of long prompts go back to the system. By itself the C library soon keeps them, some 60 MB.
MALLOC_MMAP_THRESHOLD_=131072
MALLOC_ARENA_MAX=2
export MALLOC_MMAP_THRESHOLD_ MALLOC_ARENA_MAX
# As V8 does where memory is scarce: new objects get 3 times 16 MB instead of 64, and the heap is cleared when it has doubled, not quadrupled.
exec "$root/node_modules/.bin/node" --max-semi-space-size=16 --heap-growing-percent=100 "$@"
