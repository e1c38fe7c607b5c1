//! The keys of JSON Feed 1.1: what each object has, and of what kind.

/// What a key's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any string.
    Text,
    /// A string without markup.
    Plain,
    /// HTML.
    Html,
    /// A whole web address.
    Url,
    /// A web address or `mailto:`.
    Contact,
    /// RFC 3339.
    Date,
    /// RFC 5646.
    Language,
    /// `audio/mpeg`.
    MediaType,
    /// True or false.
    Flag,
    /// A number that is not negative.
    Number,
    /// A list of strings.
    Texts,
    /// A list of objects of a shape.
    List(&'static Shape),
    /// An object of a shape.
    Object(&'static Shape),
}

/// An object of the format.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// In a message: "JSON Feed has no `x` in …".
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [(&'static str, Kind)],
    /// Those that must be there, with an example of a value.
    pub required: &'static [(&'static str, &'static str)],
}

/// The whole document.
pub static FEED: Shape = Shape {
    name: "the feed",
    keys: &[
        ("version", Kind::Text),
        ("title", Kind::Plain),
        ("home_page_url", Kind::Url),
        ("feed_url", Kind::Url),
        ("description", Kind::Plain),
        ("user_comment", Kind::Text),
        ("next_url", Kind::Url),
        ("icon", Kind::Url),
        ("favicon", Kind::Url),
        ("author", Kind::Object(&AUTHOR)),
        ("authors", Kind::List(&AUTHOR)),
        ("language", Kind::Language),
        ("expired", Kind::Flag),
        ("hubs", Kind::List(&HUB)),
        ("items", Kind::List(&ITEM)),
    ],
    required: &[("version", "\"https://jsonfeed.org/version/1.1\""), ("title", "\"…\""), ("items", "[…]")],
};

/// An article.
pub static ITEM: Shape = Shape {
    name: "an article",
    keys: &[
        ("id", Kind::Text),
        ("url", Kind::Url),
        ("external_url", Kind::Url),
        ("title", Kind::Plain),
        ("content_html", Kind::Html),
        ("content_text", Kind::Text),
        ("summary", Kind::Plain),
        ("image", Kind::Url),
        ("banner_image", Kind::Url),
        ("date_published", Kind::Date),
        ("date_modified", Kind::Date),
        ("author", Kind::Object(&AUTHOR)),
        ("authors", Kind::List(&AUTHOR)),
        ("tags", Kind::Texts),
        ("language", Kind::Language),
        ("attachments", Kind::List(&ATTACHMENT)),
    ],
    required: &[("id", "\"…\"")],
};

/// A person.
pub static AUTHOR: Shape = Shape {
    name: "an author",
    keys: &[("name", Kind::Plain), ("url", Kind::Contact), ("avatar", Kind::Url)],
    required: &[],
};

/// A sound or film.
pub static ATTACHMENT: Shape = Shape {
    name: "an attachment",
    keys: &[
        ("url", Kind::Url),
        ("mime_type", Kind::MediaType),
        ("title", Kind::Plain),
        ("size_in_bytes", Kind::Number),
        ("duration_in_seconds", Kind::Number),
    ],
    required: &[("url", "\"https://…\""), ("mime_type", "\"audio/mpeg\"")],
};

/// A place to subscribe at.
pub static HUB: Shape = Shape {
    name: "a hub",
    keys: &[("type", Kind::Text), ("url", Kind::Url)],
    required: &[("type", "\"WebSub\""), ("url", "\"https://…\"")],
};
