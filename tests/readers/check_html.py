#!/usr/bin/python3
"""Checks contents of entries as a browser's parser sees them: a JSON list of HTML on stdin, faults on stdout.

Nothing that could run or phone home, every address absolute, no parse error of HTML5. Needs Debian's python3-html5lib.
"""

import json
import sys
from urllib.parse import urlsplit

import html5lib

FORBIDDEN = {"script", "style", "iframe", "form", "object", "embed", "svg", "math", "base", "link", "meta", "input"}
ADDRESSES = {"href", "src", "poster", "cite"}


def addresses(name, value):
    if name in ADDRESSES:
        yield value
    if name == "srcset":
        for candidate in value.split(", "):
            yield candidate.split(" ")[0]


def faults(html):
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parseFragment(html)
    for _, code, _ in parser.errors:
        yield f"parse error {code}"
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        # Another language than HTML: drawings, formulas.
        if element.tag in FORBIDDEN or element.tag.startswith("{"):
            yield f"<{element.tag}>"
        for name, value in element.attrib.items():
            if name.startswith("on") or name in ("style", "class", "formaction"):
                yield f"{name}={value!r}"
            for address in addresses(name, value):
                parts = urlsplit(address)
                is_page = parts.scheme in ("http", "https") and parts.netloc
                if not (is_page or parts.scheme == "mailto") or not address.isascii() or "utm_" in address:
                    yield f"{name}={address!r}"
        if element.tag == "img" and element.attrib.get("width") in ("0", "1") and element.attrib.get("height") in ("0", "1"):
            yield "a tracking pixel"


wrong = 0
for html in json.load(sys.stdin):
    for fault in faults(html):
        print(f"{fault}\n  in {html[:2000]}\n")
        wrong += 1
sys.exit(1 if wrong else 0)
