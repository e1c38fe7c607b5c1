//! Of RSS and Atom alike, and where JSON Feed has the same: elements, links, dates, languages.

rules! {
    UNDEFINED_ELEMENT: Error "undefined-element"
        "`{1}` does not know an element `{0}`; readers pass over it"
        "delete it, or write the element that was meant";
    QUESTIONABLE_USAGE: Warning "questionable-usage"
        "`{0}` does not belong into `{1}` of RSS; readers pass over it"
        "delete it, or use the element of RSS itself";
    UNEXPECTED_ATTRIBUTE: Error "unexpected-attribute"
        "`{1}` has no attribute `{0}`; readers pass over it"
        "delete it";
    MISSING_ATTRIBUTE: Error "missing-attribute"
        "`{1}` lacks its attribute `{0}`, without which readers drop it"
        "add `{0}=\"…\"`";
    DUPLICATE_ELEMENT: Error "duplicate-element"
        "`{0}` stands twice in one `{1}`; some readers take the first, some the last"
        "keep one of them";
    MISSING_ELEMENT: Error "missing-element"
        "`{1}` lacks `{0}`, which the format requires"
        "add `<{0}>…</{0}>`";
    UNEXPECTED_TEXT: Error "unexpected-text"
        "`{0}` stands in `{1}` but in no element of it; readers pass over it"
        "put it into the element that it belongs to, or delete it";
    MARKUP_IN_TEXT: Error "markup-in-text"
        "`{0}` can only have text in it but has the element `{1}`; readers lose it"
        "{2}";
    OLD_FORMAT: Warning "old-format"
        "this is {0}, an old format: {1}"
        "write RSS 2.0 or Atom 1.0, with an id, a date and an author for every article";
    NOT_BLANK: Warning "not-blank"
        "`{0}` is empty"
        "fill it in, or leave the element out";
    UNEXPECTED_WHITESPACE: Error "unexpected-whitespace"
        "`{0}` has white space around its value; programs compare it character by character"
        "write it without spaces and line ends around";

    UNKNOWN_NAMESPACE: Note "unknown-namespace"
        "the namespace `{0}` is not among the common ones; programs made for it use what is in it, others pass over it"
        "leave it as it is, but if nothing uses it compare its address: every character counts";
    RESERVED_PREFIX: Warning "reserved-prefix"
        "the prefix `{0}:` usually means `{1}`; old readers go by the prefix and misread this"
        "use another prefix here";
    NONSTD_PREFIX: Note "nonstd-prefix"
        "the usual prefix of this namespace is `{0}:`; old readers go by the prefix"
        "write `xmlns:{0}=\"{1}\"`";
    AVOID_NAMESPACE_PREFIX: Warning "avoid-namespace-prefix"
        "an Atom feed declares the prefix `{0}:`; old readers do not find elements with a prefix"
        "make it the namespace without a prefix: `xmlns=\"…\"`";

    INVALID_LINK: Error "invalid-link"
        "`{0}` in `{1}` is not a full address; readers cannot open it"
        "write the whole address, beginning with `https://`";
    INVALID_URI_CHARACTER: Error "invalid-uri-character"
        "`{0}` in `{1}` has a character that addresses cannot have; some readers cannot open it"
        "write a space as `%20`, and other characters as `%` and their number";
    URI_NOT_IRI: Error "uri-not-iri"
        "`{0}` in `{1}` has letters outside ASCII; some readers cannot open it"
        "write it as `{2}`";
    NON_ASCII_LINK: Warning "non-ascii-link"
        "`{0}` in `{1}` has letters outside ASCII, which the format allows but not every reader can open"
        "write it as `{2}`";
    RELATIVE_LINK: Warning "relative-link"
        "`{0}` in `{1}` is not a whole address; many readers do not know what it is relative to"
        "write the whole address, beginning with `https://`";
    INVALID_TAG: Error "invalid-tag"
        "`{0}` is not a tag: address of RFC 4151: small letters, no port, and a date, as in `tag:example.org,2026-01-31:name`"
        "correct it before the first publication; afterwards every reader takes it for a new article";
    INVALID_URN: Error "invalid-urn"
        "`{0}` is not a urn: address, as in `urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a`"
        "correct it before the first publication; afterwards every reader takes it for a new article";
    NON_CANONICAL_URI: Warning "non-canonical-uri"
        "the id `{0}` can also be written `{1}`; readers compare ids character by character, so it may turn into two"
        "write `{1}`, unless it is published already";
    INVALID_MIME_TYPE: Error "invalid-mime-type"
        "`{0}` is not a media type"
        "write a type and a subtype, such as `audio/mpeg` or `text/html`";

    INVALID_RFC822_DATE: Error "invalid-rfc822-date"
        "`{0}` is not a date of RSS; readers show none, or today's"
        "write it like `{1}`";
    INCORRECT_DAY_OF_WEEK: Error "incorrect-day-of-week"
        "`{0}` says {1} but that day is a {2}; some readers drop the date"
        "write `{2}`";
    PROBLEMATICAL_RFC822_DATE: Warning "problematical-rfc822-date"
        "`{0}` is a date that not every reader understands: {1}"
        "write it like `{2}`";
    INVALID_RFC3339_DATE: Error "invalid-rfc3339-date"
        "`{0}` in `{1}` is not a date and time of RFC 3339; readers show none, or today's"
        "write it like `2026-01-31T09:30:00Z`";
    INVALID_W3CDTF_DATE: Error "invalid-w3cdtf-date"
        "`{0}` in `{1}` is not a date; readers show none, or today's"
        "write it like `2026-01-31` or `2026-01-31T09:30:00Z`";
    IMPLAUSIBLE_DATE: Warning "implausible-date"
        "the date `{0}` is {1}; readers sort the article to the wrong place or hide it"
        "correct it; a piece that is not out yet does not belong into the feed";
    UPDATED_BEFORE_PUBLISHED: Warning "updated-before-published"
        "the article changed on `{0}`, before it was published on `{1}`"
        "give the later of the two as the date of change";
    FEED_OLDER_THAN_ENTRY: Warning "feed-older-than-entry"
        "the feed says that it last changed on `{0}`, but an article in it changed on `{1}`; programs that go by it miss the article"
        "give the date of the newest change";
    NOT_NEWEST_FIRST: Note "not-newest-first"
        "this article is newer than the one before it; readers that keep the order, or only the first few, show it wrongly"
        "put the newest first";

    INVALID_LANGUAGE: Error "invalid-language"
        "`{0}` is not a language code; readers choose a wrong font, voice or direction"
        "write a code such as `en`, `en-GB` or `fa`";
    MISSING_LANGUAGE: Note "missing-language"
        "nothing says which language the feed is in"
        "add {0}";
    RTL_TITLE: Warning "rtl-title-starts-left"
        "the title is in `{0}` but its first letter runs from left to right; Miniflux and Liferea then lay all of it out from the left"
        "begin it with a word in the language, or put the invisible mark U+200F before it";
    RTL_BODY: Warning "rtl-text-starts-left"
        "the text is in `{0}` but its first letter runs from left to right; Miniflux and Liferea then lay all of it out from the left"
        "begin the text with a sentence in the language, or put the invisible mark U+200F before it";
    MISSING_DIRECTION: Warning "missing-direction"
        "the text is in `{0}` but nothing in it says `dir=\"rtl\"`; readers lay it out from the left"
        "wrap it in `<div lang=\"{0}\" dir=\"rtl\">`";

    CONTAINS_HTML: Warning "contains-html"
        "`{0}` is plain text but has `{1}` in it; most readers show that as typed, some drop it"
        "write plain words without markup";
    MISSING_AUTHOR: Warning "missing-author"
        "nobody is named as the author of this article"
        "add {0}";

    INVALID_CONTACT: Error "invalid-contact"
        "`{0}` in `{1}` is not an e-mail address; RSS has only addresses here"
        "write the name in `<dc:creator>` instead";
    MISSING_REAL_NAME: Warning "missing-real-name"
        "`{0}` in `{1}` has no name; readers show the bare address"
        "write the name in `<dc:creator>` instead, which publishes no address";
    EMAIL_FORMAT: Warning "email-format"
        "`{0}` in `{1}` is not in the form that RSS has for a name and an address"
        "write the name in `<dc:creator>` instead, or `mina@example.org (Mina Example)`";

    MISSING_HREF: Error "missing-href"
        "a link has no `href`, so it leads nowhere"
        "add `href=\"https://…\"`";
    LINK_NOT_EMPTY: Error "link-not-empty"
        "a link of Atom has its address inside; readers look for it in `href` and find nothing"
        "write `<link href=\"…\"/>`";
    UNREGISTERED_LINK_REL: Warning "unregistered-atom-link-rel"
        "the W3C feed validator does not know the kind of link `{0}`, and readers pass over it"
        "{1}";
    MISSING_SELF: Warning "missing-self"
        "the feed does not say its own address; a copy of it cannot be told from the original, and hubs cannot serve it"
        "add {0}";
    DUPLICATE_SELF: Error "duplicate-self"
        "the feed gives its own address twice; WebSub requires exactly one `rel=\"self\"`"
        "keep the one at which it is fetched";
    RELATIVE_SELF: Warning "relative-self"
        "the feed's own address `{0}` is not whole"
        "write the whole address, beginning with `https://`";
    SELF_DOESNT_MATCH: Warning "self-doesnt-match-location"
        "the feed says that its address is `{0}`, but it was fetched from `{1}`; hubs and readers then follow two feeds"
        "write `{1}`";
    SELF_NOT_A_FEED: Warning "self-not-atom"
        "the link to the feed itself says that it is `{0}`, which is no feed's type"
        "write `{1}`";
    DUPLICATE_ALTERNATE: Error "duplicate-atom-link"
        "two `alternate` links have the same type and language; a reader cannot tell which one is the page"
        "keep one, or give each its own `type` or `hreflang`";
    SAME_DOCUMENT_REFERENCE: Warning "same-document-reference"
        "`{0}` is what `xml:base` says, so it means this document itself and not the page"
        "leave `xml:base` out and write whole addresses";
    FEED_HISTORY_REL_IN_ENTRY: Warning "feed-history-rel-in-entry"
        "a link `{0}` leads from page to page of a feed; inside an article it means nothing"
        "move it up into the feed";

    MISSING_CURRENT_IN_ARCHIVE: Warning "missing-current-in-archive"
        "this archive does not say where the living feed is; who finds it cannot subscribe"
        "add a link `rel=\"current\"` with the feed's address";
    ARCHIVE_INCOMPLETE: Warning "archive-incomplete"
        "this archive leads to no other archive, so readers cannot walk through the old articles"
        "add a link `rel=\"prev-archive\"` or `rel=\"next-archive\"`; never publish a single archive, cut the first two together";
    COMPLETE_WITH_PAGES: Error "feed-rel-in-complete-feed"
        "the feed says that it is complete, yet has a link `{0}` to more of it"
        "leave out `fh:complete`, or the link";
    CURRENT_NOT_SELF: Error "current-not-self-in-complete-feed"
        "the feed says that it is complete, yet its link `current` leads to another"
        "leave out `fh:complete`, or the link";
    LINK_PAST_END: Error "link-past-end"
        "this document is the {0} page, yet it has a link `{1}` to one beyond it"
        "leave out the link `{1}`";
}
