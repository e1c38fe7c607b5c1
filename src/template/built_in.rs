//! The templates and words that come with the program: used where the author has no file of his own,
//! and written out by `byline init`.

/// Every file with its path in a newsroom.
pub const FILES: &[(&str, &str)] = &[
    ("templates/page/layout.hbs", include_str!("../../templates/page/layout.hbs")),
    ("templates/page/list.hbs", include_str!("../../templates/page/list.hbs")),
    ("templates/page/article.hbs", include_str!("../../templates/page/article.hbs")),
    ("templates/page/feed.hbs", include_str!("../../templates/page/feed.hbs")),
    ("templates/page/subscribe.hbs", include_str!("../../templates/page/subscribe.hbs")),
    ("templates/page/topics.hbs", include_str!("../../templates/page/topics.hbs")),
    ("templates/page/unsubscribe.hbs", include_str!("../../templates/page/unsubscribe.hbs")),
    ("templates/page/unsubscribed.hbs", include_str!("../../templates/page/unsubscribed.hbs")),
    ("templates/page/missing.hbs", include_str!("../../templates/page/missing.hbs")),
    ("templates/page/gone.hbs", include_str!("../../templates/page/gone.hbs")),
    ("templates/page/style.css", include_str!("../../templates/page/style.css")),
    ("templates/mail/digest/subject.hbs", include_str!("../../templates/mail/digest/subject.hbs")),
    ("templates/mail/digest/text.hbs", include_str!("../../templates/mail/digest/text.hbs")),
    ("templates/mail/digest/html.hbs", include_str!("../../templates/mail/digest/html.hbs")),
    ("i18n/en.toml", include_str!("../../i18n/en.toml")),
    ("i18n/fa.toml", include_str!("../../i18n/fa.toml")),
];

/// The site's pictures, by their address: feed readers ask for them.
pub const PICTURES: &[(&str, &[u8])] = &[
    ("/assets/feed.png", include_bytes!("../../templates/page/pictures/feed.png")),
    ("/assets/icon.png", include_bytes!("../../templates/page/pictures/icon.png")),
    ("/assets/logo.png", include_bytes!("../../templates/page/pictures/logo.png")),
    ("/assets/favicon.png", include_bytes!("../../templates/page/pictures/favicon.png")),
    ("/favicon.ico", include_bytes!("../../templates/page/pictures/favicon.ico")),
];
