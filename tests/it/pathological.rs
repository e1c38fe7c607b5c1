//! Texts that are made to take long: S38 of the threat model.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{newsroom::CONFIG, program::Folder};

const MEGABYTE: usize = 1_000_000;
/// Catches what takes the square of its length; what takes its length needs a few seconds, without optimisation too.
const DEADLINE_SECONDS: u64 = 180;
/// Far more than a text of a megabyte comes to, and less than a machine has.
const MEMORY_BYTES_MAX: &str = "--as=6000000000";

fn megabyte_of(piece: &str) -> String {
    piece.repeat(MEGABYTE / piece.len())
}

/// Publishes one article beside a good one; it must be out, or be refused with its reason, within the deadline.
fn assert_ends(name: &str, ending: &str, text: &str) {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/good.md", "---\ntitle: Good\ndate: 2026-01-01\n---\nText.\n");
    folder.write(&format!("articles/en/a.{ending}"), text);
    let build = folder.command(&[]);
    let (said, problems) = (folder.path("said"), folder.path("problems"));
    let mut build = Command::new("prlimit")
        .arg(MEMORY_BYTES_MAX)
        .arg(build.get_program())
        .arg("--root")
        .arg(folder.root())
        .arg("build")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(fs::File::create(&said).unwrap())
        .stderr(fs::File::create(&problems).unwrap())
        .spawn()
        .expect("prlimit (util-linux)");
    let deadline = Instant::now() + Duration::from_secs(DEADLINE_SECONDS);
    let status = loop {
        if let Some(status) = build.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            build.kill().unwrap();
            build.wait().unwrap();
            panic!("{name} in .{ending}: not done after {DEADLINE_SECONDS} s");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let problems = fs::read_to_string(problems).unwrap();
    let about = &problems[..problems.char_indices().nth(400).map_or(problems.len(), |(end, _)| end)];
    match status.code() {
        Some(0) => {
            let is_its_page = |entry: fs::DirEntry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                name.starts_with('a') && entry.path().join("index.html").exists()
            };
            let mut pages = fs::read_dir(folder.path("public")).unwrap().flatten();
            assert!(pages.any(is_its_page), "{name} in .{ending} is not out");
        }
        Some(1) => {
            assert!(problems.contains("articles/en/a."), "{name} in .{ending}: no reason was given: {about}");
        }
        other => panic!("{name} in .{ending}: {other:?} {about}"),
    }
    assert!(folder.path("public/good/index.html").exists(), "{name} in .{ending} stopped another");
}

/// The same for many, on two cores.
fn assert_all_end(texts: &[(&str, &str, String)]) {
    std::thread::scope(|scope| {
        let halves = texts.chunks(texts.len().div_ceil(2)).map(|half| {
            scope.spawn(move || half.iter().for_each(|(name, ending, text)| assert_ends(name, ending, text)))
        });
        let halves: Vec<_> = halves.collect();
        for half in halves {
            if let Err(why) = half.join() {
                std::panic::resume_unwind(why);
            }
        }
    });
}

fn with_keys(text: &str) -> String {
    format!("---\ntitle: A\ndate: 2026-01-02\n---\n{text}\n")
}

#[test]
fn s38_a_megabyte_of_markdown_ends() {
    let nested = format!("{}{}", "[".repeat(MEGABYTE / 2), "]".repeat(MEGABYTE / 2));
    let ticks: String = (1..1_400).map(|length| format!("{}e", "`".repeat(length))).collect();
    let lists: String = (0..990).map(|depth| format!("{}- a\n", "  ".repeat(depth))).collect();
    let quotes = format!("{}a\n", "> ".repeat(500)).repeat(1_000);
    let texts = [
        ("open brackets", megabyte_of("[")),
        ("nested brackets", nested),
        ("open links", megabyte_of("[a](")),
        ("open pictures", megabyte_of("![")),
        ("quotations in quotations", megabyte_of(">")),
        ("lines of quotations in quotations", quotes),
        ("lists in lists", lists),
        ("emphasis that never ends", megabyte_of("*a **b ")),
        ("emphasis of every kind", megabyte_of("*_~")),
        ("code marks of every length", ticks),
        ("open comments", megabyte_of("<!--")),
        ("open tags", megabyte_of("<a ")),
        ("elements in elements", megabyte_of("<div>")),
        ("cells", format!("|{}\n|{}\n{}", "a|".repeat(20_000), "-|".repeat(20_000), "|\n".repeat(400_000))),
        ("addresses", megabyte_of("www.a@b.")),
        ("references", format!("{}[r1]", (0..60_000).map(|n| format!("[r{n}]: /u\n")).collect::<String>())),
        ("one word", megabyte_of("a")),
        ("marks of right to left", megabyte_of("\u{202e}\u{2067}")),
    ];
    assert_all_end(&texts.map(|(name, text)| (name, "md", with_keys(&text))));
}

