//! Style sheets written into the elements they are for (css-inline), once a variant.

use css_inline::{CSSInliner, InlineError};

/// Bytes of a letter whose styles are written into its elements. A larger one is cut off by mailboxes, and finding
/// the rules of each element takes a time that grows with its square.
const BYTES_MAX: usize = 200_000;

/// The same document with the rules of each `<style>` in `style="…"`; a style sheet with
/// `data-css-inline="keep"` also stays as it is: what cannot stand in an element. Nothing is fetched. One that no mailbox shows whole stays as it is.
pub(super) fn styles(html: String) -> Result<String, String> {
    if html.len() > BYTES_MAX {
        return Ok(html);
    }
    let inliner = CSSInliner::options().load_remote_stylesheets(false).build();
    inliner.inline(&html).map_err(|why: InlineError| why.to_string())
}
