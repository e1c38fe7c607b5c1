//! Documents made to be slow, deep or large: one finding, soon, and no crash.

use std::time::{Duration, Instant};

use super::*;
use crate::{
    diagnostic::Severity,
    feed::lint::{decoded, lint_bytes},
};

/// Generous: an unoptimised build on a busy machine. A quadratic step would take minutes.
const TIME_MAX: Duration = Duration::from_secs(60);

#[track_caller]
fn in_time(document: &str) -> Vec<Finding> {
    let started = Instant::now();
    let findings = lint(document, &expectation());
    assert!(started.elapsed() < TIME_MAX, "{:?}", started.elapsed());
    findings
}

#[test]
fn too_large_is_said_and_not_read() {
    let findings = in_time(&" ".repeat(16 * 1024 * 1024 + 1));
    assert_eq!((findings.len(), findings[0].rule), (1, "too-large"));
}

#[test]
fn depth_is_limited_in_every_language() {
    let rules = |document: &str| in_time(document).iter().map(|finding| finding.rule).collect::<Vec<_>>();
    assert_eq!(rules(&format!("<rss>{}", "<a>".repeat(500_000))), ["too-large"]);
    assert_eq!(rules(&"[".repeat(1_000_000)), ["not-json"]);
    assert_eq!(rules(&"{\"items\":".repeat(100_000)), ["not-json"]);
    assert_eq!(rules(&rss_html(&"<b>".repeat(80_000))), ["not-html"]);
    assert_eq!(rules(&rss_html(&"</b>".repeat(60_000))), ["not-html"; 8]);
}

#[test]
fn xml_of_a_slow_shape_is_refused() {
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=''")).collect();
    assert_eq!(in_time(&format!("<rss{attributes}/>"))[0].rule, "too-large");
    let nested: String = (0..5000).map(|n| format!("<a xmlns:x{n}='u{n}'>")).collect();
    assert_eq!(in_time(&format!("<rss>{nested}"))[0].rule, "too-large");
    assert_eq!(in_time(&"<".repeat(3_000_000))[0].rule, "too-large");
    let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><rss>&b;</rss>";
    assert_eq!(in_time(bomb)[0].rule, "doctype");
}

/// Documents with a few bytes changed, always the same ones.
#[test]
fn no_slip_of_a_finger_makes_it_stumble() {
    let documents = [
        rss_html("<div lang=\"fa\" dir=\"rtl\"><p>آ <a href='/x'>b</a> &amp; <table><tr><td>x</table></div>"),
        atom_entry("<content type=\"html\">&lt;p>آ&lt;/p></content>"),
        json_item(r#", "content_html": "<p>\u003cآ \ud83d\ude00</p>", "_x": {"about": "y"}"#),
    ];
    let mut random = 7_u64;
    let mut below = |end: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % end
    };
    let pieces =
        ["", "<", ">", "&", "\"", "'", "=", "/", "\u{85}", "آ", "]]>", "{", "\\", "u", "0", " ", "<!--"];
    for round in 0..3000 {
        let mut document = documents[round % 3].clone();
        for _ in 0..=below(3) {
            let places: Vec<usize> = document.char_indices().map(|(at, _)| at).collect();
            let at = places[below(places.len())];
            let end = at + document[at..].chars().next().map_or(0, char::len_utf8);
            document.replace_range(at..if below(2) == 0 { at } else { end }, pieces[below(pieces.len())]);
        }
        found(&document);
    }
}

/// Marks, declarations and half letters of every encoding, cut anywhere.
#[test]
fn no_bytes_make_it_stumble() {
    let document = |name: &str| rss_item("<category>آ😀é</category>\r").replace("utf-8", name);
    let one_byte = |name: &str| document(name).chars().map(|c| u32::from(c) as u8).collect::<Vec<u8>>();
    let wide = |unit: fn(u16) -> [u8; 2]| document("UTF-16").encode_utf16().flat_map(unit).collect();
    let documents: [Vec<u8>; 6] = [
        one_byte("iso-8859-1"),
        one_byte("Windows-1252"),
        one_byte("koi8-r"),
        one_byte("utf-8"),
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
    ];
    for document in &documents {
        for mark in
            ["", "\u{FEFF}", "\r"].map(str::as_bytes).into_iter().chain([&[0xFF, 0xFE][..], &[0xFE, 0xFF]])
        {
            for end in (0..document.len()).step_by(61).chain(document.len() - 40..document.len()) {
                let cut = [mark, &document[..end]].concat();
                let text = decoded(&cut);
                let findings = lint_bytes(&cut, &expectation());
                findings.iter().for_each(|finding| assert_reads_well(finding, &text));
            }
        }
    }
}

#[test]
fn a_feed_of_thousands_of_articles_takes_linear_time() {
    let item = format!("<item>{ITEM}<content:encoded><![CDATA[<p>x <b>y</b></p>]]></content:encoded></item>");
    let findings = in_time(&format!("{RSS_HEAD}{}</channel></rss>", item.repeat(2_000_000 / item.len())));
    assert_eq!((findings[0].rule, findings[0].severity), ("large-feed", Severity::Error));
}

#[test]
fn no_piece_repeated_takes_the_square_of_its_length() {
    let entry = format!("<entry>{ENTRY}</entry>");
    in_time(&format!("{ATOM_HEAD}{}</feed>", entry.repeat(100_000 / entry.len())));
    in_time(&json_item(&format!(", \"tags\": [{}\"\"]", "\"\\u003c\",".repeat(10_000))));
    for piece in
        ["<a <a ", "<!--", "<img src=", "&amp;", "&", "</", "<script></", "<p>", "a\n", "<b>", "</b>"]
    {
        let html = piece.repeat(100_000 / piece.len());
        in_time(&rss_html(&html));
        in_time(&json_item(&format!(", \"content_html\": \"{}\"", html.replace('\n', " "))));
        let escaped = html.replace('&', "&amp;").replace('<', "&lt;");
        in_time(&rss_item("").replace("Water", &escaped).replace("A summary.", &escaped));
    }
}
