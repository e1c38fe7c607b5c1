//! Of the HTML in an article.

rules! {
    CONTAINS_REL_REF: Warning "contains-rel-ref"
        "`{0}` in `{1}` is not a whole address; in a feed reader the link or picture leads nowhere"
        "write the whole address, beginning with `https://`";
    SECURITY_RISK: Warning "security-risk"
        "`<{0}>` is removed by every careful reader, with what is in it"
        "leave it out{1}";
    SECURITY_RISK_ATTRIBUTE: Warning "security-risk-attr"
        "the attribute `{0}` runs code or hides content; every careful reader removes it"
        "leave it out";
    DANGEROUS_STYLE: Warning "dangerous-style-attr"
        "the style `{0}` is not one that the W3C feed validator holds for safe; readers remove it"
        "leave the style out; readers have their own";
    DANGEROUS_URL: Warning "dangerous-url"
        "`{0}` in `{1}` is not an address but content or code; every careful reader removes it"
        "write a web address";
    NOT_HTML: Warning "not-html"
        "`<{0}>` is not an element of HTML that feed readers know; they remove it"
        "{1}";
    CROSSED_TAGS: Warning "not-html"
        "`</{0}>` comes before `</{1}>`, which opened later; readers repair it, each in its own way"
        "write `</{1}></{0}>`";
    STRAY_END_TAG: Warning "not-html"
        "`</{0}>` closes nothing; readers repair it, each in its own way"
        "delete it, or open `<{0}>` before it";
    NEVER_CLOSED: Warning "not-html"
        "`<{0}>` is never closed; in some readers it runs on into what follows the article"
        "add `</{0}>`";
    OPEN_IN_PARAGRAPH: Warning "not-html"
        "a new block begins inside a paragraph while `<{0}>` is open; readers repair it, each in its own way"
        "write `</{0}></p>` before it";
    CLOSES_NOT_ITSELF: Warning "not-html"
        "`<{0}/>` does not close itself in HTML, so all that follows is inside it"
        "write `<{0}></{0}>`";
    LINK_IN_LINK: Warning "not-html"
        "a link stands inside another; readers close the first one here"
        "close the first with `</a>`";
    ELEMENT_BETWEEN_CELLS: Warning "not-html"
        "`<{0}>` stands in a table but in no cell; readers move it in front of the table"
        "put it into `<td>…</td>`, or outside the table";
    TEXT_BETWEEN_CELLS: Warning "not-html"
        "text stands in a table but in no cell; readers move it in front of the table"
        "put it into `<td>…</td>`, or outside the table";
    TOO_DEEP: Warning "not-html"
        "more than {0} elements stand inside each other; readers give up"
        "use fewer";
    TRACKING: Note "tracking"
        "{0} follows readers, which they did not ask for"
        "leave it out of feeds";
}
