#!/usr/bin/python3
"""Shows what Debian's rspamd thinks of letters: one line of JSON for each file, {"file", "score", "action", "symbols"}.

Usage: rspamd.py --zone ZONE.json [--ip IP] [--helo HOST] [--from ADDRESS] [--rcpt ADDRESS] [--cache FOLDER] FILE…

It starts an rspamd of its own with the packaged rules, in a folder that is removed again, tells it that each letter
came by SMTP as the options say, and ends it. DNS is what the zone says (see dns_stub.py): no lists, no maps from the
net. Nothing is learned; Redis, fuzzy hashes and neural networks are off.

rspamd compiles its patterns at its first start, ten seconds long; in a cache FOLDER it finds them the next time.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

from dns_stub import DnsStub, read_zone

READY_SECONDS = 120
CHECK_SECONDS = 60

CONFIG = """\
.include "$CONFDIR/common.conf"
options {{
    .include "$CONFDIR/options.inc"
    .include(priority=10) "{folder}/options.inc"
}}
logging {{
    type = "file";
    filename = "{folder}/log";
    level = "notice";
}}
worker "normal" {{
    bind_socket = "{folder}/scan.sock mode=0600";
    count = 1;
    .include "$CONFDIR/worker-normal.inc"
}}
"""

# Instead of the packaged ones, because of the higher priority.
OPTIONS = """\
pidfile = "{folder}/pid";
tempdir = "{folder}";
hs_cache_dir = "{cache}/";
disable_hyperscan = true;
filters = "chartable,dkim,regexp";
dns {{
    nameserver = ["127.0.0.1:{port}"];
    timeout = 2s;
}}
"""

# What asks the net, or learns; without Redis the others that do are off too.
OFF = ["asn", "fuzzy_check", "neural", "rbl"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=CHECK_SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path, method, url, body=None, headers={}):
    with contextlib.closing(UnixConnection(path)) as connection:
        connection.request(method, url, body, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise OSError(f"rspamd: {url}: {response.status} {text!r}")
        return text


def wait_until_ready(process, path, log):
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return ask(path, "GET", "/ping")
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text("utf-8", "replace") if log.exists() else ""
                raise SystemExit(f"rspamd does not answer; its status is {process.poll()}\n{said}")
            time.sleep(0.02)


@contextlib.contextmanager
def running(zone, cache):
    """The path of the socket of a new rspamd."""
    with tempfile.TemporaryDirectory() as folder, DnsStub(zone) as dns:
        path = pathlib.Path(folder)
        (path / "local.d").mkdir()
        for module in OFF:
            (path / "local.d" / f"{module}.conf").write_text("enabled = false;\n")
        (path / "rspamd.conf").write_text(CONFIG.format(folder=folder))
        (path / "options.inc").write_text(OPTIONS.format(folder=folder, cache=cache or folder, port=dns.port))
        # It ends with this program, however this ends; in the foreground; as root too.
        command = ["setpriv", "--pdeathsig", "TERM", "rspamd", "--no-fork", "--insecure"]
        command += ["--config", path / "rspamd.conf"]
        command += [f"--var={name}={folder}" for name in ("DBDIR", "RUNDIR", "LOGDIR", "LOCAL_CONFDIR")]
        with open(path / "output", "wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            wait_until_ready(process, f"{folder}/scan.sock", path / "log")
            yield f"{folder}/scan.sock"
        finally:
            # With its workers: the session is its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def judge(path, letter, arguments):
    envelope = {"IP": arguments.ip, "Helo": arguments.helo, "Hostname": arguments.helo}
    envelope |= {"From": arguments.sender, "Rcpt": arguments.rcpt}
    read = json.loads(ask(path, "POST", "/checkv2", letter, envelope))
    symbols = {name: symbol["score"] for name, symbol in read["symbols"].items()}
    return {"score": round(read["score"], 3), "action": read["action"], "symbols": dict(sorted(symbols.items()))}


def existing_folder(name):
    pathlib.Path(name).mkdir(parents=True, exist_ok=True)
    return pathlib.Path(name).resolve()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zone", required=True, type=read_zone)
    parser.add_argument("--cache", type=existing_folder)
    parser.add_argument("--ip", default="192.0.2.10")
    parser.add_argument("--helo", default="mail.far-bank.example")
    parser.add_argument("--from", dest="sender", default="bounce@b.far-bank.example")
    parser.add_argument("--rcpt", default="reader@example.net")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    # So that what is running is ended then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    with running(arguments.zone, arguments.cache) as path:
        for file in arguments.files:
            verdict = judge(path, pathlib.Path(file).read_bytes(), arguments)
            print(json.dumps({"file": file} | verdict), flush=True)


if __name__ == "__main__":
    main()
