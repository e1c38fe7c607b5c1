//! Styles that the W3C feed validator holds for safe.

const PROPERTIES: &[&str] = &[
    "azimuth",
    "background",
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-style",
    "border-top-width",
    "border-width",
    "clear",
    "color",
    "cursor",
    "direction",
    "display",
    "elevation",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "overflow",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "pause",
    "pause-after",
    "pause-before",
    "pitch",
    "pitch-range",
    "richness",
    "speak",
    "speak-header",
    "speak-numeral",
    "speak-punctuation",
    "speech-rate",
    "stress",
    "text-align",
    "text-decoration",
    "text-indent",
    "unicode-bidi",
    "vertical-align",
    "voice-family",
    "volume",
    "white-space",
    "width",
];

/// The declarations of a `style` attribute that readers remove.
pub fn unsafe_parts(style: &str) -> Vec<String> {
    let declarations = style.split(';').map(str::trim).filter(|declaration| !declaration.is_empty());
    declarations.filter(|declaration| !is_safe(declaration)).map(property_of).collect()
}

fn property_of(declaration: &str) -> String {
    declaration.split(':').next().unwrap_or_default().trim().to_string()
}

fn is_safe(declaration: &str) -> bool {
    let Some((property, value)) = declaration.split_once(':') else { return false };
    let property = property.trim().to_ascii_lowercase();
    PROPERTIES.contains(&property.as_str()) && is_plain(value)
}

/// No functions but `rgb()`, so no `url()` and no `expression()`.
fn is_plain(value: &str) -> bool {
    let without_colour = value.replace("rgb(", "").replace("rgba(", "");
    let is_function = without_colour.contains('(');
    !is_function
        && value.chars().all(|c| c.is_alphanumeric() || " ,#%.!-'\"()".contains(c) || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_is_safe_and_layout_is_not() {
        assert!(unsafe_parts("direction: rtl; text-align:right;").is_empty());
        assert!(unsafe_parts("color: rgb(1, 2, 3); border-left: 1px solid #ccc").is_empty());
        assert_eq!(unsafe_parts("max-width:100%;aspect-ratio: 1"), ["max-width", "aspect-ratio"]);
        assert_eq!(unsafe_parts("background: url(https://a/b)"), ["background"]);
        assert_eq!(unsafe_parts("border-radius: 3px"), ["border-radius"]);
        assert_eq!(unsafe_parts("colour"), ["colour"]);
    }
}
