//! RSS 1.0 and 0.90, which are RDF: channel, picture and articles stand beside each other.

use roxmltree::Node;

use super::{
    super::{
        elements::{self, Shape},
        names,
        report::Report,
        rules::shared,
        xml::Element,
    },
    Edition, channel, only_channel,
};

/// The document.
const ROOT: Shape = Shape {
    format: "RSS 1.0",
    known: &["channel", "image", "item", "textinput"],
    repeatable: &["channel", "item"],
    others_once: &[],
    required: &[],
};
/// The channel, in whichever namespace; other RDF has none.
pub fn channel<'a, 'd>(root: Node<'a, 'd>) -> Option<Node<'a, 'd>> {
    root.children().find(|child| child.tag_name().name() == "channel")
}

/// Checks a document whose root is `RDF`.
pub fn check(report: &mut Report, rdf: &Element) {
    let core = channel(rdf.node).and_then(|channel| channel.tag_name().namespace());
    let (name, works) = match core {
        Some(names::RSS_1) => (
            "RSS 1.0",
            "titles, links and texts still work, and dates and authors in `dc:`, but sounds, films and tags do not",
        ),
        _ => ("RSS 0.90", "titles and links still work, and it has little else"),
    };
    report.add(&shared::OLD_FORMAT, rdf.tag(report.source), &[name, works]);
    let children = rdf.children(core);
    elements::check(report, rdf, &children, &ROOT);
    if let Some(channel) = only_channel(report, rdf, &children) {
        channel::check(report, channel, Edition::Rdf, core, &children);
    }
}
