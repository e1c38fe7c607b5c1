//! Style sheets written into the elements they are for (css-inline), once a variant.

use css_inline::{CSSInliner, InlineError};

/// The same document with the rules of each `<style>` in `style="…"`; a style sheet with
/// `data-css-inline="keep"` also stays as it is: what cannot stand in an element. Nothing is fetched.
pub(super) fn styles(html: &str) -> Result<String, String> {
    let inliner = CSSInliner::options().load_remote_stylesheets(false).build();
    inliner.inline(html).map_err(|why: InlineError| why.to_string())
}
