#!/bin/sh
# Every check and every test. Arguments go to vitest: "npm test -- apps/server/src/platform" runs the tests below that folder.
set -u
cd -- "$(dirname -- "$0")/.."

packages='chromium fonts-noto-core redis-server'

has_packages() {
  for program in chromium redis-server; do
    command -v "$program" >/dev/null 2>&1 || return 1
  done
  # Elsewhere fonts have other names; the browser says when one is missing.
  [ ! -f /etc/debian_version ] || [ -d /usr/share/fonts/truetype/noto ]
}

# The browser that the console's tests drive, and the Redis that tests of shared rates start and break.
install_packages() {
  has_packages && return 0
  install="apt-get update && apt-get install -y --no-install-recommends $packages"
  if [ "$(id -u)" -ne 0 ] || [ ! -f /etc/debian_version ]; then
    printf '%s\n' 'The tests drive a browser and a Redis, of which not all is installed. On Debian and its kin, run:' "  sudo sh -c '$install'" >&2
    return 1
  fi
  echo "Installing $packages …" >&2
  log=$(mktemp)
  if ! DEBIAN_FRONTEND=noninteractive sh -c "$install" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    echo "These packages could not be installed. By hand: $install" >&2
    return 1
  fi
  rm -f "$log"
}

sh tools/install.sh || exit 1
install_packages || exit 1
PATH=$PWD/node_modules/.bin:$PATH
export PATH

failed=0
sh tools/check.sh --without-tidy || failed=1
vitest run "$@" || failed=1
if [ $failed -ne 0 ]; then
  echo 'Something above failed.' >&2
fi
exit $failed
