#!/usr/bin/python3
"""Shows a feed as Python's feedparser understands it: one URL in, one JSON object out.

Run by Debian's /usr/bin/python3 with python3-feedparser. What the feed leaves out is null or an empty list; dates are
UTC. If feedparser had to be lenient, `bozo` is true and the reason is on stderr.
"""

import json
import sys
import time

import feedparser


def iso(parsed):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", parsed) if parsed else None


def content_of(entry):
    """The HTML body if there is one, else whatever body there is."""
    contents = entry.get("content", [])
    html = [content for content in contents if "html" in (content.get("type") or "")]
    return next(iter(html + contents), {})


def source_of(entry):
    source = entry.get("source")
    if source is None:
        return None
    # RSS gives the source one address; Atom gives it links.
    return {"href": source.get("href") or source.get("link"), "title": source.get("title")}


def links_of(element):
    return [{key: link.get(key) for key in ("rel", "href", "title")} for link in element.get("links", [])]


def enclosure_of(enclosure):
    length = enclosure.get("length")
    return {"href": enclosure.get("href"), "type": enclosure.get("type"), "length": int(length) if length else None}


def read_entry(entry):
    content = content_of(entry)
    return {
        "id": entry.get("id"),
        "title": entry.get("title"),
        "author": entry.get("author"),
        "authors": [author.get("name") for author in entry.get("authors", [])],
        # get, unlike the attribute, does not give `published` for a missing `updated`.
        "published": iso(dict.get(entry, "published_parsed")),
        "updated": iso(dict.get(entry, "updated_parsed")),
        "link": entry.get("link"),
        "summary": entry.get("summary"),
        "content": content.get("value"),
        "language": entry.get("language"),
        "content_language": content.get("language"),
        "links": links_of(entry),
        "source": source_of(entry),
        "tags": [tag.get("term") for tag in entry.get("tags", [])],
        "enclosures": [enclosure_of(enclosure) for enclosure in entry.get("enclosures", [])],
    }


def read_feed(url):
    parsed = feedparser.parse(url)
    if parsed.get("status", 200) >= 400:
        sys.exit(f"{url}: HTTP status {parsed.status}")
    if parsed.bozo:
        print(f"{url}: {parsed.bozo_exception!r}", file=sys.stderr)
    feed = {
        "title": parsed.feed.get("title"),
        "language": parsed.feed.get("language"),
        "links": links_of(parsed.feed),
        "bozo": bool(parsed.bozo),
    }
    return {"feed": feed, "entries": [read_entry(entry) for entry in parsed.entries]}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: read_feeds.py URL")
    json.dump(read_feed(sys.argv[1]), sys.stdout, ensure_ascii=True, indent=1)
