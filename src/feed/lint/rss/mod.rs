//! RSS 2.0, by the RSS Board's specification and its Best Practices Profile, and its older editions
//! as far as they agree with it.

mod channel;
mod fields;
mod item;
pub mod rdf;

use super::{
    elements,
    report::Report,
    rules::{rss as rules, shared},
    xml::Element,
};

/// Which RSS; readers take all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edition {
    /// RSS 2.0.
    Two,
    /// RSS 0.91 to 0.94: no ids, no authors.
    Early,
    /// RSS 1.0 and 0.90: articles stand beside the channel.
    Rdf,
}

/// Checks a document whose root is `rss`.
pub fn check(report: &mut Report, rss: &Element) {
    elements::check_attributes(report, rss, &["version"]);
    elements::check_no_text(report, rss);
    let edition = check_version(report, rss);
    let core = rss.node.tag_name().namespace();
    let children = rss.children(core);
    if let Some(channel) = only_channel(report, rss, &children) {
        channel::check(report, channel, edition, core, &[]);
    }
}

fn check_version(report: &mut Report, rss: &Element) -> Edition {
    match rss.attribute("version") {
        Some(("2.0", _)) => return Edition::Two,
        Some((version, span)) if version.starts_with("0.9") => {
            let works = "titles, links and texts still work, but it has no ids and no authors, so a changed \
                         article may come again as new";
            report.add(&shared::OLD_FORMAT, span, &[&format!("RSS {version}"), works]);
            return Edition::Early;
        }
        Some((version, span)) => report.add(&rules::INVALID_VERSION, span, &[version]),
        None => report.add(&rules::MISSING_VERSION, rss.tag(report.source), &[]),
    }
    Edition::Two
}

fn only_channel<'c, 'a, 'd>(
    report: &mut Report,
    root: &Element,
    children: &'c [Element<'a, 'd>],
) -> Option<&'c Element<'a, 'd>> {
    let channels: Vec<_> = children.iter().filter(|child| child.name == "channel").collect();
    if channels.len() != 1 {
        let place = channels.get(1).map_or(root.tag(report.source), |second| second.tag(report.source));
        report.add(&rules::CHANNELS, place, &[&channels.len().to_string(), &root.name]);
    }
    channels.first().copied()
}
