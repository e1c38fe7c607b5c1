#!/usr/bin/python3
"""Shows a feed as sfeed understands it: one URL or file in, one JSON object of read_feeds.py's shape out.

Needs Debian's package sfeed. By hand: `curl -s URL | sfeed`, which prints a line for each entry, with tabs between the
fields (man sfeed). What sfeed does not keep, such as languages and attributions, is null or an empty list.
"""

import json
import re
import subprocess
import sys
import time
import urllib.request

ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}


def fetch(source):
    if source.startswith(("http://", "https://")):
        with urllib.request.urlopen(source, timeout=10) as response:
            return response.read()
    with open(source, "rb") as file:
        return file.read()


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(seconds))) if seconds else None


def read_entry(line):
    published, title, link, content, kind, guid, author, enclosure, tags = line.split("\t")
    content = re.sub(r"\\(.)", lambda escape: ESCAPES[escape[1]], content)
    return {
        "id": guid or None,
        "title": title or None,
        "author": author or None,
        "authors": [author] if author else [],
        "published": iso(published),
        "updated": None,
        "link": link or None,
        "summary": content if kind == "plain" else None,
        "content": content if kind == "html" else None,
        "language": None,
        "content_language": None,
        "links": [],
        "source": None,
        "tags": tags.split("|") if tags else [],
        "enclosures": [{"href": enclosure, "type": None, "length": None}] if enclosure else [],
    }


def read_feed(source):
    output = subprocess.run(["sfeed"], input=fetch(source), capture_output=True, check=True).stdout.decode()
    # Only line feeds part entries: other separators of lines are text.
    entries = [read_entry(line) for line in output.split("\n") if line]
    return {"feed": {"title": None, "language": None, "links": []}, "entries": entries}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: sfeed.py URL|FILE")
    json.dump(read_feed(sys.argv[1]), sys.stdout, ensure_ascii=True, indent=1)
