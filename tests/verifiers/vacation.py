#!/usr/bin/python3
"""Shows whether Dovecot's Sieve answers letters for somebody on holiday: one line of JSON for each file.

Usage: vacation.py [--from ADDRESS] [--rcpt ADDRESS] FILE…

Each file is delivered by itself to RCPT, who is away, with ADDRESS as its envelope sender. `answered` tells whether
an answer would be sent, and `said` why. Needs Debian's dovecot-core and dovecot-sieve. Nothing is sent, and no server
runs; root becomes nobody, since Dovecot does not deliver as root.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

SCRIPT = """\
require ["vacation"];
vacation :days 1 :addresses ["{rcpt}"] "I am away.";
"""

CONFIG = """\
base_dir = {folder}
mail_location = maildir:{folder}/mail
mail_home = {folder}
protocols =
ssl = no
postmaster_address = postmaster@example.net
"""

ACTION = re.compile(r"^info: .*?vacation action: (.*)$", re.MULTILINE)


def deliver(letter, sender, rcpt):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "away.sieve").write_text(SCRIPT.format(rcpt=rcpt))
        (path / "dovecot.conf").write_text(CONFIG.format(folder=folder))
        (path / "letter").write_bytes(letter)
        command = ["sieve-test", "-e", "-c", path / "dovecot.conf", "-l", f"maildir:{folder}/mail"]
        command += ["-f", sender, "-r", rcpt, "-a", rcpt, path / "away.sieve", path / "letter"]
        if os.geteuid() == 0:
            for file in [path, *path.iterdir()]:
                shutil.chown(file, "nobody", "nogroup")
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        environment = {"HOME": folder, "PATH": os.environ["PATH"]}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder, timeout=20)
        action = ACTION.search(ran.stderr)
        if ran.returncode != 0 or not action:
            raise SystemExit(f"sieve-test: status {ran.returncode}\n{ran.stdout}{ran.stderr}")
        return {"answered": action[1].startswith("sent "), "said": action[1]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="sender", default="bounce@b.far-bank.example")
    parser.add_argument("--rcpt", default="reader@example.net")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    for file in arguments.files:
        letter = pathlib.Path(file).read_bytes()
        print(json.dumps({"file": file} | deliver(letter, arguments.sender, arguments.rcpt)), flush=True)


if __name__ == "__main__":
    main()
