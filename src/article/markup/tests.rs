//! HTML that may be published, and what may not.

use super::*;

fn base() -> Base {
    let site = Url::parse("https://far-bank.example/").unwrap();
    Base { page: site.join("qanats/").unwrap(), media: site.join("media/en/").unwrap(), site }
}

fn cleaned(html: &str) -> String {
    sanitise(html, &base()).unwrap().html
}

#[test]
fn what_has_a_direction_of_its_own_keeps_it_inside() {
    let html = "<p>ن</p><blockquote dir=\"ltr\"><p>An</p><blockquote>x</blockquote><ul><li>one</li></ul></blockquote>\
                    <p lang=\"en\">b</p><ol start=\"3\"><li id=\"a\">ن</li></ol><img lang=\"en\"><p>ن</p>";
    let wanted = "<p dir=\"rtl\">ن</p><blockquote dir=\"ltr\"><p>An</p><blockquote>x</blockquote><ul><li>one</li></ul></blockquote>\
                      <p lang=\"en\">b</p><ol dir=\"rtl\" start=\"3\"><li dir=\"rtl\" id=\"a\">ن</li></ol><img lang=\"en\"><p dir=\"rtl\">ن</p>";
    assert_eq!(direct(html, Direction::RightToLeft), wanted);
}

#[test]
fn scripts_go_and_language_stays() {
    assert_eq!(
        cleaned("<p onclick=x lang=fa dir=rtl class=y>سلام<script>x</script></p><object data=//x></object>"),
        "<p lang=\"fa\" dir=\"rtl\">سلام</p>"
    );
    assert_eq!(cleaned("<a href=\"JaVaScript:x\">a</a>"), "<a>a</a>");
    assert_eq!(cleaned("<a href=\"data:text/html,x\">a</a>"), "<a>a</a>");
}

#[test]
fn every_address_is_absolute() {
    let body = sanitise("<img src=images/a.png alt=A><a href=/about>b</a><a href=//c.example>c</a>", &base())
        .unwrap();
    assert_eq!(
        body.html,
        "<img src=\"https://far-bank.example/media/en/images/a.png\" alt=\"A\"><a href=\"https://far-bank.example/about\">b</a><a href=\"https://c.example/\">c</a>"
    );
    assert_eq!(body.media, ["https://far-bank.example/media/en/images/a.png"]);
}

#[test]
fn a_footnote_and_its_mark_find_each_other() {
    let english = "en".parse().unwrap();
    let arena = Arena::new();
    let html = markdown(&arena, "Deep.[^1]\n\n[^1]: Very.\n", &english, false).body(&base()).unwrap().html;
    let id = html.split("<li id=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(html.contains(&format!("href=\"https://far-bank.example/qanats/#{id}\"")), "{html}");
}

#[test]
fn markdown_gives_up_its_first_heading_and_speaks_the_dialect() {
    let english = "en".parse().unwrap();
    let arena = Arena::new();
    let text = "# A \"quiet\" broker\n\n~~no~~ www.x.example\n\n# Again\n\n|a|\n|-|\n|b|\n";
    let markdown = markdown(&arena, text, &english, true);
    assert_eq!(markdown.title.as_deref(), Some("A “quiet” broker"));
    let html = markdown.body(&base()).unwrap().html;
    assert!(
        html.contains("<del>no</del>") && html.contains("<table>") && html.contains("<h2>Again"),
        "{html}"
    );
    assert!(
        html.contains("href=\"http://www.x.example/\"") || html.contains("href=\"http://www.x.example\""),
        "{html}"
    );
}

#[test]
fn markdown_without_html_comes_out_as_if_it_were_sanitised() {
    let english = "en".parse().unwrap();
    let text = "A *b* **c** `d<e` \"q\" & [l](/about \"t\\\"u\") [r](other.md#x) <http://a.example/?b&c> m@example.org\\\nnext\n\n\
                    ![alt \"q\" & x](images/a.png) [bad](javascript:x) ![bad too](data:image/png;base64,x)\n\n\
                    > q\n\n1. one\n2. two\n\n- a\n  - b\n\n---\n\n```rust\nlet a = \"<b>\";\n```\n\n| a | b |\n|:-:|--:|\n| 1 | ~~2~~ |\n\n## H\n";
    let arena = Arena::new();
    let parsed = markdown(&arena, text, &english, false);
    assert!(parsed.is_plain());
    let slow = sanitise(&parsed.html(), &base()).unwrap();
    let fast = parsed.safe_body(&base());
    let alike = |html: &str| {
        html.replace("&quot;", "\"")
            .replace("<a>bad</a>", "bad")
            .replace("<img alt=\"bad too\">", "bad too")
            .replace("<pre><code class=\"language-rust\">", "<pre><code>")
    };
    assert_eq!(alike(&fast.html), alike(&slow.html));
    assert_eq!(fast.media, slow.media);
}

#[test]
fn nesting_without_end_is_refused_quickly() {
    assert!(sanitise(&"<div>".repeat(20_000), &base()).is_err());
    assert!(sanitise(&"<p>x".repeat(20_000), &base()).is_ok());
}
