#!/bin/sh
# Brings node_modules to what package-lock.json says, and makes sure that Node 24 is in it. Silent when there is nothing to do.
set -eu
cd -- "$(dirname -- "$0")/.."

stamp=node_modules/.installed-package-lock.json

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# npm puts node_modules/.bin first; the Node that lives there must not be used while it is being replaced.
without_own_bin() {
  printf '%s' "$PATH" | tr ':' '\n' | grep -v "^$PWD/node_modules/.bin\$" | paste -s -d : -
}

require_node() {
  command -v node >/dev/null || fail 'Guildhall needs Node.js 20.19 or newer, and there is no "node" here. Install it from https://nodejs.org'
  command -v npm >/dev/null || fail 'Guildhall is installed by npm, and there is no "npm" here. It comes with Node.js from https://nodejs.org (Debian: apt-get install npm).'
  version=$(node -v)
  major=${version#v}
  major=${major%%.*}
  minor=${version#v*.}
  minor=${minor%%.*}
  if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; }; then
    fail "Guildhall needs Node.js 20.19 or newer to install itself; this is $version. Get a newer one from https://nodejs.org"
  fi
}

if ! cmp -s package-lock.json "$stamp"; then
  PATH=$(without_own_bin)
  export PATH
  require_node
  if ! node tools/is-installed.mjs; then
    echo 'Installing packages (once, about half a minute) …' >&2
    npm ci --include=dev --no-fund --no-audit --loglevel=error >&2 || fail 'The packages could not be installed; npm says why above. "npm ci" tries again.'
  fi
  cp package-lock.json "$stamp"
fi

case $(node_modules/.bin/node -v 2>/dev/null || true) in
  v24.*) ;;
  *)
    rm -f "$stamp"
    fail 'Node 24 is missing from node_modules: npm was told not to run install scripts. Run:' '  npm ci --ignore-scripts=false'
    ;;
esac
