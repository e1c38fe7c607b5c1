//! Style sheets written into the elements they are for (css-inline), once for each letter that is rendered.

use css_inline::{CSSInliner, InlineError};

/// Bytes of a letter whose styles are written into its elements. A larger one is cut off by mailboxes, and finding
/// the rules of each element takes a time that grows with its square.
const BYTES_MAX: usize = 200_000;

/// The same document with the rules of each `<style>` in `style="…"`; one with `data-css-inline="keep"` also remains a
/// style sheet, for what cannot stand in an element. Nothing is fetched. A document that no mailbox shows whole is
/// given back as it is.
pub(super) fn styles(html: String) -> Result<String, String> {
    if html.len() > BYTES_MAX {
        return Ok(html);
    }
    let inliner = CSSInliner::options().load_remote_stylesheets(false).build();
    inliner.inline(&html).map_err(|why: InlineError| why.to_string())
}
