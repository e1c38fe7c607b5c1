#!/usr/bin/python3
"""Shows what Debian's SpamAssassin thinks of letters: one line of JSON for each file, {"file", "score", "rules"}.

Usage: spamassassin.py FILE…
       spamassassin.py --zone ZONE.json --ip IP --helo HOST --from ADDRESS FILE…

The first judges a file as it is, without DNS. The second judges it as a server would that got it from IP, with a
Received header of its own and what the zone says (see dns_stub.py), so that DKIM and SPF are seen too (SPF with
libmail-spf-perl). Neither asks the net, learns, or reads the settings of who runs it. One process reads all files;
root becomes nobody for it.
"""

import argparse
import contextlib
import email
import email.utils
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile

from dns_stub import DnsStub, read_zone

RULES = "/usr/share/spamassassin"
SECONDS = 120

PREFERENCES = """\
use_bayes 0
use_learner 0
use_razor2 0
use_pyzor 0
skip_rbl_checks 1
skip_uribl_checks 1
report_safe 0
clear_report_template
report {mark} _SCORE_ _TESTSSCORES(,)_
"""

RESOLVER = """\
dns_available yes
dns_server [127.0.0.1]:{port}
clear_trusted_networks
trusted_networks 198.51.100.25
"""

RECEIVED = b"""\
Return-Path: <%(sender)s>\r
Received: from %(helo)s (%(helo)s [%(ip)s])\r
 by mx.example.net (Postfix) with ESMTPS id 4VxQ2l5Yk0z9t\r
 for <reader@example.net>; %(date)s\r
"""


def received(letter, arguments):
    """The letter, as if it had come from outside the moment it was written."""
    date = email.message_from_bytes(letter)["Date"] or email.utils.formatdate()
    fields = {"sender": arguments.sender, "helo": arguments.helo, "ip": arguments.ip, "date": date}
    return RECEIVED % {name.encode(): value.encode() for name, value in fields.items()} + letter


def judge(letters, preferences, local):
    """(score, {rule: points}) of each letter."""
    mark = f"verdict-{secrets.token_hex(16)}"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "preferences").write_text(preferences.format(mark=mark))
        files = [path / f"{number:06}.eml" for number in range(len(letters))]
        for file, letter in zip(files, letters):
            file.write_bytes(letter)
        command = ["spamassassin", "--test-mode", "--nocreate-prefs", "--configpath", RULES]
        command += ["--prefspath", path / "preferences"] + ["--local"] * local + files
        if os.geteuid() == 0:
            # As root it would make a folder in root's home, whatever HOME says.
            for file in [path, *path.iterdir()]:
                shutil.chown(file, "nobody", "nogroup")
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        environment = {"HOME": folder, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        ran = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=SECONDS)
    verdicts = re.findall(rf"^{mark} (\S+) (\S*)\s*$", ran.stdout.decode("utf-8", "replace"), re.MULTILINE)
    if len(verdicts) != len(letters):
        raise SystemExit(f"{len(letters)} letters, {len(verdicts)} verdicts\n{ran.stderr.decode()}")
    for score, rules in verdicts:
        pairs = [rule.split("=") for rule in rules.split(",") if "=" in rule]
        yield float(score), {name: float(points) for name, points in pairs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zone", type=read_zone)
    parser.add_argument("--ip", default="192.0.2.10")
    parser.add_argument("--helo", default="mail.far-bank.example")
    parser.add_argument("--from", dest="sender", default="bounce@b.far-bank.example")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    letters = [pathlib.Path(file).read_bytes() for file in arguments.files]
    preferences = PREFERENCES
    with contextlib.ExitStack() as stack:
        if arguments.zone:
            port = stack.enter_context(DnsStub(arguments.zone)).port
            preferences += RESOLVER.format(port=port, mark="{mark}")
            letters = [received(letter, arguments) for letter in letters]
        for file, (score, rules) in zip(arguments.files, judge(letters, preferences, local=not arguments.zone)):
            print(json.dumps({"file": file, "score": score, "rules": rules}))


if __name__ == "__main__":
    main()
