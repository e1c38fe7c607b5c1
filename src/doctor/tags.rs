//! Tag lists, `a=b; c=d`, in which DKIM keys are written (RFC 6376 §3.2). Not those of DMARC, whose readers
//! pass over what they cannot read.

/// The tags in their order; names as they are written, values without space at the ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

/// A tag list that cannot be read. `Display` says which piece is wrong and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenTags {
    /// A piece without `=`, or with a name that is none.
    #[error("`{0}` is not a name, `=` and a value")]
    NotATag(String),
    /// Nothing where a tag belongs.
    #[error("nothing stands before or after one of its `;`")]
    Gap,
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// The same name twice.
    #[error("`{0}=` stands there twice")]
    Twice(String),
}

impl Tags {
    /// Reads a whole list; one `;` may stand at the end.
    pub fn parse(text: &str) -> Result<Self, BrokenTags> {
        let mut tags = Self(Vec::new());
        let text = text.trim();
        let pieces = text.strip_suffix(';').unwrap_or(text);
        if pieces.is_empty() {
            return Err(BrokenTags::Empty);
        }
        for piece in pieces.split(';') {
            if piece.trim().is_empty() {
                return Err(BrokenTags::Gap);
            }
            let Some((name, value)) = piece.split_once('=') else {
                return Err(BrokenTags::NotATag(piece.trim().to_string()));
            };
            // RFC 6376 §3.2: `K=` is another tag than `k=`.
            let name = name.trim().to_string();
            if !is_name(&name) {
                return Err(BrokenTags::NotATag(piece.trim().to_string()));
            }
            if tags.get(&name).is_some() {
                return Err(BrokenTags::Twice(name));
            }
            tags.0.push((name, value.trim().to_string()));
        }
        Ok(tags)
    }

    /// The value of a tag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_around_names_values_and_the_last_semicolon_does_not_matter() {
        let tags = Tags::parse(" v = DMARC1 ;p=none ; rua=mailto:a@b.example?x=y ; ").unwrap();
        let read: Vec<_> = tags.iter().collect();
        assert_eq!(read, [("v", "DMARC1"), ("p", "none"), ("rua", "mailto:a@b.example?x=y")]);
    }

    #[test]
    fn what_is_no_tag_is_named() {
        assert_eq!(Tags::parse("v=DKIM1; nonsense"), Err(BrokenTags::NotATag("nonsense".into())));
        assert_eq!(Tags::parse("v=DKIM1; k=rsa; k=rsa"), Err(BrokenTags::Twice("k".into())));
        assert_eq!(Tags::parse("\"v=DKIM1"), Err(BrokenTags::NotATag("\"v=DKIM1".into())));
        assert_eq!(Tags::parse("v=DKIM1;; k=rsa"), Err(BrokenTags::Gap));
        assert_eq!((Tags::parse(""), Tags::parse(" ; ")), (Err(BrokenTags::Empty), Err(BrokenTags::Empty)));
    }

    #[test]
    fn capitals_make_another_tag() {
        let tags = Tags::parse("v=DKIM1; P=AAAA; p=BBBB").unwrap();
        assert_eq!((tags.get("p"), tags.get("P")), (Some("BBBB"), Some("AAAA")));
    }
}
