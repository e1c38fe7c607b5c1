//! The `channel` of RSS: what stands before the articles.

use super::{
    super::{
        addresses,
        dates::Dated,
        elements::{self, Shape},
        languages,
        links::{self, Within},
        plain,
        report::Report,
        rules::{rss as rules, shared},
        xml::Element,
    },
    fields,
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
        "skipHours",
        "skipDays",
        "item",
    ],
    once: &[
        "title",
        "link",
        "description",
        "language",
        "copyright",
        "managingEditor",
        "webMaster",
        "pubDate",
        "lastBuildDate",
        "generator",
        "docs",
        "cloud",
        "ttl",
        "image",
        "rating",
        "textInput",
        "skipHours",
        "skipDays",
        "dc:title",
        "dc:description",
        "dc:language",
        "dc:rights",
        "dc:date",
        "atom:id",
        "atom:updated",
        "atom:title",
        "atom:subtitle",
        "atom:rights",
        "sy:updatePeriod",
        "sy:updateFrequency",
        "sy:updateBase",
        "fh:archive",
        "fh:complete",
    ],
    required: &["title", "link", "description"],
};
/// Elements of Atom that a channel may borrow.
const BORROWED: [&str; 11] = [
    "atom:author",
    "atom:category",
    "atom:contributor",
    "atom:generator",
    "atom:id",
    "atom:icon",
    "atom:link",
    "atom:logo",
    "atom:title",
    "atom:subtitle",
    "atom:updated",
];
/// Elements that say the same of the feed.
const SAME: [(&str, &str, &str); 9] = [
    ("managingEditor", "dc:creator", "dc:creator"),
    ("category", "dc:subject", "category"),
    ("pubDate", "dc:date", "pubDate"),
    ("webMaster", "dc:publisher", "dc:publisher"),
    ("language", "dc:language", "language"),
    ("copyright", "dc:rights", "copyright"),
    ("lastBuildDate", "dcterms:modified", "lastBuildDate"),
    ("generator", "admin:generatorAgent", "generator"),
    ("creativeCommons:license", "cc:license", "creativeCommons:license"),
];

/// Checks the channel and all its articles.
pub fn check(report: &mut Report, channel: &Element, core: Option<&str>) {
    let children = channel.children(core);
    elements::check(report, channel, &children, &SHAPE);
    elements::check_attributes(report, channel, &[]);
    fields::check_borrowed(report, channel, &children, &BORROWED);
    fields::check_same(report, &children, &SAME, &rules::DUPLICATE_SEMANTICS);
    check_order(report, &children);
    let links = links::read(report, &children, "atom:link", Within::Feed(MEDIA_TYPE));
    links::check_feed(report, &links, channel, MEDIA_TYPE, &children);
    let language = check_language(report, channel, &children);
    let built = check_fields(report, &children, core);
    let mut articles = Articles::new(language);
    for item in children.iter().filter(|child| child.name == "item") {
        item::check(report, item, core, &mut articles);
    }
    articles.order.feed(report, built.as_ref());
}

/// RSS Profile: items come last, as some readers stop at the first.
fn check_order(report: &mut Report, children: &[Element]) {
    let after_item = children.iter().skip_while(|child| child.name != "item");
    for child in after_item.filter(|child| child.name != "item") {
        report.add(&rules::MISPLACED_ITEM, child.tag(report.source), &[&child.name]);
    }
}

fn check_language(report: &mut Report, channel: &Element, children: &[Element]) -> Option<String> {
    let named = children.iter().find(|child| matches!(child.name.as_str(), "language" | "dc:language"));
    let language = named.map(|child| child.text(report.source).trimmed().to_string());
    let language = language.or(channel.language().map(str::to_string));
    if language.is_none() {
        report.add(&shared::MISSING_LANGUAGE, channel.tag(report.source), &["`<language>en</language>`"]);
    }
    language
}

/// The fields one by one; answers when the channel was last built.
fn check_fields(report: &mut Report, children: &[Element], core: Option<&str>) -> Option<Dated> {
    let mut built: Option<Dated> = None;
    let of_channel = Identity::of(report, children);
    for child in children {
        match child.name.as_str() {
            "title" => {
                elements::check_not_blank(report, child);
                plain::check(report, child);
            }
            "description" | "copyright" | "dc:rights" => plain::check(report, child),
            "link" | "docs" => fields::check_link(report, child),
            "language" | "dc:language" => {
                let code = child.text(report.source);
                languages::check(report, code.trimmed(), child.value_span(report.source));
            }
            "pubDate" => _ = fields::date(report, child),
            "lastBuildDate" => built = fields::date(report, child),
            "managingEditor" => check_editor(report, child),
            "webMaster" => addresses::check(report, child),
            "category" => fields::check_category(report, child),
            "image" => check_image(report, child, &of_channel, core),
            "textInput" => report.add(&rules::AVOID_TEXT_INPUT, child.tag(report.source), &[]),
            "ttl" => fields::check_ttl(report, child),
            "skipHours" => fields::check_hours(report, child, core),
            "skipDays" => fields::check_days(report, child, core),
            "cloud" => fields::check_cloud(report, child),
            _ => fields::check_extension(report, child),
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
    once: &["url", "title", "link", "width", "height", "description"],
    required: &["url", "title", "link"],
};

fn check_image(report: &mut Report, image: &Element, channel: &Identity, core: Option<&str>) {
    let children = image.children(core);
    elements::check(report, image, &children, &IMAGE);
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
