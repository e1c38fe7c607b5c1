"""What the benchmarks share: invented newsrooms, measured processes, tables.

Everything is deterministic: the same articles at every run, on every machine.
"""

import datetime
import itertools
import os
import random
import re
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(ROOT, "target", "release", "byline")
SITE_URL = "https://review.example.org/"
SITE_TITLE = "The Example Review"
AUTHOR = "Shirin Example"
OUTLET = "The Example Gazette"
# The tag of no document: a feed is sent whole to whoever names it. Byline puts off those who ask for whole
# feeds again and again and name none.
OLDER = '"an-older-one"'
# Articles are spread from here over so many days; what a benchmark saves comes after them.
FIRST_DAY = datetime.datetime(2010, 1, 1, 6)
DAYS = 5000
AFTER_ALL = datetime.datetime(2025, 1, 1)

LETTERS = {
    "en": ("bcdfghlmnprstvw", "aeiou"),
    "fa": ("بپتجچخدرزسشفکگلمنه", "اویه"),
}
CONFIG = f"""[site]
url = "{SITE_URL}"
title = "{SITE_TITLE}"
description = "Invented pieces, as many as it takes"
author = "{AUTHOR}"
languages = [%s]

[outlet.gazette]
name = "{OUTLET}"
url = "https://gazette.example.org/"
"""


class Writer:
    """Invents articles of about so many words in one language, from a few thousand invented sentences."""

    def __init__(self, language, words=900):
        self.language, self.words = language, words
        chance = random.Random(f"byline {language}")
        self.vocabulary = [invent_word(chance, *LETTERS[language]) for _ in range(4000)]
        # Few words are frequent, as in any language.
        weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(self.vocabulary))))
        self.sentences = []
        for number in range(3000):
            sentence = chance.choices(self.vocabulary, cum_weights=weights, k=chance.randint(8, 24))
            if number % 5 == 0:
                sentence[2] = f"*{sentence[2]}*"
            if number % 9 == 0:
                sentence[4] = f"[{sentence[4]}](https://gazette.example.org/{number})"
            text = " ".join(sentence)
            self.sentences.append((text[:1].upper() + text[1:] + ".", len(sentence)))

    def article(self, number, title=None, date=None):
        """A whole file: front matter that Byline and Hugo both read, and Markdown."""
        chance = random.Random(number)
        title = title or " ".join(chance.choices(self.vocabulary, k=4)).capitalize() + f" {number}"
        date = date or FIRST_DAY + datetime.timedelta(days=number * 7919 % DAYS, minutes=number % 720)
        tags = ", ".join(sorted({f"topic-{chance.randrange(30)}" for _ in range(number % 4)}))
        head = f'---\ntitle: "{title}"\ndate: {date:%Y-%m-%dT%H:%M:%SZ}\ntags: [{tags}]\n'
        head += "written_for: gazette\n" if number % 3 == 0 else ""
        blocks, left = [], self.words
        while left > 0:
            chosen = chance.choices(self.sentences, k=4)
            left -= sum(words for _, words in chosen)
            texts = [text for text, _ in chosen]
            place = len(blocks) % 8
            if place == 3:
                blocks.append("## " + " ".join(chance.choices(self.vocabulary, k=4)))
            if place == 5:
                blocks.append("\n".join(f"- {text}" for text in texts))
            else:
                blocks.append(("> " if place == 7 else "") + " ".join(texts))
        return f"{head}---\n\n" + "\n\n".join(blocks) + "\n"


def invent_word(chance, consonants, vowels):
    syllables = [chance.choice(consonants) + chance.choice(vowels) for _ in range(chance.choice((1, 2, 2, 3, 3, 4)))]
    return "".join(syllables) + chance.choice(consonants)


def fill(articles, count, languages, words=900):
    """Writes `count` articles into one folder a language."""
    writers = [Writer(language, words) for language in languages]
    for language in languages:
        os.makedirs(os.path.join(articles, language))
    for number in range(count):
        writer = writers[number % len(writers)]
        with open(os.path.join(articles, writer.language, f"piece-{number}.md"), "w", encoding="utf-8") as file:
            file.write(writer.article(number))


def configure(folder, languages):
    """Makes `folder` a newsroom."""
    with open(os.path.join(folder, "config.toml"), "w", encoding="utf-8") as file:
        file.write(CONFIG % ", ".join(f'"{language}"' for language in languages))


class Process:
    """A server that is stopped at the end of `with`; what it says goes into a log."""

    def __init__(self, command, log, cwd=None):
        self.begun = time.monotonic()
        self.log = log
        with open(log, "wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=cwd)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, pattern, seconds=1200):
        """The match, once it has said it, and after how many seconds."""
        while time.monotonic() - self.begun < seconds:
            if found := re.search(pattern, self.said()):
                return found, time.monotonic() - self.begun
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        sys.exit(f"{' '.join(self.process.args)} did not say {pattern!r}; it said:\n{self.said()[-2000:]}")

    def memory(self):
        """Resident now, in bytes, its children too."""
        return sum(status(pid, "VmRSS") for pid in family(self.pid))

    def settle(self, quiet=0.3, seconds=120):
        """Waits until it has used no processor for a moment: the last save is worked off."""
        begun = since = time.monotonic()
        used = None
        while time.monotonic() - begun < seconds:
            now = sum(ticks(pid) for pid in family(self.pid))
            if now != used:
                used, since = now, time.monotonic()
            elif time.monotonic() - since > quiet:
                return
            time.sleep(0.02)


def run(command, cwd=None):
    """Runs to the end: seconds, processor seconds, and the most memory that it had resident.

    The kernel's own figure (`ru_maxrss`) begins with the size of this interpreter, so it is not used.
    """
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd)
    peaks = {}
    while True:
        for pid in family(process.pid):
            peaks[pid] = max(peaks.get(pid, 0), status(pid, "VmHWM"))
        pid, code, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.005)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(code)
    said = process.stdout.read().decode(errors="replace")
    process.stdout.close()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{said[-2000:]}")
    return wall, used.ru_utime + used.ru_stime, sum(peaks.values())


def status(pid, key):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith(key)), 0)
    except OSError:
        return 0


def ticks(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except OSError:
        return 0


def family(pid):
    """A process and its children, theirs too."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(child) for child in file.read().split()]
    except OSError:
        children = []
    return [pid] + [each for child in children for each in family(child)]


def byline(path):
    if not os.access(path, os.X_OK):
        sys.exit(f"there is no {path}; build it first: cargo build --release (or name another with --binary)")
    if os.path.basename(os.path.dirname(path)) == "debug":
        print("note: a debug build; its figures say nothing about speed\n")
    return os.path.abspath(path)


def progress(text):
    print(f"  {text} ...", file=sys.stderr, flush=True)


def table(rows):
    """Prints rows of text: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if not number else cell.rjust(width)
                 for number, (cell, width) in enumerate(zip(row, widths))]
        print("   ".join(cells).rstrip())


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def megabytes(value):
    return f"{value / 1e6:.1f} MB"


median = statistics.median
