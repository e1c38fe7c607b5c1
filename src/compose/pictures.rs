//! How large the pictures of a letter are. Mail programs that hold pictures back keep their room free only if they
//! are told their size, and Outlook lets a large one burst the column.

use std::{collections::BTreeMap, path::PathBuf};

use url::Url;

/// The widest that a picture stands in a letter (pixels).
const COLUMN: u32 = 518;

/// The pictures that articles show, by their address below `media/`.
pub(super) struct Pictures<'p> {
    root: String,
    media: &'p BTreeMap<String, PathBuf>,
}

impl<'p> Pictures<'p> {
    pub(super) fn new(site: &Url, media: &'p BTreeMap<String, PathBuf>) -> Self {
        Self { root: format!("{site}media/"), media }
    }

    /// Width and height (pixels) of one of our own, made to fit the column. One elsewhere is not fetched.
    pub(super) fn size(&self, url: &str) -> Option<(u32, u32)> {
        let path = url.strip_prefix(&self.root)?;
        let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
        let size = imagesize::size(self.media.get(path.as_ref())?).ok()?;
        fitting(size.width.try_into().ok()?, size.height.try_into().ok()?)
    }

    /// Sanitised HTML with the size of each picture of ours that says none.
    pub(super) fn sized(&self, html: &str) -> String {
        let mut sized = String::with_capacity(html.len() + 64);
        let mut rest = html;
        while let Some(at) = rest.find("<img ") {
            let end = rest[at..].find('>').map_or(rest.len(), |end| at + end);
            let tag = &rest[at..end];
            sized.push_str(&rest[..end]);
            rest = &rest[end..];
            let src = tag.split(" src=\"").nth(1).and_then(|after| after.split('"').next());
            let says_none = !tag.contains(" width=\"") && !tag.contains(" height=\"");
            if let Some(src) = src.filter(|_| says_none)
                && let Some((width, height)) = self.size(&src.replace("&amp;", "&"))
            {
                sized.push_str(&format!(" width=\"{width}\" height=\"{height}\""));
            }
        }
        sized + rest
    }
}

fn fitting(width: u32, height: u32) -> Option<(u32, u32)> {
    let is_one = width > 0 && height > 0;
    let shown = width.min(COLUMN);
    let in_proportion = u64::from(height) * u64::from(shown) / u64::from(width.max(1));
    is_one.then_some((shown, u32::try_from(in_proportion.max(1)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_picture_is_made_to_fit_and_keeps_its_form() {
        assert_eq!(fitting(1036, 500), Some((518, 250)));
        assert_eq!(fitting(200, 100), Some((200, 100)));
        assert_eq!(fitting(5_000, 1), Some((518, 1)));
        assert_eq!(fitting(0, 100), None);
    }

    #[test]
    fn only_our_own_pictures_that_say_nothing_are_given_a_size() {
        let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/articles/images/gannet-point.png"));
        let site = "https://far-bank.example/".parse().unwrap();
        let media = BTreeMap::from([("en/a b&c.png".to_string(), file)]);
        let pictures = Pictures::new(&site, &media);
        let ours = "<p><img src=\"https://far-bank.example/media/en/a%20b&amp;c.png\" alt=\"x &gt; y\">";
        let sized =
            pictures.sized(&format!("{ours}<img src=\"https://elsewhere.example/x.png\" alt=\"\"></p>"));
        assert!(sized.contains(" height=\""), "{sized}");
        assert_eq!(sized.matches(" width=\"518\"").count(), 1, "{sized}");
        let own = ours.replace(" alt", " width=\"20\" alt");
        assert_eq!(pictures.sized(&own), own);
    }
}
