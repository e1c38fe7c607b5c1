//! An article of JSON Feed: what its keys say together.

use std::collections::BTreeSet;

use super::{
    super::{
        dates::{self, Dated, Order},
        languages,
        report::Report,
        rules::{json as rules, shared},
    },
    has_author,
    tree::Node,
};

/// What is known of the articles so far.
pub struct Items {
    has_feed_author: bool,
    author_example: &'static str,
    language: Option<String>,
    order: Order,
    ids: BTreeSet<String>,
}

impl Items {
    /// None so far.
    pub fn new(has_feed_author: bool, language: Option<String>, is_version_1: bool) -> Self {
        let author_example = match is_version_1 {
            true => "`\"author\": {\"name\": \"…\"}`",
            false => "`\"authors\": [{\"name\": \"…\"}]`",
        };
        Self { has_feed_author, author_example, language, order: Order::default(), ids: BTreeSet::new() }
    }
}

/// Checks one article; its values one by one have been checked.
pub fn check(report: &mut Report, item: &Node, items: &mut Items) {
    let start = item.span.start..item.span.start + 1;
    if item.get("content_html").is_none() && item.get("content_text").is_none() {
        report.add(&rules::MISSING_CONTENT, start.clone(), &[]);
    }
    match (has_author(item), items.has_feed_author) {
        (true, _) => {}
        (false, true) => report.add(&rules::INHERITED_AUTHORS, start, &[]),
        (false, false) => {
            report.add(&shared::MISSING_AUTHOR, start, &[items.author_example]);
        }
    }
    if let Some(id) = item.get("id")
        && let Some(text) = id.text()
        && !items.ids.insert(text.value.clone())
    {
        report.add(&rules::DUPLICATE_ITEM_ID, id.span.clone(), &[&text.value]);
    }
    items.order.article(report, date(item, "date_published").as_ref(), date(item, "date_modified").as_ref());
    check_direction(report, item, items.language.as_deref());
}

fn date(item: &Node, key: &str) -> Option<Dated> {
    let node = item.get(key)?;
    let written = node.text()?.value.clone();
    Some(Dated { moment: dates::rfc3339(&written)?, written, span: node.span.clone() })
}

fn check_direction(report: &mut Report, item: &Node, language: Option<&str>) {
    let text = |key: &str| item.get(key).and_then(Node::text);
    let own = text("language").map(|text| text.value.as_str());
    let Some(language) = own.or(language) else { return };
    if let Some(title) = text("title") {
        languages::check_title(report, language, title);
    }
    if let Some(html) = text("content_html") {
        languages::check_html(report, language, html);
    }
}
