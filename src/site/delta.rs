//! What is new in a feed since a reader last had it (RFC 3229, `A-IM: feed`).
//!
//! Worked out on the finished XML: every entry that an earlier version had byte for byte is cut out, and
//! everything round the entries stays.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};

/// An entry: where it is, and what its bytes come to.
pub(super) type Item = (Range<usize>, u64);

/// Every entry of an RSS or Atom document.
pub(super) fn items(xml: &str) -> Vec<Item> {
    let Ok(document) = roxmltree::Document::parse(xml) else { return Vec::new() };
    let items = document.descendants().filter(|node| matches!(node.tag_name().name(), "item" | "entry"));
    items
        .map(|node| {
            let mut hasher = DefaultHasher::new();
            xml[node.range()].hash(&mut hasher);
            (node.range(), hasher.finish())
        })
        .collect()
}

/// The document without the entries that were `had`; nothing if that would leave none or all.
pub(super) fn without(xml: &str, items: &[Item], had: &[u64]) -> Option<String> {
    let old: Vec<&Range<usize>> =
        items.iter().filter(|(_, item)| had.contains(item)).map(|(range, _)| range).collect();
    if old.is_empty() || old.len() == items.len() {
        return None;
    }
    let mut delta = String::with_capacity(xml.len());
    let mut at = 0;
    for range in old {
        delta.push_str(&xml[at..range.start]);
        at = range.end;
    }
    delta.push_str(&xml[at..]);
    Some(delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_left() {
        let xml = "<rss><channel><title>T</title><item>a</item><item>b</item><item>c</item></channel></rss>";
        let all = items(xml);
        let had: Vec<u64> = all[1..].iter().map(|(_, item)| *item).collect();
        let delta = without(xml, &all, &had).unwrap();
        assert_eq!(delta, "<rss><channel><title>T</title><item>a</item></channel></rss>");
        assert_eq!(without(xml, &all, &[]), None);
        let every: Vec<u64> = all.iter().map(|(_, item)| *item).collect();
        assert_eq!(without(xml, &all, &every), None);
    }
}