#[test]
fn s38_a_megabyte_of_footnotes_ends() {
    let many: String = (0..30_000).map(|number| format!("[^{number}]: x\n\n")).collect();
    let texts = [
        ("one footnote, many marks", "md", with_keys(&format!("{}\n\n[^a]: x\n", megabyte_of("[^a] ")))),
        (
            "many footnotes",
            "md",
            with_keys(&format!("{many}{}", (0..30_000).map(|n| format!("[^{n}]")).collect::<String>())),
        ),
    ];
    assert_all_end(&texts);
}

#[test]
fn s38_a_megabyte_of_quotation_marks_ends() {
    assert_ends("quotation marks", "md", &with_keys(&megabyte_of("\"")));
}

#[test]
fn s38_a_megabyte_of_html_ends() {
    let texts = [
        ("elements in elements", megabyte_of("<div>")),
        ("tables in tables", megabyte_of("<table><tr><td>")),
        ("paragraphs without end", megabyte_of("<p>x")),
        ("items without end", megabyte_of("<li>")),
        ("open frames", megabyte_of("<iframe ")),
        ("open pictures", megabyte_of("<img ")),
        ("open values", megabyte_of("<img alt=\"")),
        ("open ends", megabyte_of("</")),
        ("open comments", megabyte_of("<!--")),
        ("references", megabyte_of("&lt;&#")),
        ("breaks and rules", format!("{}{}", "<br>".repeat(100_000), "<hr>".repeat(100_000))),
        ("candidates", format!("<img src=a srcset=\"{}\">", megabyte_of("a 1x,"))),
        ("a language", format!("<p lang=\"{}\">x", megabyte_of("a-"))),
        ("scripts", megabyte_of("<script></script>")),
    ];
    assert_all_end(&texts.map(|(name, text)| (name, "html", with_keys(&text))));
}

#[test]
fn s38_a_megabyte_of_less_than_signs_ends() {
    assert_ends("less-than signs", "html", &with_keys(&megabyte_of("<")));
    assert_ends(
        "less-than signs in a title",
        "html",
        &format!("<title>{}</title>\nText.\n", megabyte_of("<")),
    );
}

#[test]
fn s38_elements_in_elements_end_also_behind_ends_of_others() {
    // An end that ends nothing must not hide how deep the others are.
    assert_ends("hidden depth", "html", &with_keys(&megabyte_of("<div></b>")));
    assert_ends("hidden depth", "md", &with_keys(&megabyte_of("<div></b>")));
    let formatting: String = (0..60_000).map(|number| format!("<b id=a{number}></i>")).collect();
    assert_ends("formatting in formatting", "html", &with_keys(&formatting));
    let carried: String = (0..99).map(|number| format!("<b id=a{number}>")).collect();
    assert_ends(
        "formatting carried on",
        "html",
        &with_keys(&format!("<p>{carried}{}", "<p>x".repeat(250_000))),
    );
}

#[test]
fn s38_a_megabyte_of_attributes_ends() {
    let attributes: String = (0..140_000).map(|number| format!(" a{number}")).collect();
    assert_ends("attributes", "html", &with_keys(&format!("<p{attributes}>x</p>")));
    let head: String = (0..28_000).map(|number| format!("<meta name=keywords content=a{number}>")).collect();
    assert_ends("a head", "html", &format!("<head><title>A</title>{head}</head><body>x</body>"));
}

#[test]
fn s38_a_megabyte_of_plain_text_and_of_names_ends() {
    let words = megabyte_of("é\u{301}–/");
    let keys = |key: &str| format!("---\ntitle: A\ndate: 2026-01-02\n{key}\n---\nText.\n");
    let texts = [
        ("an attribution", "txt", format!("T\n\nwrote {}\n\nText.\n", megabyte_of("x"))),
        ("lines", "txt", format!("T\n\n{}", megabyte_of("a\n"))),
        ("a slug", "md", keys(&format!("slug: \"a{words}\""))),
        ("a title", "md", format!("---\ntitle: \"A{words}\"\ndate: 2026-01-02\nslug: a\n---\nText.\n")),
        ("a tag", "md", keys(&format!("tags: [\"a{words}\"]"))),
        ("a summary", "md", keys(&format!("summary: \"a{words}\""))),
        ("an outlet", "md", keys(&format!("written_for: \"a{words}\""))),
        ("lists in keys", "md", keys(&format!("tags: {}", "[".repeat(MEGABYTE)))),
    ];
    assert_all_end(&texts);
}

#[test]
fn s38_a_megabyte_of_headings_ends() {
    assert_ends("headings", "txt", &format!("T\n\n{}", megabyte_of("a\n\n")));
}

#[test]
fn s38_a_text_that_grows_on_its_way_stops_no_other() {
    // Each sign is four as HTML, and stands in several places of a page.
    assert_ends("signs that grow", "txt", &format!("T\n\n{}", megabyte_of("<")));
}

#[test]
fn s38_thousands_of_tags_end() {
    let tags: String = (0..2_000).map(|number| format!("t{number}, ")).collect();
    assert_ends("tags", "md", &format!("---\ntitle: A\ndate: 2026-01-02\ntags: [{tags}]\n---\nText.\n"));
}
