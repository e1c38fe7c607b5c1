//! The `channel` of RSS: what stands before the articles.

use super::{
    super::{
        addresses,
        dates::{self, Dated},
        elements::{self, Shape},
        links::{self, Within},
        plain,
        report::Report,
        rules::{rss as rules, shared},
        xml::Element,
    },
    Edition, fields,
    item::{self, Articles},
};

const MEDIA_TYPE: &str = "application/rss+xml";
const SHAPE: Shape = Shape {
    format: "RSS",
    known: &[
        "title",
        "link",
        "description",
        "language",
        "copyright",
        "managingEditor",
        "webMaster",
        "pubDate",
        "lastBuildDate",
        "category",
        "generator",
        "docs",
        "cloud",
        "ttl",
        "image",
        "rating",
        "textInput",
        "textinput",
        "skipHours",
        "skipDays",
        "item",
    ],
    repeatable: &["category", "item"],
    others_once: &[
        fields::ONCE,
        &["dc:date", "atom:subtitle", "atom:rights", "fh:archive", "fh:complete"],
        &["sy:updatePeriod", "sy:updateFrequency", "sy:updateBase"],
    ],
    required: &["title", "link", "description"],
};
/// The same in RSS 1.0.
const RDF_SHAPE: Shape = Shape {
    format: "RSS 1.0",
    known: &["title", "link", "description", "image", "items", "textinput"],
    repeatable: &[],
    others_once: &[fields::ONCE],
    required: &["title", "link", "description"],
};
/// Elements of Atom that only a channel may borrow.
const BORROWED: [&str; 5] = ["atom:category", "atom:generator", "atom:icon", "atom:logo", "atom:subtitle"];
/// Elements that say the same of the feed.
const SAME: [(&str, &str, &str); 6] = [
    ("managingEditor", "dc:creator", "dc:creator"),
    ("webMaster", "dc:publisher", "dc:publisher"),
    ("language", "dc:language", "language"),
    ("copyright", "dc:rights", "copyright"),
    ("lastBuildDate", "dcterms:modified", "lastBuildDate"),
    ("generator", "admin:generatorAgent", "generator"),
];

/// Checks the channel and all articles, those inside it and those `beside` it.
pub fn check(
    report: &mut Report,
    channel: &Element,
    edition: Edition,
    core: Option<&str>,
    beside: &[Element],
) {
    let shape = if edition == Edition::Rdf { &RDF_SHAPE } else { &SHAPE };
    let children = channel.children(core);
    elements::check(report, channel, &children, shape);
    elements::check_attributes(report, channel, &[]);
    fields::check_borrowed(report, channel, &children, &BORROWED);
    fields::check_same(report, &children, &SAME, &rules::DUPLICATE_SEMANTICS);
    // RSS Profile: items come last, as some readers stop at the first.
    elements::check_order(report, &children, "item", &rules::MISPLACED_ITEM);
    let links = links::read(report, &children, "atom:link", Within::Feed(MEDIA_TYPE));
    if edition == Edition::Two || !links.is_empty() {
        links::check_feed(report, &links, channel, MEDIA_TYPE, &children);
    }
    fields::check_markup(report, &children, shape);
    let language = check_language(report, channel, &children, edition);
    let built = check_fields(report, &children, edition, core);
    let mut articles = Articles::new(edition, language);
    for item in children.iter().chain(beside).filter(|child| child.name == "item") {
        item::check(report, item, core, &mut articles);
    }
    articles.order.feed(report, built.as_ref());
}

fn check_language(
    report: &mut Report,
    channel: &Element,
    children: &[Element],
    edition: Edition,
) -> Option<String> {
    let language = fields::language(report.source, channel, children);
    if language.is_none() {
        let example = match edition {
            Edition::Rdf => "`<dc:language>en</dc:language>`",
            Edition::Two | Edition::Early => "`<language>en</language>`",
        };
        report.add(&shared::MISSING_LANGUAGE, channel.tag(report.source), &[example]);
    }
    language
}

