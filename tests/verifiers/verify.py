#!/usr/bin/python3
"""Shows letters as Python's email package and dkimpy understand them: one line of JSON for each file.

Usage: verify.py email FILE…
       verify.py dkimpy --zone ZONE.json FILE…

`email` needs nothing but Python. It gives headers decoded, in their order; each part that is not multipart, with text
decoded; the links of the text and of the HTML, and its images; and the defects that the parser found, with where.

`dkimpy` needs the packages of requirements.txt. It verifies every DKIM-Signature, from the top, each on its own; keys
come from the zone (see dns_stub.py), and nothing from the net.
"""

import argparse
import collections
import email
import email.header
import email.policy
import html.parser
import json
import pathlib
import re

from dns_stub import read_zone, txt

URL = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+")


class Html(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.language, self.direction, self.links, self.images = None, None, [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "html":
            self.language, self.direction = attributes.get("lang"), attributes.get("dir")
        if "href" in attributes:
            self.links.append(attributes["href"])
        if tag == "img":
            self.images.append(attributes)


def read_part(part):
    read = {
        "type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "encoding": part.get("Content-Transfer-Encoding"),
        "disposition": part.get_content_disposition(),
        "filename": part.get_filename(),
        "bytes": len(part.get_payload(decode=True) or b""),
    }
    if part.get_content_maintype() != "text":
        return read
    # Strict: a byte that its charset does not have is an error here, not U+FFFD.
    read["text"] = text = part.get_content(errors="strict")
    if part.get_content_subtype() == "html":
        page = Html(text)
        read |= {"lang": page.language, "dir": page.direction, "links": page.links, "images": page.images}
    else:
        read["links"] = [url.rstrip(".,;:!?)»،؛؟") for url in URL.findall(text)]
    return read


def defects_of(message):
    for part in message.walk():
        for defect in part.defects:
            yield f"{part.get_content_type()}: {defect!r}"
        for name, value in part.items():
            for defect in value.defects:
                yield f"{name}: {defect!r}"


def mailboxes(message, field):
    """[{"name": …, "address": …}] of a header with addresses that may be missing."""
    addresses = message[field].addresses if message[field] else []
    return [{"name": address.display_name, "address": address.addr_spec} for address in addresses]


def sender(letter, message):
    """The same, of From. A name in several encoded words is decoded by the older half of the package: the newer one
    of Python 3.11 keeps the space between two of them, which RFC 2047 §6.2 drops."""
    read = mailboxes(message, "From")
    raw = email.message_from_bytes(letter)["From"] or ""
    words = raw.rpartition("<")[0].strip()
    if len(read) == 1 and words.startswith("=?"):
        read[0]["name"] = str(email.header.make_header(email.header.decode_header(words)))
    return read


def read_email(letter):
    message = email.message_from_bytes(letter, policy=email.policy.default)
    lines = letter.split(b"\r\n")
    return {
        "headers": [[name, str(value)] for name, value in message.items()],
        "counts": collections.Counter(name.lower() for name in message.keys()),
        "subject": message["Subject"],
        "from": sender(letter, message),
        "to": mailboxes(message, "To"),
        "parts": [read_part(part) for part in message.walk() if not part.is_multipart()],
        # What the parser lets pass, and SMTP does not.
        "longest_line": max(map(len, lines)),
        "crlf_only": not any(b"\r" in line or b"\n" in line for line in lines),
        "ascii_only": letter.isascii(),
        "defects": list(defects_of(message)),
    }


def verify_dkim(letter, zone):
    import dkim

    def record(name, timeout=None):
        text = txt(zone, name.decode("ascii"))
        return text and text.encode("utf-8")

    signatures = []
    for index, header in enumerate(email.message_from_bytes(letter).get_all("DKIM-Signature", [])):
        tags = {name: value.strip() for name, value in re.findall(r"(\w+)\s*=([^;]*)", header)}
        read = {"selector": tags.get("s"), "domain": tags.get("d"), "algorithm": tags.get("a")}
        try:
            ok = dkim.DKIM(letter).verify(idx=index, dnsfunc=record)
            error = None if ok else "no such key, or the headers do not fit the signature"
        except dkim.DKIMException as why:
            ok, error = False, f"{type(why).__name__}: {why}"
        signatures.append(read | {"ok": ok, "error": error})
    return {"ok": bool(signatures) and all(signature["ok"] for signature in signatures), "signatures": signatures}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("email").add_argument("files", nargs="+")
    dkimpy = commands.add_parser("dkimpy")
    dkimpy.add_argument("--zone", required=True, type=read_zone)
    dkimpy.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    for file in arguments.files:
        letter = pathlib.Path(file).read_bytes()
        read = read_email(letter) if arguments.command == "email" else verify_dkim(letter, arguments.zone)
        print(json.dumps({"file": file} | read), flush=True)


if __name__ == "__main__":
    main()
