//! Of RSS 2.0 alone.

rules! {
    MISSING_VERSION: Error "missing-version"
        "`<rss>` does not say which version it is; some readers then refuse it"
        "write `<rss version=\"2.0\">`";
    INVALID_VERSION: Error "invalid-rss-version"
        "`{0}` is not a version of RSS; readers that look at it do not know what they have"
        "write `version=\"2.0\"`";
    CHANNELS: Error "one-channel"
        "`<{1}>` has {0} elements `<channel>`; it must have one, and readers see only the first"
        "put everything into one `<channel>`";
    ITEM_WITHOUT_TEXT: Error "item-must-contain-title-or-description"
        "this article has neither `title` nor `description`; readers have nothing to show"
        "add `<title>…</title>`";

    MISSING_GUID: Warning "missing-guid"
        "this article has no `guid`; when its address or title changes, readers show it again as unread"
        "add `<guid isPermaLink=\"false\">…</guid>` with a value that never changes";
    DUPLICATE_GUID: Error "duplicate-guid"
        "the guid `{0}` belongs to an article above; readers show one of the two only"
        "give every article its own";
    INVALID_PERMALINK_FLAG: Error "invalid-boolean-attribute"
        "`isPermaLink` is `{0}`; it can only be `true` or `false`"
        "write `isPermaLink=\"false\"`";
    INVALID_HTTP_GUID: Error "invalid-http-guid"
        "the guid `{0}` is not an address, but without `isPermaLink=\"false\"` readers open it as one"
        "add `isPermaLink=\"false\"`";
    NOT_SUFFICIENTLY_UNIQUE: Warning "not-sufficiently-unique"
        "the guid `{0}` is a mere number; newsboat and others keep one article for each guid over all feeds"
        "make it unlike any other in the world, such as `tag:example.org,2026-01-31:{0}`";
    PERMALINK_IMPLICIT: Note "permalink-implicit"
        "the guid does not say whether it is the article's address"
        "add `isPermaLink=\"true\"`, or `\"false\"` if it should only identify";

    CHARACTER_DATA: Warning "character-data"
        "`{0}` has a `<` or `&` before letters, written so that some readers take it for HTML and drop words"
        "write `&#x3C;` for `<` and `&#x26;` for `&`";
    DUPLICATE_ITEM_SEMANTICS: Warning "duplicate-item-semantics"
        "`{1}` says again what `{0}` says; readers take one or the other, and may join both"
        "keep `{2}`";
    DUPLICATE_SEMANTICS: Warning "duplicate-semantics"
        "`{1}` says again what `{0}` says of the whole feed; readers take one or the other"
        "keep one of them";
    NEED_DESCRIPTION_BEFORE_CONTENT: Warning "need-description-before-content"
        "`content:encoded` has no `description` before it; readers that take the first text show all of it as the summary"
        "put a `<description>` of a sentence or two before it";
    MISPLACED_ITEM: Warning "misplaced-item"
        "`{0}` comes after the first article; readers that stop at the articles do not see it"
        "put it before the first `<item>`";
    ATOM_SOURCE_IN_ITEM: Error "atom-source-in-item"
        "`atom:source` does not belong into an article of RSS"
        "write `<source url=\"…\">` with the address of the outlet's feed";

    DUPLICATE_ENCLOSURE: Warning "duplicate-enclosure"
        "this article has a second enclosure; podcast programs take the first or the last and lose the other"
        "keep one, and link to the rest in the text";
    INVALID_LENGTH: Error "invalid-integer-attribute"
        "the enclosure's length `{0}` is not a number of bytes; some podcast programs do not load it"
        "write the size in bytes, or `0` if it is not known";
    INVALID_URL_ATTRIBUTE: Error "invalid-url-attribute"
        "`{0}` is not a web address with a full host name; podcast programs do not load it"
        "write an address such as `https://example.org/talk.mp3`";

    IMAGE_URL_FORMAT: Warning "image-url-format"
        "the picture `{0}` is not a GIF, JPEG or PNG; old readers show none"
        "use a PNG";
    IMAGE_TITLE_DOESNT_MATCH: Warning "image-title-doesnt-match"
        "the title of `image` is `{0}`, the feed's is `{1}`; some readers show this one"
        "write `{1}`";
    IMAGE_LINK_DOESNT_MATCH: Warning "image-link-doesnt-match"
        "the link of `image` is `{0}`, the feed's is `{1}`"
        "write `{1}`";
    INVALID_IMAGE_SIZE: Error "invalid-image-size"
        "the {0} of `image` is `{1}`; it can be 1 to {2}"
        "use a picture of at most 144 x 400 and write its true size";

    INVALID_TTL: Error "invalid-positive-integer"
        "`ttl` is `{0}`; it is a number of minutes"
        "write `15`, or as many minutes as readers may wait";
    INVALID_HOUR: Error "invalid-hour"
        "the hour `{0}` in `skipHours` is not one of 0 to 23; readers may never come"
        "write a whole number from 0 to 23";
    INVALID_DAY: Error "invalid-day"
        "the day `{0}` in `skipDays` is not an English day of the week"
        "write `Monday` to `Sunday`";
    SKIPS_EVERYTHING: Error "skips-everything"
        "`{0}` names every one, so readers may never come"
        "leave some out, or the whole element";
    INVALID_CLOUD_PORT: Error "invalid-cloud-port"
        "the port `{0}` of `cloud` is not a number; programs cannot register"
        "write `443` or the port that is meant";
    AVOID_TEXT_INPUT: Warning "avoid-text-input"
        "`textInput` is passed over by almost every reader"
        "delete it";
    MANAGING_EDITOR: Note "managing-editor-is-sender"
        "rss2email sends its mail in the name of the address in `managingEditor`, and collectors of addresses read it"
        "leave it out and name authors in `<dc:creator>`";
    SUMMARY_HAS_HTML: Note "summary-has-html"
        "the summary has markup beside a full text; readers that show summaries as text show the tags"
        "write one or two plain sentences into `description`";
    EMPTY_SUMMARY: Note "empty-summary"
        "the summary is empty; readers that show summaries show nothing"
        "write one or two plain sentences into `description`";
}
