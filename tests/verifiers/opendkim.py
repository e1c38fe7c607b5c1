#!/usr/bin/python3
"""Verifies letters with Debian's opendkim: one line of JSON for each file.

Usage: opendkim.py --zone ZONE.json FILE…

Keys come from the zone (see dns_stub.py), and nothing from the net. `ok` is true if there is a signature and all of
them verify; `signatures` is what opendkim says about each, from the top; `said` is its own last word, which is about
one signature that it picks.
"""

import argparse
import json
import pathlib
import re
import subprocess
import tempfile

from dns_stub import read_zone

CONFIG = """\
Mode v
TestPublicKeys {keys}
On-BadSignature accept
On-KeyNotFound accept
On-NoSignature accept
On-SignatureError accept
"""

RESULT = re.compile(
    r'dkim=(?P<result>\w+)(?: reason="(?P<reason>[^"]*)")?(?: \([^)]*\))? header\.d=(?P<domain>\S+)'
    r".*? header\.a=(?P<algorithm>\S+) header\.s=(?P<selector>\S+)"
)


def verify(config, file):
    # Twice -v, and it shows the Authentication-Results header that it would add.
    command = ["opendkim", "-x", config, "-v", "-v", "-t", "-"]
    with open(file, "rb") as letter:
        ran = subprocess.run(command, stdin=letter, capture_output=True, text=True, check=True, timeout=20)
    results = [match.groupdict() for match in RESULT.finditer(ran.stdout)]
    signatures = [result | {"ok": result["result"] == "pass"} for result in results]
    lines = [line for line in ran.stdout.splitlines() if line.startswith("opendkim: ")]
    return {
        "ok": bool(signatures) and all(signature["ok"] for signature in signatures),
        "signatures": signatures,
        "said": lines[-1].removeprefix("opendkim: ").removeprefix("(stdin): ") if lines else ran.stdout + ran.stderr,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zone", required=True, type=read_zone)
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys, config = pathlib.Path(folder, "keys"), pathlib.Path(folder, "opendkim.conf")
        texts = [(name, text) for name, records in arguments.zone.items() for text in records.get("TXT", [])]
        keys.write_text("".join(f"{name} {text}\n" for name, text in texts if "._domainkey." in name))
        config.write_text(CONFIG.format(keys=keys))
        for file in arguments.files:
            print(json.dumps({"file": file} | verify(config, file)), flush=True)


if __name__ == "__main__":
    main()
