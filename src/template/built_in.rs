//! The templates and words that come with the program: used where the author has no file of his own,
//! and written out by `byline init`.

macro_rules! built_in {
    ($($path:literal),* $(,)?) => { &[$(($path, include_str!(concat!("../../", $path)))),*] };
}

/// Every file with its path in a newsroom.
pub const FILES: &[(&str, &str)] = built_in![
    "templates/page/article.hbs",
    "templates/page/feed.hbs",
    "templates/page/gone.hbs",
    "templates/page/layout.hbs",
    "templates/page/list.hbs",
    "templates/page/missing.hbs",
    "templates/page/style.css",
    "templates/page/subscribe.hbs",
    "templates/page/topics.hbs",
    "templates/page/unsubscribe.hbs",
    "templates/page/unsubscribed.hbs",
    "templates/mail/confirm/html.hbs",
    "templates/mail/confirm/subject.hbs",
    "templates/mail/confirm/text.hbs",
    "templates/mail/digest/html.hbs",
    "templates/mail/digest/subject.hbs",
    "templates/mail/digest/text.hbs",
    "templates/mail/goodbye/html.hbs",
    "templates/mail/goodbye/subject.hbs",
    "templates/mail/goodbye/text.hbs",
    "templates/mail/parts/also.hbs",
    "templates/mail/parts/article.hbs",
    "templates/mail/parts/button.hbs",
    "templates/mail/parts/foot.hbs",
    "templates/mail/parts/name.hbs",
    "templates/mail/parts/style.hbs",
    "templates/mail/parts/text_also.hbs",
    "templates/mail/parts/text_article.hbs",
    "templates/mail/parts/text_foot.hbs",
    "templates/mail/parts/text_name.hbs",
    "templates/mail/parts/top.hbs",
    "templates/mail/single/html.hbs",
    "templates/mail/single/subject.hbs",
    "templates/mail/single/text.hbs",
    "templates/mail/welcome/html.hbs",
    "templates/mail/welcome/subject.hbs",
    "templates/mail/welcome/text.hbs",
    "i18n/en.toml",
    "i18n/fa.toml",
];

/// The site's pictures, by their address: feed readers ask for them.
pub const PICTURES: &[(&str, &[u8])] = &[
    ("/assets/feed.png", include_bytes!("../../templates/page/pictures/feed.png")),
    ("/assets/icon.png", include_bytes!("../../templates/page/pictures/icon.png")),
    ("/assets/logo.png", include_bytes!("../../templates/page/pictures/logo.png")),
    ("/assets/favicon.png", include_bytes!("../../templates/page/pictures/favicon.png")),
    ("/favicon.ico", include_bytes!("../../templates/page/pictures/favicon.ico")),
];
