#!/usr/bin/env bash
# Installs the verifiers that are no Debian packages of this machine: dkimpy of requirements.txt, and OpenSMTPD, which
# cannot be installed beside Postfix and is only unpacked.
#
# Usage: install.sh [FOLDER]
#
# FOLDER is target/verifiers unless given. Then FOLDER/python/bin/python has dkimpy, and FOLDER/opensmtpd is the server's
# package. A second run does nothing, until a file that it installs from has changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:-$here/../../target/verifiers}"
folder=$(cd "${1:-$here/../../target/verifiers}" && pwd)
stamp=$folder/installed

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

wanted=$(cd "$here" && sha256sum requirements.txt install.sh)
if [ -x "$folder/python/bin/python" ] && [ -d "$folder/opensmtpd" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
rm -rf "$stamp" "$folder/opensmtpd"

python3 -m venv --clear "$folder/python" || fail "python3 cannot make an environment; install python3-venv"
"$folder/python/bin/python" -m pip install --quiet --disable-pip-version-check --use-pep517 -r "$here/requirements.txt" ||
    fail "dkimpy cannot be installed"

download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
# Without lists of packages there is nothing to download from.
(cd "$download" && { apt-get download -qq opensmtpd || { apt-get update -qq && apt-get download -qq opensmtpd; }; }) ||
    fail "the package opensmtpd cannot be downloaded"
dpkg -x "$download"/opensmtpd_*.deb "$folder/opensmtpd"
echo "$wanted" >"$stamp"