/// The fields one by one; answers when the channel was last built.
fn check_fields(
    report: &mut Report,
    children: &[Element],
    edition: Edition,
    core: Option<&str>,
) -> Option<Dated> {
    let mut built: Option<Dated> = None;
    let of_channel = Identity::of(report, children);
    for child in children {
        match child.name.as_str() {
            "title" => {
                elements::check_not_blank(report, child);
                plain::check(report, child);
            }
            "description" | "copyright" | "dc:rights" => plain::check(report, child),
            "pubDate" => _ = dates::of_rss(report, child),
            "lastBuildDate" => built = dates::of_rss(report, child),
            "managingEditor" => check_editor(report, child),
            "webMaster" => addresses::check(report, child),
            // In RSS 1.0 it only points to the picture.
            "image" if edition == Edition::Rdf => {}
            "image" => check_image(report, child, &of_channel, core),
            "textInput" | "textinput" => report.add(&rules::AVOID_TEXT_INPUT, child.tag(report.source), &[]),
            "ttl" => fields::check_ttl(report, child),
            // The earlier editions counted them from 1 to 24.
            "skipHours" if edition == Edition::Early => {}
            "skipHours" => fields::check_hours(report, child, core),
            "skipDays" => fields::check_days(report, child, core),
            "cloud" => fields::check_cloud(report, child),
            _ => fields::check(report, child),
        }
    }
    built
}

fn check_editor(report: &mut Report, editor: &Element) {
    addresses::check(report, editor);
    report.add(&rules::MANAGING_EDITOR, editor.value_span(report.source), &[]);
}

/// What an image has to repeat.
struct Identity {
    title: String,
    link: String,
}

impl Identity {
    fn of(report: &Report, channel: &[Element]) -> Self {
        let named = |name: &str| channel.iter().find(|child| child.name == name);
        let text = |element: &Element| element.text(report.source).trimmed().to_string();
        let value = |name: &str| named(name).map(text).unwrap_or_default();
        Self { title: value("title"), link: value("link") }
    }
}

const IMAGE: Shape = Shape {
    format: "RSS",
    known: &["url", "title", "link", "width", "height", "description"],
    repeatable: &[],
    others_once: &[],
    required: &["url", "title", "link"],
};

fn check_image(report: &mut Report, image: &Element, channel: &Identity, core: Option<&str>) {
    let children = image.children(core);
    elements::check(report, image, &children, &IMAGE);
    fields::check_markup(report, &children, &IMAGE);
    for child in &children {
        let text = child.text(report.source);
        let span = child.value_span(report.source);
        match child.name.as_str() {
            "title" if text.trimmed() != channel.title => {
                report.add(&rules::IMAGE_TITLE_DOESNT_MATCH, span, &[text.trimmed(), &channel.title]);
            }
            "link" if text.trimmed() != channel.link => {
                report.add(&rules::IMAGE_LINK_DOESNT_MATCH, span, &[text.trimmed(), &channel.link]);
            }
            "url" => check_picture(report, child),
            "width" => check_size(report, child, 144),
            "height" => check_size(report, child, 400),
            "description" => plain::check(report, child),
            _ => {}
        }
    }
}

fn check_picture(report: &mut Report, url: &Element) {
    fields::check_link(report, url);
    let text = url.text(report.source);
    let ending = text.trimmed().rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_ending = ending.chars().all(char::is_alphanumeric);
    if is_ending && !["jpg", "jpeg", "gif", "png"].contains(&ending.as_str()) {
        report.add(&rules::IMAGE_URL_FORMAT, url.value_span(report.source), &[text.trimmed()]);
    }
}

/// The RSS specification: an image is at most 144 wide and 400 high.
fn check_size(report: &mut Report, size: &Element, max: u32) {
    let text = size.text(report.source);
    if !text.trimmed().parse::<u32>().is_ok_and(|size| (1..=max).contains(&size)) {
        let found = [size.name.as_str(), text.trimmed(), &max.to_string()];
        report.add(&rules::INVALID_IMAGE_SIZE, size.value_span(report.source), &found);
    }
}
