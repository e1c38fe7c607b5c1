//! Attributes in an article's HTML: code, addresses, styles and tracking.

use std::ops::Range;

use super::{
    super::{report::Report, rules::content as rules, urls},
    style,
};

/// Attributes that hold one address.
const ADDRESSES: [&str; 9] =
    ["href", "src", "poster", "cite", "data", "action", "longdesc", "background", "formaction"];
/// Attributes besides `on…` that run code or hide a document.
const RISKS: [&str; 2] = ["srcdoc", "formaction"];
const SCRIPT_SCHEMES: [&str; 3] = ["javascript", "vbscript", "data"];
/// Elements that may carry their picture in the address.
const PICTURES: [&str; 2] = ["img", "source"];

/// A value with its references resolved.
pub struct Value {
    /// As a browser reads it.
    pub text: String,
    /// In the document.
    pub span: Range<usize>,
}

/// Checks one attribute of an element.
pub fn check(report: &mut Report, element: &str, attribute: &str, value: &Value) {
    let attribute = attribute.to_ascii_lowercase();
    let span = value.span.clone();
    match attribute.as_str() {
        "style" => {
            for part in style::unsafe_parts(&value.text) {
                report.add(&rules::DANGEROUS_STYLE, span.clone(), &[&part]);
            }
        }
        "srcset" => {
            candidates(&value.text).for_each(|url| check_address(report, element, "srcset", url, &span));
        }
        name if name.starts_with("on") || RISKS.contains(&name) => {
            report.add(&rules::SECURITY_RISK_ATTRIBUTE, span, &[name]);
        }
        name if ADDRESSES.contains(&name) => check_address(report, element, name, &value.text, &span),
        // A dot of one pixel is there to be fetched, not to be seen.
        "width" | "height" if element == "img" && matches!(value.text.trim(), "0" | "1") => {
            report.add(&rules::TRACKING, span, &["a picture too small to be seen"]);
        }
        _ => {}
    }
}

fn check_address(report: &mut Report, element: &str, attribute: &str, address: &str, span: &Range<usize>) {
    // Browsers drop white space and control characters inside a scheme.
    let plain: String = address.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let place = format!("{element} {attribute}");
    match urls::scheme(&plain).map(str::to_ascii_lowercase) {
        None => report.add(&rules::CONTAINS_REL_REF, span.clone(), &[address, &place]),
        Some(scheme) if SCRIPT_SCHEMES.contains(&scheme.as_str()) => {
            let is_picture =
                PICTURES.contains(&element) && plain.to_ascii_lowercase().starts_with("data:image/");
            if !is_picture {
                report.add(&rules::DANGEROUS_URL, span.clone(), &[address, &place]);
            }
        }
        Some(_) if plain.contains("?utm_") || plain.contains("&utm_") => {
            report.add(&rules::TRACKING, span.clone(), &["an address with `utm_` in it"]);
        }
        Some(_) => {}
    }
}

/// The addresses of `a.jpg 1x, b.jpg 2x`. A comma inside an address is kept, as HTML does.
fn candidates(srcset: &str) -> impl Iterator<Item = &str> {
    let mut is_address = true;
    srcset.split_ascii_whitespace().filter_map(move |word| {
        let ends = word.ends_with(',');
        let address = Some(word.trim_matches(',')).filter(|word| is_address && !word.is_empty());
        is_address = ends;
        address
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_srcset_is_a_list_of_addresses() {
        let read = |srcset| candidates(srcset).collect::<Vec<_>>();
        assert_eq!(read("a.jpg 1x, b.jpg 2x"), ["a.jpg", "b.jpg"]);
        assert_eq!(read("https://c/w_1,h_2/a.jpg 100w,\n b.jpg"), ["https://c/w_1,h_2/a.jpg", "b.jpg"]);
        assert_eq!(read("a.jpg, b.jpg 2x"), ["a.jpg", "b.jpg"]);
    }
}
