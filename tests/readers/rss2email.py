#!/usr/bin/python3
"""Shows a feed as rss2email mails it: one URL in, one JSON array of mails out, the oldest first.

Needs Debian's package rss2email, and sends nothing: the mails go to a folder that is removed again. Its own settings are
those of a new user, but for mails with both HTML and text. A mail is

    {"subject": …, "from": …, "date": …, "headers": {…}, "text": …, "html": …}

with headers decoded. Where an entry links to its original, `html` has the line `<p>Via <a href="…">…</a></p>`.
"""

import email
import email.policy
import json
import pathlib
import subprocess
import sys
import tempfile

SETTINGS = """\
[DEFAULT]
from = reader@example.org
to = reader@example.org
email-protocol = maildir
maildir-path = {folder}
maildir-mailbox = mails
html-mail = True
multipart-html = True
date-header = True
verbose = warning
"""


def read_mail(mail):
    def part(kind):
        body = mail.get_body((kind,))
        return body.get_content() if body else None

    return {
        "subject": mail["subject"],
        "from": mail["from"],
        "date": mail["date"],
        "headers": {name: str(value) for name, value in mail.items()},
        "text": part("plain"),
        "html": part("html"),
    }


def mails_of(url, folder):
    settings = folder / "settings"
    settings.write_text(SETTINGS.format(folder=folder))
    r2e = ["r2e", "--config", settings, "--data", folder / "data"]
    # Its own home, so that no one's settings are read; UTF-8 for the settings it writes.
    environment = {"HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    for command in (["add", "feed", url], ["run"]):
        ran = subprocess.run(r2e + command, env=environment, capture_output=True, text=True)
        # It ends well also where it could not read the feed, and says so.
        if ran.returncode != 0 or ran.stderr:
            sys.exit(f"r2e {' '.join(command)}: status {ran.returncode}\n{ran.stdout}{ran.stderr}")
    files = folder.glob("mails/new/*")
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
    return sorted(mails, key=lambda mail: mail["date"].datetime)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: rss2email.py URL")
    with tempfile.TemporaryDirectory() as folder:
        read = [read_mail(mail) for mail in mails_of(sys.argv[1], pathlib.Path(folder))]
    json.dump(read, sys.stdout, ensure_ascii=True, indent=1)
