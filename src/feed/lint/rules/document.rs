//! Of a document as bytes: is it a feed, is it whole, is it XML.

rules! {
    NOT_A_FEED: Error "not-a-feed"
        "this is {0}, not a feed that readers subscribe to"
        "{1}";
    TOO_LARGE: Error "too-large"
        "the document has {0}; at most {1} are read"
        "put fewer articles into one feed and the older ones into archives";
    LARGE_FEED: Note "large-feed"
        "the feed has {0} KiB; readers fetch all of it at every visit, and 250 KiB is what JSON Feed calls fine"
        "put fewer articles into it and the older ones into archives";
    OVERSIZED_FEED: Error "large-feed"
        "the feed has {0} KiB; some readers refuse it, and all others fetch every byte of it at every visit"
        "put fewer articles into it and the older ones into archives, so that it stays under 250 KiB";
    MORE_OF_THE_SAME: Note "more-of-the-same"
        "{0} more of `{1}` are not listed"
        "mend one, and look whether the template makes all of them";

    NOT_UTF8: Error "not-utf8"
        "line {0}, column {1}: the byte `{2}` is not UTF-8; readers show a wrong letter there or refuse the feed"
        "save the document as UTF-8{3}";
    BYTE_ORDER_MARK: Warning "byte-order-mark"
        "the document begins with an invisible byte order mark, which some readers take for text before the feed"
        "save it as UTF-8 without a byte order mark";
    MISSING_XML_DECLARATION: Warning "missing-xml-declaration"
        "the document does not say that it is XML in UTF-8"
        "begin it with `<?xml version=\"1.0\" encoding=\"utf-8\"?>`";
    MISSING_ENCODING: Warning "missing-encoding"
        "the XML declaration does not name the encoding; a server's header may then turn letters into others"
        "write `<?xml version=\"1.0\" encoding=\"utf-8\"?>`";
    WRONG_ENCODING: Error "wrong-encoding"
        "the XML declaration says `{0}` but the document is {1}; readers that believe it show wrong letters"
        "save the document as UTF-8 and write `encoding=\"utf-8\"`";
    OLD_ENCODING: Warning "old-encoding"
        "the document is in {0}, which not every reader knows; letters outside ASCII may turn into others on the way"
        "use UTF-8: save the document in it and, in XML, write `encoding=\"utf-8\"`";
    UNREAD_ENCODING: Warning "unread-encoding"
        "the document is in `{0}`, which many readers do not know; letters outside ASCII were not checked here either"
        "use UTF-8: save the document in it and write `encoding=\"utf-8\"`";
    WRONG_XML_VERSION: Error "wrong-xml-version"
        "the XML declaration says version `{0}`; feed readers know 1.0 only"
        "write `version=\"1.0\"`";
    BLANK_BEFORE_DECLARATION: Error "blank-before-declaration"
        "something stands before `<?xml`, often an empty line of a template; every strict reader refuses the feed"
        "make `<?xml` the first thing in the document";

    CONTROL_CHARACTER: Error "control-character"
        "the character `{0}` is forbidden in XML, so no strict reader can open the feed"
        "delete it; it is invisible and often came in by copy and paste";
    LONE_AMPERSAND: Error "lone-ampersand"
        "an `&` stands alone; in XML it begins a name such as `&amp;`, so no strict reader can open the feed"
        "write `&amp;` for it";
    UNKNOWN_ENTITY: Error "unknown-entity"
        "`&{0};` is a name of HTML that XML does not know, so no strict reader can open the feed"
        "write the character itself, or its number such as `&#160;`";
    FORBIDDEN_REFERENCE: Error "control-character"
        "`{0}` stands for a character that is forbidden in XML, so no strict reader can open the feed"
        "delete it";
    UNCLOSED_ELEMENT: Error "unclosed-element"
        "`</{1}>` closes what `<{0}>` opened; every strict reader refuses the feed"
        "write `</{0}>` here, or escape the markup: `&lt;` for `<`";
    CUT_OFF: Error "cut-off"
        "the document ends in the middle; readers refuse it or show half of it"
        "fetch or write it again, and look that it ends in `</{0}>`";
    UNBOUND_PREFIX: Error "unbound-prefix"
        "the prefix `{0}:` is used but nothing says what it means; every strict reader refuses the feed"
        "add `xmlns:{0}=\"{1}\"` to the first element";
    DOCTYPE: Error "doctype"
        "the document has a `<!DOCTYPE`; readers refuse it because it can be used to attack them"
        "delete the `<!DOCTYPE …>`; feeds have none";
    CDATA_END: Error "cdata-end-in-text"
        "`]]>` stands in plain text, which XML forbids; no strict reader can open the feed"
        "write `]]&gt;` for it";
    LESS_THAN_IN_ATTRIBUTE: Error "less-than-in-attribute"
        "a `<` stands inside an attribute; no strict reader can open the feed"
        "write `&lt;` for it, or close the quotes before it";
    DUPLICATE_ATTRIBUTE: Error "duplicate-attribute"
        "the attribute `{0}` is given twice on one element; every strict reader refuses the feed"
        "keep one of them";
    NOT_WELL_FORMED: Error "not-well-formed"
        "this is not well-formed XML ({0}); every strict reader refuses the feed"
        "mend it here; what comes after was not checked";
    BAD_CHARACTERS: Warning "bad-characters"
        "the character `{0}` is invisible rubbish, most often left by a wrong conversion; readers show a box"
        "type the letter that was meant";
}
