// Shows feeds as the readers from npm understand them: URLs or files in, one JSON array out.
//
//     FOLDER/node read_feeds.mjs [--modules FOLDER] URL|FILE...
//
// FOLDER is where install.sh put the readers; target/readers unless given. For each feed there is one object, with a
// key for each reader: `rss-parser`, `feedsmith` and `node-feedparser` (on npm `feedparser`). What a reader says has
// the shape that read_feeds.py prints, or is `{"error": …}` where it cannot read the format (JSON Feed is for
// feedsmith alone). Only what the reader hands out counts: nothing is inherited or guessed here.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const args = process.argv.slice(2);
const here = path.dirname(fileURLToPath(import.meta.url));
const folder = args[0] === "--modules" ? args.splice(0, 2)[1] : path.join(here, "../../target/readers");
if (!folder || args.length === 0) {
    console.error("usage: read_feeds.mjs [--modules FOLDER] URL|FILE...");
    process.exit(2);
}
const require = createRequire(pathToFileURL(path.resolve(folder, "package.json")));
const RssParser = require("rss-parser");
const FeedParser = require("feedparser");
const { parseFeed } = require("feedsmith");

const list = (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);
const orNull = (value) => value ?? null;

/** Whole seconds, UTC. */
function iso(date) {
    const moment = new Date(date ?? NaN);
    return Number.isNaN(moment.getTime()) ? null : moment.toISOString().replace(/\.\d+Z$/, "Z");
}

const readLink = (link = {}) => ({ rel: orNull(link.rel), href: orNull(link.href), title: orNull(link.title) });

function readEnclosure({ href, url, type, length }) {
    return { href: orNull(url ?? href), type: orNull(type), length: length ? Number(length) : null };
}

const feedOf = (title, language, links) => ({
    title: orNull(title),
    language: orNull(language),
    links: list(links).map(readLink),
});

/** Every key of an entry, in the order of read_feeds.py; what is not given is null or an empty list. */
function entry(given) {
    const { id, title, author, authors, published, updated, link, summary, content } = given;
    const { language, content_language, links, source, tags, enclosures } = given;
    return {
        id: orNull(id),
        title: orNull(title),
        author: orNull(author),
        authors: list(authors),
        published: iso(published),
        updated: iso(updated),
        link: orNull(link),
        summary: orNull(summary),
        content: orNull(content),
        language: orNull(language),
        content_language: orNull(content_language),
        links: list(links).map(readLink),
        source: source ? { href: orNull(source.url ?? source.href), title: orNull(source.title) } : null,
        tags: list(tags),
        enclosures: list(enclosures).map(readEnclosure),
    };
}

/** xml2js hands out an element as its text, or as `{_: text, $: attributes}`. */
const text = (element) => (typeof element === "object" ? element._ : element);
const attributes = (element) => element?.$ ?? {};

async function rssParser(xml) {
    // It shows few fields by itself. These it passes on as xml2js reads them.
    const raw = (name, as) => [name, as, { keepArray: true }];
    const item = [
        raw("source", "sources"),
        raw("atom:link", "rssLinks"),
        raw("atom:updated", "rssUpdated"),
        raw("dc:creator", "creators"),
        raw("author", "atomAuthors"),
        raw("link", "atomLinks"),
        raw("updated", "atomUpdated"),
        raw("category", "atomCategories"),
        raw("content", "atomContents"),
    ];
    const links = [raw("atom:link", "rssLinks"), raw("link", "atomLinks")];
    const feed = await new RssParser({ customFields: { item, feed: links } }).parseString(xml);
    const linksOf = (element) => [...list(element.rssLinks), ...list(element.atomLinks)].map(attributes);
    // A link of RSS is text and has no attributes.
    const named = (found) => found.filter((link) => link.href);
    return {
        feed: feedOf(feed.title, feed.language, named(linksOf(feed))),
        entries: feed.items.map((item) => {
            const atom = item.id !== undefined;
            const found = named(linksOf(item));
            const source = list(item.sources)[0];
            const enclosures = found.filter((link) => link.rel === "enclosure");
            return entry({
                id: atom ? item.id : item.guid,
                title: item.title,
                author: atom ? item.author : item.creator,
                authors: atom ? list(item.atomAuthors).flatMap(({ name }) => name) : list(item.creators).map(text),
                published: item.isoDate,
                updated: text(list(atom ? item.atomUpdated : item.rssUpdated)[0]),
                link: item.link,
                summary: atom ? item.summary : item.content,
                content: atom ? item.content : item["content:encoded"],
                language: item.language,
                content_language: attributes(list(item.atomContents)[0])["xml:lang"],
                links: found,
                source: source && { url: attributes(source).url, title: text(source) },
                tags: list(item.atomCategories).map((category) => attributes(category).term ?? text(category)),
                enclosures: item.enclosure ?? enclosures,
            });
        }),
    };
}

