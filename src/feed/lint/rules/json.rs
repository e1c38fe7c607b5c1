//! Of JSON Feed alone.

rules! {
    NOT_JSON: Error "not-json"
        "this is not JSON: {0}; no reader can open the feed"
        "mend it here; what comes after was not checked";
    UNKNOWN_VERSION: Error "unknown-version"
        "`{0}` is not a version of JSON Feed"
        "write `https://jsonfeed.org/version/1.1`";
    OLD_VERSION: Note "old-version"
        "the feed is in version 1 of JSON Feed, which knows one author only and no languages"
        "write `https://jsonfeed.org/version/1.1` and `authors` for `author`";
    MISSING_KEY: Error "missing-key"
        "{1} lacks `{0}`, which JSON Feed requires"
        "add `\"{0}\": {2}`";
    RECOMMENDED_KEY: Warning "recommended-key"
        "the feed lacks `{0}`, which JSON Feed requires of every feed on the web"
        "add `\"{0}\": \"https://…\"`";
    MISSING_CONTENT: Error "missing-content"
        "this article has neither `content_html` nor `content_text`; readers have nothing to show"
        "add `\"content_html\": \"…\"`";
    WRONG_TYPE: Error "wrong-type"
        "`{0}` is {1} but must be {2}"
        "{3}";
    NULL_VALUE: Warning "null-value"
        "`{0}` is `null`; some readers stop at it"
        "leave `{0}` out";
    EMPTY_STRING: Warning "empty-string"
        "`{0}` is empty; readers show an empty line or stop at it"
        "leave `{0}` out, or fill it in";
    DUPLICATE_KEY: Error "duplicate-key"
        "`{0}` stands twice in one object; some readers take the first, some the last"
        "keep one of them";
    UNKNOWN_KEY: Warning "unknown-key"
        "JSON Feed has no `{0}` in {1}; readers pass over it"
        "{2}";
    DEPRECATED_AUTHOR: Warning "deprecated-author"
        "`author` was replaced by `authors` in version 1.1; newer readers do not look for it"
        "write `\"authors\": [{\"name\": \"…\"}]`";
    EMPTY_AUTHOR: Error "empty-author"
        "this author has neither `name` nor `url` nor `avatar`"
        "add `\"name\": \"…\"`";
    DUPLICATE_ITEM_ID: Error "duplicate-item-id"
        "the id `{0}` belongs to an article above; readers show one of the two only"
        "give every article its own id";
    NEXT_IS_SELF: Error "next-url-is-feed-url"
        "`next_url` is the feed itself; a reader that follows it goes round for ever"
        "write the address of the next page, or leave it out";
    EXTENSION_NOT_AN_OBJECT: Warning "extension-not-an-object"
        "the extension `{0}` is {1}; JSON Feed says that extensions are objects"
        "write `\"{0}\": {\"about\": \"https://…\", …}`";
    EXTENSION_NAME: Warning "extension-name"
        "`{0}` is not a name for an extension: `_`, then a letter, and no full stops in it or its keys"
        "write a name such as `_byline`";
    EXTENSION_WITHOUT_ABOUT: Note "extension-without-about"
        "nothing says what the extension `{0}` is about"
        "add `\"about\": \"https://…\"` to it, once in a feed";
    NEGATIVE_NUMBER: Error "negative-number"
        "`{0}` is `{1}`; it cannot be less than nothing"
        "correct it, or leave `{0}` out";
    INHERITED_AUTHORS: Note "inherited-authors"
        "only the feed names an author; not every reader passes that on to the article"
        "add `\"authors\"` to the article too";
}
