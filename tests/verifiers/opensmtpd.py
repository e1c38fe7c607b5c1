#!/usr/bin/python3
"""A real mail server: Debian's OpenSMTPD, private to one folder, delivering `@example.org` to Maildirs, nothing else.

Usage: opensmtpd.py --package UNPACKED FOLDER

UNPACKED is where `dpkg -x` unpacked the package opensmtpd, which cannot be installed beside Postfix. Prints the port on
127.0.0.1, with neither TLS nor AUTH, once the server answers, and runs until its standard input closes. Letters come to
FOLDER/mail/ADDRESS/new, the log to FOLDER/log. Mail to a local part that starts with `nouser` is refused.

Needs root. OpenSMTPD knows some paths and users by name: it sees its own in a mount namespace, and this machine's are
left alone. Its processes are in a namespace too, and end with it.
"""

import argparse
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import time

READY_SECONDS = 20

CONFIG = """\
listen on 127.0.0.1 port {port} hostname mx.example.org
table everyone {{ "@" = nobody }}
action keep maildir "{folder}/mail/%{{rcpt}}" virtual <everyone>
match from any for domain "example.org" rcpt-to regex "^nouser" reject
match from any for domain "example.org" action keep
"""

USERS = """\
opensmtpd:x:990:990::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:991:991::/var/lib/opensmtpd/empty:/usr/sbin/nologin
"""
GROUPS = "opensmtpd:x:990:\nopensmtpq:x:991:\n"

# Only in the namespace. The spool's folders are made by smtpd itself.
START = """\
set -e
mount --bind {folder}/passwd /etc/passwd
mount --bind {folder}/group /etc/group
mount --bind {package}/usr/libexec /usr/libexec
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /var/spool
mount -t tmpfs tmpfs /run
mkdir -p -m 755 /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
exec {package}/usr/sbin/smtpd -d -f {folder}/smtpd.conf
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def greets(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"220 "
    except OSError:
        return False


def prepare(folder, package):
    port = free_port()
    (folder / "mail").mkdir(parents=True, exist_ok=True)
    shutil.chown(folder / "mail", "nobody")
    (folder / "smtpd.conf").write_text(CONFIG.format(folder=folder, port=port))
    (folder / "passwd").write_text(pathlib.Path("/etc/passwd").read_text() + USERS)
    (folder / "group").write_text(pathlib.Path("/etc/group").read_text() + GROUPS)
    names = {"folder": shlex.quote(str(folder)), "package": shlex.quote(str(package))}
    (folder / "start").write_text(START.format(**names))
    return port


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", required=True, type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    port = prepare(folder, arguments.package.resolve())
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(command + ["sh", folder / "start"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not greets(port):
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"OpenSMTPD does not answer\n{(folder / 'log').read_text()}")
            time.sleep(0.02)
        print(port, flush=True)
        sys.stdin.read()
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
