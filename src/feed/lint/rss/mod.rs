//! RSS 2.0, by the RSS Board's specification and its Best Practices Profile.

mod channel;
mod fields;
mod item;

use super::{elements, report::Report, rules::rss as rules, xml::Element};

/// Checks a document whose root is `rss`.
pub fn check(report: &mut Report, rss: &Element) {
    elements::check_attributes(report, rss, &["version"]);
    if rss.attribute("version").is_none() {
        report.add(&rules::MISSING_VERSION, rss.tag(report.source), &[]);
    }
    let core = rss.node.tag_name().namespace();
    let children = rss.children(core);
    let channels: Vec<&Element> = children.iter().filter(|child| child.name == "channel").collect();
    if channels.len() != 1 {
        let place = channels.get(1).map_or(rss.tag(report.source), |second| second.tag(report.source));
        report.add(&rules::CHANNELS, place, &[&channels.len().to_string()]);
    }
    if let Some(channel) = channels.first() {
        channel::check(report, channel, core);
    }
}