function feedsmith(source) {
    const { format, feed } = parseFeed(source);
    const names = (people) => list(people).map((person) => person.name);
    if (format === "rss") {
        return {
            feed: feedOf(feed.title, feed.language, feed.atom?.links),
            entries: list(feed.items).map((item) =>
                entry({
                    id: item.guid?.value,
                    title: item.title,
                    author: item.dc?.creators?.[0],
                    authors: item.dc?.creators,
                    published: item.pubDate,
                    updated: item.atom?.updated,
                    link: item.link,
                    summary: item.description,
                    content: item.content?.encoded,
                    language: item.dc?.languages?.[0],
                    links: item.atom?.links,
                    source: item.source,
                    tags: list(item.categories).map((category) => category.name),
                    enclosures: item.enclosures,
                }),
            ),
        };
    }
    if (format === "atom") {
        const alternate = (links) => list(links).find((link) => (link.rel ?? "alternate") === "alternate")?.href;
        return {
            feed: feedOf(feed.title?.value, feed.xml?.lang, feed.links),
            entries: list(feed.entries).map((item) =>
                entry({
                    id: item.id,
                    title: item.title?.value,
                    author: item.authors?.[0]?.name,
                    authors: names(item.authors),
                    published: item.published,
                    updated: item.updated,
                    link: alternate(item.links),
                    summary: item.summary?.value,
                    content: item.content?.value,
                    language: item.xml?.lang,
                    content_language: item.content?.xml?.lang,
                    links: item.links,
                    source: item.source && { href: alternate(item.source.links), title: item.source.title?.value },
                    tags: list(item.categories).map((category) => category.term),
                    enclosures: list(item.links).filter((link) => link.rel === "enclosure"),
                }),
            ),
        };
    }
    if (format === "json") {
        const links = [
            { rel: "self", href: feed.feed_url },
            { rel: "alternate", href: feed.home_page_url },
        ];
        return {
            feed: feedOf(feed.title, feed.language, links),
            entries: list(feed.items).map((item) =>
                entry({
                    id: item.id,
                    title: item.title,
                    author: item.authors?.[0]?.name,
                    authors: names(item.authors),
                    published: item.date_published,
                    updated: item.date_modified,
                    link: item.url,
                    summary: item.summary,
                    content: item.content_html ?? item.content_text,
                    language: item.language,
                    // What stands for `via` in this format.
                    links: item.external_url ? [{ rel: "via", href: item.external_url }] : [],
                    tags: item.tags,
                    enclosures: list(item.attachments).map(({ url, mime_type, size_in_bytes }) => ({
                        url,
                        type: mime_type,
                        length: size_in_bytes,
                    })),
                }),
            ),
        };
    }
    throw new Error(`format ${format}`);
}

async function nodeFeedparser(xml) {
    const parser = new FeedParser({ addmeta: false });
    let meta;
    parser.once("meta", (found) => (meta = found));
    const entries = [];
    parser.on("readable", () => {
        for (let item = parser.read(); item; item = parser.read()) entries.push(nodeFeedparserEntry(item));
    });
    const read = new Promise((resolve, reject) => parser.on("end", resolve).on("error", reject));
    parser.end(xml);
    await read;
    const links = list(meta["atom:link"]).map((link) => link["@"]);
    return { feed: feedOf(meta.title, meta.language, links), entries };
}

function nodeFeedparserEntry(item) {
    // Beside its own fields it hands out each element: attributes as `@`, text as `#`.
    const text = (name) => item[name]?.["#"];
    return entry({
        id: item.guid,
        title: item.title,
        author: item.author,
        authors: [
            ...list(item["dc:creator"]).map((person) => person["#"]),
            ...list(item["atom:author"]).map((person) => person.name?.["#"]),
        ],
        published: item.pubdate,
        updated: text("atom:updated"),
        link: item.link,
        summary: item.summary,
        content: item.description,
        language: text("dc:language"),
        content_language: item["atom:content"]?.["@"]?.["xml:lang"],
        links: list(item["atom:link"]).map((link) => link["@"]),
        source: item.source?.url || item.source?.title ? item.source : null,
        tags: item.categories,
        enclosures: item.enclosures,
    });
}

async function fetchText(from) {
    if (!/^https?:/.test(from)) return readFile(from, "utf8");
    const response = await fetch(from);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return response.text();
}

const readers = { "rss-parser": rssParser, feedsmith, "node-feedparser": nodeFeedparser };
const feeds = [];
for (const from of args) {
    const source = await fetchText(from).catch((error) => {
        console.error(`${from}: ${error.cause?.message ?? error.message}`);
        process.exit(1);
    });
    const read = {};
    for (const [name, reader] of Object.entries(readers)) {
        try {
            read[name] = await reader(source);
        } catch (error) {
            read[name] = { error: String(error.message ?? error) };
        }
    }
    feeds.push(read);
}
console.log(JSON.stringify(feeds, null, 1));
