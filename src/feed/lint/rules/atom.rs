//! Of Atom 1.0 alone.

rules! {
    MISPLACED_METADATA: Warning "misplaced-metadata"
        "`{0}` of the feed comes after the first article; readers that stop at the articles do not see it"
        "put it before the first `<entry>`";
    INVALID_TEXT_TYPE: Error "invalid-text-type"
        "the type `{0}` of `{1}` is not `text`, `html` or `xhtml`"
        "leave `type` out for plain text, or write `type=\"html\"`";
    MISSING_XHTML_DIV: Error "missing-xhtml-div"
        "`{0}` has type `xhtml` but not one `<div>` of XHTML around its text; readers show nothing"
        "wrap it in `<div xmlns=\"http://www.w3.org/1999/xhtml\">`";
    CONTAINS_UNDECLARED_HTML: Warning "contains-undeclared-html"
        "`{0}` is plain text but has `{1}` in it; readers show that as typed"
        "add `type=\"html\"`, or write plain words";

    DUPLICATE_ENTRIES: Error "duplicate-entries"
        "the id `{0}` belongs to an article above with the same `updated`; readers show one of the two only"
        "give every article its own id";
    DUPLICATE_ID: Warning "duplicate-id"
        "the id `{0}` belongs to an article above; readers show one of the two only"
        "give every article its own id, and list a changed one once";
    DUPLICATE_UPDATED: Warning "duplicate-updated"
        "`{0}` is also the date of another article; readers that sort by it mix up their order"
        "make them differ by a second at least";
    MISSING_PERSON: Error "missing-author-element"
        "neither the feed nor this article names an author, which Atom requires"
        "add `<author><name>…</name></author>` to the article";
    INHERITED_AUTHOR: Warning "inherited-author"
        "only the feed names an author; newsboat, sfeed, feedparser and feed-rs then show none for the article"
        "add `<author><name>…</name></author>` to the article too";
    MISSING_CONTENT_OR_ALTERNATE: Error "missing-content-or-alternate"
        "this article has neither `content` nor a link to its page"
        "add `<link rel=\"alternate\" type=\"text/html\" href=\"…\"/>`";
    MISSING_TEXTUAL_CONTENT: Warning "missing-textual-content"
        "this article has neither `content` nor `summary`; readers show a title only"
        "add `<summary>…</summary>`";
    MISSING_SUMMARY: Error "missing-summary"
        "the content of this article is not in the feed or not text, so it must have a `summary`"
        "add `<summary>…</summary>`";
    CONTENT_SRC_NOT_EMPTY: Error "content-src-not-empty"
        "`content` has a `src` and text besides; it can have one of them"
        "keep one of them";
    MISSING_TYPE_ATTRIBUTE: Warning "missing-type-attr"
        "`content` has a `src` but no `type`; readers cannot know whether they can show it"
        "add `type=\"…\"`";
    INVALID_EMAIL: Error "invalid-email"
        "`{0}` is not an e-mail address"
        "correct it, or leave `email` out";
}
