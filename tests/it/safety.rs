//! What hostile words, names, addresses and clients cannot do, each promise by its number in the threat model.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

use crate::{
    hub::newsroom as with_hub,
    hub_limits::ask_hub,
    support::{
        http::Answer,
        newsroom::{CONFIG, Newsroom},
        program::{Folder, Serving},
        wait_until,
        web_server::WebServer,
    },
};

const SITE: &str = "https://far-bank.example";

/// Text in a basic string of TOML, whatever it is.
fn escaped(text: &str) -> String {
    text.chars().map(|character| format!("\\U{:08x}", u32::from(character))).collect()
}

// S5, S6: what an article may bring along.

/// Looks at whole documents (JSON pairs of a name and HTML, on stdin) as a browser's parser builds them; what can run
/// or lead anywhere but to the web and to mail is a fault. Debian's python3-html5lib.
const CHECK_DOCUMENTS: &str = r#"
import json, re, sys
import html5lib

ADDRESSES = {"href", "src", "poster", "cite", "action", "formaction", "data", "background", "ping"}
FORBIDDEN = {"iframe", "frame", "frameset", "object", "embed", "applet", "base", "form", "input", "button", "template"}

def faults(tree):
    head = tree.find("head")
    in_head = set(head.iter()) if head is not None else set()
    for element in tree.iter():
        tag = element.tag
        if not isinstance(tag, str):
            continue
        # Elements of SVG and MathML have their namespace in their name.
        if tag.startswith("{") or tag in FORBIDDEN or (tag == "style" and element not in in_head):
            yield f"<{tag}>"
        if tag == "script" and element.get("type") != "application/ld+json":
            yield "<script>"
        if tag == "meta" and (element.get("http-equiv") or "").lower() == "refresh":
            yield "<meta refresh>"
        for name, value in element.attrib.items():
            if isinstance(name, tuple) or ":" in name or name.startswith("on") or name == "srcdoc":
                yield f"{name}={value!r}"
            if name in ADDRESSES:
                scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20]", "", value).lower())
                if scheme and scheme[1] not in ("http", "https", "mailto"):
                    yield f"{name}={value!r}"

serializer = html5lib.serializer.HTMLSerializer(quote_attr_values="always", omit_optional_tags=False)
for name, document in json.load(sys.stdin):
    # Twice: what is harmless as it came may not be once a browser has written it out and read it again.
    for _ in range(2):
        tree = html5lib.parse(document, namespaceHTMLElements=False)
        for fault in faults(tree):
            print(f"{name}: {fault}")
        document = serializer.render(html5lib.getTreeWalker("etree")(tree))
"#;

/// What is wrong with whole documents, a line a fault.
fn faults(documents: &[(String, String)]) -> String {
    let mut check = Command::new("/usr/bin/python3")
        .args(["-c", CHECK_DOCUMENTS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(check.stdin.take().unwrap(), documents).unwrap();
    let output = check.wait_with_output().unwrap();
    assert!(output.status.success(), "python3-html5lib");
    String::from_utf8(output.stdout).unwrap()
}

/// Attempts to run a script, one each.
fn attempts() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/xss.txt");
    let bytes = fs::read(file).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

#[test]
fn s05_what_can_run_is_recognised() {
    for (html, fault) in [
        ("<p onclick=x>a</p>", "onclick='x'"),
        ("<script>x</script>", "<script>"),
        (
            "<svg><a><set attributeName=href to=javascript:x></set></a></svg>",
            "{http://www.w3.org/2000/svg}set",
        ),
        ("<math><annotation-xml></annotation-xml></math>", "MathML}annotation-xml"),
        ("<a href=' \u{1}JaVa\tScript:x'>a</a>", "href="),
        ("<p><style>a</style></p>", "<style>"),
    ] {
        let found = faults(&[("a".into(), html.into())]);
        assert!(found.contains(fault), "{html}: {found}");
    }
    let fine = "<script type=\"application/ld+json\">{}</script><a href=\"mailto:a@b.example\" class=x>a</a>";
    assert_eq!(faults(&[("a".into(), fine.into())]), "");
}

#[test]
fn s05_no_attempt_to_run_a_script_survives_on_a_page_or_in_a_letter() {
    let attempts = attempts();
    assert!(attempts.len() >= 200 && attempts.iter().any(|attempt| attempt.contains("annotation-xml")));
    assert!(attempts.iter().any(|attempt| attempt.contains("attributeName=\"href\" to=\"javascript:")));
    let mut newsroom = Newsroom::new().piece("Old", "2026-01-01").reader("mina@example.org", "weekly");
    newsroom.run();
    for (number, attempt) in attempts.iter().enumerate() {
        for ending in ["md", "html"] {
            let words = escaped(attempt);
            let text = format!(
                "+++\ntitle = \"{number} {words}\"\nsummary = \"{words}\"\ntags = [\"{words} x\"]\nauthors = [\"{words} x\"]\nslug = \"{ending}-{number}\"\ndate = \"2026-03-01\"\nannounce = \"now\"\n+++\n{attempt}\n\nThe end.\n"
            );
            newsroom.write(&format!("articles/en/{ending}-{number}.{ending}"), text);
        }
    }
    newsroom.run();
    let pages =
        newsroom.published().into_iter().filter(|(path, _)| path.ends_with('/') || path.ends_with(".html"));
    let mut documents: Vec<(String, String)> =
        pages.map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect();
    assert!(documents.len() > attempts.len() * 2, "{} pages", documents.len());
    let letters = newsroom.letters();
    assert!(letters.len() >= attempts.len() * 2, "{} letters", letters.len());
    assert!(letters.iter().filter(|letter| letter.html.contains("The end.")).count() > attempts.len());
    documents.extend(letters.into_iter().map(|letter| (letter.id().to_string(), letter.html)));
    for item in newsroom.items() {
        documents.push(("feed".into(), item["content_html"].as_str().unwrap().to_string()));
    }
    let faults = faults(&documents);
    assert!(faults.is_empty(), "{faults}");
}

/// Every place of an article that takes an address, with one in it that no reader should follow.
fn misleading() -> Vec<String> {
    let addresses = [
        "javascript:alert(1)",
        "JaVaScript:alert(1)",
        "&#x6a;avascript:alert(1)",
        "\u{1}javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html;base64,PHNjcmlwdD4=",
        "vbscript:alert(1)",
    ];
    let keys = |address: &str| {
        let address = escaped(address);
        [
            format!("written_for = {{ outlet = \"bbc-online\", url = \"{address}\" }}"),
            format!("image = \"{address}\""),
            format!("image = {{ src = \"{address}\", alt = \"x\" }}"),
            format!("enclosure = \"{address}\""),
        ]
    };
    let in_keys =
        addresses.iter().flat_map(|address| keys(address)).map(|keys| format!("{keys}\n+++\nText.\n"));
    let in_text = addresses.iter().map(|address| {
        let url = address.replace(' ', "%20");
        format!("+++\n[a](<{url}>) ![b](<{url}>) <a href=\"{url}\">c</a> <img src=\"{url}\" srcset=\"{url} 2x\"> <q cite=\"{url}\">d</q> <video poster=\"{url}\"></video>\n")
    });
    in_keys.chain(in_text).collect()
}

#[test]
fn s06_an_address_that_is_none_of_the_web_is_refused_or_left_out_everywhere() {
    let mut newsroom = Newsroom::new().piece("Old", "2026-01-01").reader("mina@example.org", "weekly");
    newsroom.run();
    let articles = misleading();
    for (number, text) in articles.iter().enumerate() {
        let head = format!("+++\ntitle = \"Piece {number}\"\ndate = \"2026-03-01\"\nannounce = \"now\"\n");
        newsroom.write(&format!("articles/en/piece-{number}.md"), head + text);
    }
    newsroom.run();
    let mut found = BTreeSet::new();
    let mut look = |place: &str, text: &str| {
        let bare: String = text.chars().filter(|character| !character.is_control()).collect();
        for scheme in ["javascript:", "data:text", "vbscript:"] {
            if bare.to_lowercase().contains(scheme) {
                found.insert(format!("{scheme} {place}"));
            }
        }
    };
    for (path, bytes) in newsroom.published() {
        look(&path, &String::from_utf8_lossy(&bytes));
    }
    for letter in newsroom.letters() {
        look("a letter's HTML", &letter.html);
        look("a letter's text", &letter.text);
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(newsroom.published().len() > articles.len() / 2, "the others are out");
}

// S10: what feeds are made of.

/// Words with everything that breaks XML.
fn any_words() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,40}",
        "[\\x00-\\x1f\\x7f-\\x9f\u{feff}\u{fffd}-\u{ffff}\u{e000}-\u{e00f}<>&\"'\\]]{0,30}",
        "(\\]\\]>|<!\\[CDATA\\[|&#0;|&#x1F;|&amp;|<\\?xml|<!DOCTYPE a>|\\u{2028}|xmlns=\"x\"){0,5}",
    ]
}

#[test]
fn s10_any_text_in_any_field_makes_xml_that_strict_readers_take() {
    const ROUNDS: usize = 25;
    const ARTICLES: usize = 18;
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let words = any_words();
    let mut any = || escaped(&words.new_tree(&mut runner).unwrap().current());
    for _ in 0..ROUNDS {
        let config = CONFIG
            .replace(
                "title = \"The Far Bank\"",
                &format!("title = \"x {}\"\ndescription = \"x {}\"", any(), any()),
            )
            .replace("author = \"Shirin Example\"", &format!("author = \"x {}\"", any()))
            .replace("en = \"BBC Online\"", &format!("en = \"x {}\"", any()))
            .replace(
                "name = \"The Harbour Review\"",
                &format!("name = \"x {}\"\nlicence = \"x {}\"", any(), any()),
            );
        let mut newsroom = Newsroom::with(&config);
        newsroom.write("articles/en/sound.mp3", "not really a sound");
        for number in 0..ARTICLES {
            let text = format!(
                "+++\ntitle = \"x {}\"\nsummary = \"{}\"\ntags = [\"{}\", \"x {}\"]\nauthors = [\"{}\", \"x {}\"]\nguid = \"urn:{number}:{}\"\nslug = \"n{number}\"\ndate = \"2026-01-01\"\ntranslation = \"n{}\"\nimage = {{ src = \"a.png?{}\", alt = \"{}\" }}\nenclosure = \"sound.mp3\"\nattributions = [\n{{ outlet = \"bbc-online\", url = \"https://www.bbc.com/?{}\", title = \"{}\", changes = \"{}\" }},\n{{ outlet = \"harbour-review\", cleared = true, changes = \"{}\" }}]\n+++\n{}\n",
                any(),
                any(),
                any(),
                any(),
                any(),
                any(),
                any(),
                (number + 1) % ARTICLES,
                any(),
                any(),
                any(),
                any(),
                any(),
                any(),
                "Text."
            );
            newsroom.write(&format!("articles/{}/n{number}.md", ["en", "fa"][number % 2]), text);
        }
        newsroom.look();
        assert!(newsroom.titles().len() > ARTICLES / 2, "{:?}", newsroom.problems());
        assert_strict_readers_take(&newsroom);
    }
}

/// libxml2, roxmltree, and quick-xml by way of the crates that read feeds with it.
fn assert_strict_readers_take(newsroom: &Newsroom) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (path, bytes) in newsroom.published() {
        let text = String::from_utf8_lossy(&bytes);
        match path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("rss") => drop(
                rss::Channel::read_from(&bytes[..]).unwrap_or_else(|why| panic!("{path}: {why}\n{text}")),
            ),
            Some("atom") => {
                let feed = atom_syndication::Feed::read_from(&bytes[..]);
                drop(feed.unwrap_or_else(|why| panic!("{path}: {why}\n{text}")));
            }
            Some("json") => {
                let feed: Value =
                    serde_json::from_slice(&bytes).unwrap_or_else(|why| panic!("{path}: {why}"));
                assert!(feed["items"].is_array());
                continue;
            }
            _ => continue,
        }
        roxmltree::Document::parse(&text).unwrap_or_else(|why| panic!("{path}: {why}\n{text}"));
        let file = folder.path().join(format!("{}.xml", files.len()));
        fs::write(&file, &bytes).unwrap();
        files.push(file);
    }
    assert!(files.len() > 6);
    let lint = Command::new("xmllint").args(["--noout", "--nonet"]).args(&files).output();
    let lint = lint.expect("xmllint (libxml2-utils)");
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stderr));
}

// S13: where files go.

/// Every file and link below `folder`, but the newsroom's own output.
fn all_below(folder: &Path, but: &[PathBuf], found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if but.contains(&path) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            all_below(&path, but, found);
        }
        found.insert(path);
    }
}

#[test]
fn s13_no_path_escapes_the_newsroom() {
    const CANARY: &str = "canary-that-nobody-may-see";
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.txt"), CANARY).unwrap();
    let root = outside.path().join("a/b/newsroom");
    let folder = Folder::existing(&root);
    folder.write("config.toml", &format!("# {CANARY}\n{CONFIG}"));
    folder.write("secret.txt", CANARY);
    let long = "n".repeat(300);
    let far = format!("{}x", "../".repeat(40));
    let names = [
        "../../x",
        "/etc/x",
        "/../x",
        "..",
        ".",
        "%2e%2e/x",
        "%2e%2e%2fx",
        "..\\..\\x",
        "C:\\x",
        "x\0y",
        "CON",
        "nul.txt",
        "x/./../../y",
        "~/x",
        "$HOME",
        "x\ny",
        "\u{202e}x",
        "\u{FF0F}\u{FF0E}\u{FF0E}x",
        "index.html",
        ".published",
        "../public2/x",
        "aux.",
        "x ",
        "–",
        long.as_str(),
        far.as_str(),
    ];
    for (number, name) in names.iter().enumerate() {
        let name = escaped(name);
        let text = format!(
            "+++\ntitle = \"{name} {number}\"\nslug = \"{name}{number}\"\ndate = \"2026-01-01\"\ntags = [\"{name}\"]\naliases = [\"{name} old {number}\"]\nimage = \"../../../secret.txt\"\nenclosure = \"../../secret.txt\"\n+++\n![a](../../secret.txt) ![b](..%2f..%2fsecret.txt) ![c](%2e%2e/%2e%2e/secret.txt) ![d](..\\..\\secret.txt) ![e](/../secret.txt) [f](../../../config.toml) ![g](file:///etc/passwd)\n"
        );
        folder.write(&format!("articles/en/piece-{number}.md"), &text);
    }
    // Titles become addresses where there is no slug; and file names may be nearly anything.
    for name in ["..%2f..%2fy.md", "..\\..\\z.md", "a:b|c?.md", "...md", "%00.md"] {
        folder.write(
            &format!("articles/en/{name}"),
            "---\ntitle: \"../../from a title\"\ndate: 2026-01-02\n---\nText.\n",
        );
    }
    let own = [root.join("public"), root.join("data")];
    let mut before = BTreeSet::new();
    all_below(outside.path(), &own, &mut before);
    folder.run(&["build"]); // some are refused
    let mut after = BTreeSet::new();
    all_below(outside.path(), &own, &mut after);
    assert_eq!(after, before, "something was made elsewhere");

    let mut published = BTreeSet::new();
    all_below(&root.join("public"), &[], &mut published);
    let articles = published.iter().filter(|path| path.ends_with("index.html")).count();
    assert!(articles > names.len() / 2, "{articles} pages");
    for path in &published {
        let kind = fs::symlink_metadata(path).unwrap().file_type();
        assert!(kind.is_dir() || kind.is_file(), "{path:?}");
        let name = path.file_name().unwrap();
        assert!(
            name.len() <= 255 && !name.to_string_lossy().contains(['\\', '\0', '%', '\u{202e}']),
            "{path:?}"
        );
        if kind.is_file() {
            assert!(!String::from_utf8_lossy(&fs::read(path).unwrap()).contains(CANARY), "{path:?}");
        }
    }
    let serving = folder.serve();
    for path in [
        "/../config.toml",
        "/../../secret.txt",
        "/%2e%2e/config.toml",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/media/../../config.toml",
        "/media/%2e%2e/%2e%2e/secret.txt",
        "/media/..%2f..%2fsecret.txt",
        "/media//etc/passwd",
        "//etc/passwd",
        "/.published",
        "/.%00",
        "/%00",
        "/con/../../secret.txt",
        "/assets/../../secret.txt",
        "/media/en/../../../data/byline.sqlite",
        "/file:///etc/passwd",
        "/%c0%ae%c0%ae/secret.txt",
        "/....//....//secret.txt",
    ] {
        let answer = serving.get(path);
        assert!([301, 400, 404].contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text().contains(CANARY) && !answer.text().contains("root:"), "{path}");
    }
}

#[test]
fn s13_names_that_differ_in_case_alone_never_share_an_address() {
    let folder = Folder::with_config(CONFIG);
    let slugs = [
        "Twin",
        "tWIN",
        "TWI\u{4e}",
        "Stra\u{df}e",
        "STRASSE",
        "\u{e9}t\u{e9}",
        "e\u{301}te\u{301}",
        "\u{130}x",
        "ix",
    ];
    for (number, slug) in slugs.iter().enumerate() {
        let text = format!("---\ntitle: Piece {number}\nslug: \"{slug}\"\ndate: 2026-01-01\n---\nText.\n");
        folder.write(&format!("articles/en/piece-{number}.md"), &text);
    }
    let said = folder.run(&["build"]);
    assert_eq!(said.code, 1, "{said:#?}");
    assert_eq!(
        said.stderr.matches("the address `/twin/` is taken by `articles/en/piece-0.md`").count(),
        2,
        "{}",
        said.stderr
    );
    let folders = fs::read_dir(folder.path("public")).unwrap().flatten().map(|entry| entry.file_name());
    let names: Vec<String> = folders.map(|name| name.to_string_lossy().to_lowercase()).collect();
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "a file system that knows no case would mix them up: {names:?}");
}

// S27, S28: whose word counts for where a link leads.

/// A newsroom with an old address, a feed's pages and a letter on its way.
pub(crate) fn linked() -> Folder {
    let folder = Folder::with_config(CONFIG);
    for number in 0..25 {
        let text = format!(
            "---\ntitle: Piece {number}\ndate: 2026-01-{:02}\ntags: [Water]\naliases: [was-{number}]\n---\nText {number}.\n",
            number + 1
        );
        folder.write(&format!("articles/en/piece-{number}.md"), &text);
    }
    folder.write("subscribers/dispatches.csv", "email,cadence\nmina@example.org,weekly\n");
    folder
}

fn ask(serving: &Serving, path: &str, headers: &[(&str, &str)]) -> Answer {
    serving.request("GET", path, headers, "")
}

#[test]
fn s27_the_names_that_a_request_gives_reach_no_page_feed_redirect_or_letter() {
    const POISON: [(&str, &str); 8] = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Server", "evil.example"),
        ("X-Forwarded-Proto", "evil"),
        ("X-Forwarded-Prefix", "//evil.example"),
        ("Forwarded", "for=1.2.3.4;host=evil.example;proto=evil"),
        ("X-Host", "evil.example"),
        ("X-Original-URL", "//evil.example/"),
        ("X-Rewrite-URL", "//evil.example/"),
    ];
    let folder = linked();
    folder.run(&["send", "dispatches", "--yes"]).done();
    let serving = folder.serve();
    for path in [
        "/",
        "/piece-1/",
        "/piece-1",
        "/was-1/",
        "/feed.rss",
        "/feed.atom",
        "/feed.json",
        "/tags/water/feed.rss",
        "/archive/1.atom",
        "/feed",
        "/feed.rss?page=2",
        "/?feed=atom",
        "/subscribe/",
        "/nothing/",
        "/hub",
        "/healthz",
        "/unsubscribe/x",
        "/feed.html",
    ] {
        for also in [("If-None-Match", "\"x\""), ("Sec-Fetch-Dest", "document")] {
            let plain = ask(&serving, path, &[also]);
            let mut headers = POISON.to_vec();
            headers.push(also);
            let poisoned = ask(&serving, path, &headers);
            assert_eq!((poisoned.status, &poisoned.body), (plain.status, &plain.body), "{path}");
            assert_eq!(poisoned.header("location"), plain.header("location"), "{path}");
            assert_eq!(poisoned.header("link"), plain.header("link"), "{path}");
            let absolute = ask(&serving, &format!("http://evil.example{path}"), &[also]);
            for answer in [&poisoned, &absolute] {
                let said = format!("{:?}\n{}", answer.headers, answer.text());
                assert!(!said.contains("evil"), "{path}: {said}");
            }
        }
    }
    wait_until("the letter", 30, || folder.letters().len() == 1);
    let letter = folder.letters().remove(0);
    for part in [&letter.html, &letter.text] {
        for scheme in ["http://", "https://"] {
            for link in part.match_indices(scheme).map(|(at, _)| &part[at..]) {
                let is_a_name = link.starts_with("http://www.w3.org/"); // of a document type, where nobody goes
                assert!(link.starts_with(SITE) || is_a_name, "{}", link.lines().next().unwrap());
            }
        }
    }
    assert!(letter.headers["list-unsubscribe"].contains(SITE));
}

#[test]
fn s27_who_asks_for_another_host_gets_nothing_of_this_one() {
    let folder = linked();
    let serving = folder.serve();
    let etag = serving.get("/feed.rss").header("etag").to_string();
    for host in [
        "evil.example",
        "far-bank.example.evil.example",
        "far-bank.example@evil.example",
        "evil.example:80",
        "far-bank.examplé",
    ] {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/feed.rss"),
            ("HEAD", "/feed.rss"),
            ("GET", "/piece-1"),
            ("GET", "/nothing/"),
            ("GET", "/healthz"),
            ("GET", "/hub"),
            ("POST", "/hub"),
            ("GET", "/unsubscribe/x"),
            ("POST", "/unsubscribe/x"),
            ("GET", "/media/x.png"),
        ] {
            for known in [("If-None-Match", etag.as_str()), ("Accept", "*/*")] {
                let answer = serving.request(method, path, &[("Host", host), known], "");
                assert!(
                    [400, 404, 421].contains(&answer.status),
                    "{method} {path} for {host}: {}",
                    answer.status
                );
                assert!(
                    answer.header("location").is_empty() && answer.header("etag").is_empty(),
                    "{method} {path}"
                );
                assert!(!answer.text().contains("Piece"), "{method} {path}");
            }
        }
    }
}

#[test]
fn s28_no_address_of_ours_leads_to_where_a_stranger_says() {
    let folder = linked();
    let serving = folder.serve();
    let mut moved = 0;
    for path in [
        "/r?u=https://evil.example/",
        "/?next=//evil.example",
        "/?url=https://evil.example/",
        "//evil.example",
        "//evil.example/",
        "//evil.example/feed",
        "//evil.example/piece-1",
        "//evil.example/..",
        "///evil.example",
        "/\\evil.example",
        "/\\/evil.example",
        "/%5cevil.example",
        "/%2f%2fevil.example",
        "/%2fevil.example/feed",
        "/feed.rss?page=2",
        "/feed.rss?page=2&next=//evil.example",
        "//evil.example/feed.rss?page=2",
        "/piece-1?next=//evil.example",
        "/piece-1//evil.example",
        "/was-1/?to=//evil.example",
        "/was-1",
        "/?p=//evil.example",
        "/?page_id=https://evil.example",
        "/?feed=//evil.example",
        "/feed/?//evil.example",
        "/feed",
        "/unsubscribe/https://evil.example",
        "/unsubscribe//evil.example",
        "/unsubscribe/%2f%2fevil.example",
        "/@evil.example",
        "/piece-1%0d%0aLocation:%20https://evil.example",
        "/tags/water",
        "/tags//evil.example",
        "http://evil.example//evil.example/piece-1",
    ] {
        for headers in [
            &[("Accept", "*/*")][..],
            &[("Referer", "https://evil.example/"), ("Origin", "https://evil.example")],
        ] {
            let answer = ask(&serving, path, headers);
            let to = answer.header("location");
            if (300..400).contains(&answer.status) {
                moved += 1;
                assert!(
                    to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'),
                    "{path} leads to {to}"
                );
                assert_ne!(serving.get(to).status, 404, "{path} leads to {to}, where nothing is");
            } else {
                assert_eq!(to, "", "{path}");
            }
            assert!(!to.contains("evil") && answer.header("refresh").is_empty(), "{path}");
        }
    }
    assert!(moved > 10, "{moved} of them lead anywhere");
}

// S31: what reaches the database.

/// What takes SQL first; the last two take values where the statement is there already.
const TAKES_SQL: [&str; 5] = [".prepare(", ".prepare_cached(", ".execute_batch(", ".execute(", ".query_row("];

/// SQL that is no literal where it is used: file, what stands there, and why it is one all the same.
const NAMED_SQL: [(&str, &str, &str); 2] = [
    // The closure `count`; each of its calls has a literal, which is looked at below.
    ("store/hub.rs", "sql)", "count("),
    // One of `MIGRATIONS`, a constant of literals.
    ("store/schema.rs", "migration)", "const MIGRATIONS: &[&str] = &["),
];

const SQL_WORDS: [&str; 9] = [
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE FROM",
    "CREATE TABLE",
    "DROP TABLE",
    "PRAGMA ",
    "ORDER BY",
    " WHERE ",
];

/// Where a source file hands the database anything but a literal.
fn spliced_sql(file: &str, source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let mut problems = Vec::new();
    let mut say = |at: usize, why: &str| {
        problems.push(format!("src/{file}:{}: {why}", code[..at].matches('\n').count() + 1));
    };
    for call in TAKES_SQL {
        for (at, _) in code.match_indices(call) {
            let first = code[at + call.len()..].trim_start();
            let is_literal = first.starts_with('"') || first.starts_with("r\"") || first.starts_with("r#\"");
            let is_of_a_statement = matches!(call, ".execute(" | ".query_row(");
            let are_values =
                is_of_a_statement && ["params!", "[", "&["].iter().any(|values| first.starts_with(values));
            let is_named =
                NAMED_SQL.iter().any(|(named, argument, _)| *named == file && first.starts_with(argument));
            if !(is_literal || are_values || is_named) {
                say(at, "SQL is a literal, and what differs is bound");
            }
        }
    }
    for macro_name in
        ["format!(", "write!(", "writeln!(", "concat!(", "push_str(", "push_str(&", "+ \"", "replace("]
    {
        for (at, _) in code.match_indices(macro_name) {
            let end = code[at..].find(';').map_or(code.len(), |end| at + end);
            if SQL_WORDS.iter().any(|word| code[at..end].contains(word)) {
                say(at, "words of SQL are put together");
            }
        }
    }
    let is_stores = file.starts_with("store/");
    if !is_stores && let Some(at) = code.find("rusqlite") {
        say(at, "the store alone knows SQL");
    }
    problems
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn s31_all_sql_is_literal_and_all_values_are_bound() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    let mut problems = Vec::new();
    let mut looked_at = 0;
    for file in &files {
        let shown = file.strip_prefix(&source).unwrap().to_str().unwrap();
        let text = fs::read_to_string(file).unwrap();
        looked_at += TAKES_SQL.iter().map(|call| text.matches(call).count()).sum::<usize>();
        problems.extend(spliced_sql(shown, &text));
        for (_, _, why) in NAMED_SQL.iter().filter(|(named, ..)| *named == shown) {
            assert!(text.contains(why), "{shown}: what the exception rests on is gone");
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    assert!(looked_at > 100, "only {looked_at} statements were looked at");
    // The one closure that is given SQL is given literals; `count(*)` is SQL itself.
    let hub = fs::read_to_string(source.join("store/hub.rs")).unwrap();
    for (at, call) in hub.match_indices("count(") {
        let first = hub[at + call.len()..].trim_start();
        assert!(first.starts_with(['"', '*']), "src/store/hub.rs: count({}", &first[..40]);
    }
}

#[test]
fn s31_spliced_sql_is_shown_with_its_line() {
    for (wrong, line) in [
        ("fn f() {\n    tx.prepare(&format!(\"SELECT {column} FROM article\"))?;\n}\n", 2),
        ("fn f() {\n\n    tx.execute(&sql, [])?;\n}\n", 3),
        ("fn f() {\n    tx.query_row(sql, [], get)?;\n}\n", 2),
        ("fn f() {\n    let mut sql = String::new();\n    sql.push_str(\" ORDER BY \");\n}\n", 3),
        ("fn f() {\n    tx.execute_batch(\n        script)?;\n}\n", 2),
    ] {
        let problems = spliced_sql("store/x.rs", wrong);
        assert!(
            problems.iter().any(|problem| problem.starts_with(&format!("src/store/x.rs:{line}: "))),
            "{wrong}: {problems:?}"
        );
    }
    let right = "fn f() {\n    tx.prepare_cached(\n        \"SELECT 1\",\n    )?\n    .execute(params![a])?;\n    statement.query_row([a], get)?;\n}\n";
    assert!(spliced_sql("store/x.rs", right).is_empty());
    assert_eq!(spliced_sql("web/x.rs", "use rusqlite::Row;\n").len(), 1);
}

#[test]
fn s31_signs_of_sql_are_words_like_others() {
    const NAME: &str = "Robert'); DROP TABLE subscriber;--";
    let folder = with_hub("private_callbacks = true");
    folder.write(
        "articles/en/quoted.md",
        &format!("---\ntitle: \"{NAME}\"\nslug: \"a' OR '1'='1\"\ndate: 2026-03-01\n---\nText.\n"),
    );
    folder.run(&["readers", "add", "dispatches", "mina@example.org", "--name", NAME]).done();
    let nobody = folder.run(&["readers", "remove", "x' OR '1'='1@example.org"]);
    assert_ne!(nobody.code, 0);
    let listed = folder.run(&["readers", "list"]).done().stdout;
    assert!(listed.contains(NAME) && listed.contains("\tactive"), "{listed}");
    let serving = folder.serve();
    assert!(serving.get("/feed.json").text().contains("DROP TABLE"));
    assert_eq!(serving.get("/a-or-1-1/").status, 200);
    let subscriber = WebServer::subscriber();
    let callback = subscriber.url("/?x='%20OR%20'1'='1'--");
    assert_eq!(
        ask_hub(&serving, &callback, &[("hub.secret", "'); DELETE FROM hub_request;--")], "203.0.113.7")
            .status,
        202
    );
    wait_until("the question", 30, || subscriber.asked().len() == 1);
    for token in ["'", "x'%20OR%20'1'='1", "%27)%3b--"] {
        assert_eq!(serving.get(&format!("/unsubscribe/{token}")).status, 404);
    }
    assert!(folder.run(&["readers", "list"]).done().stdout.contains("\tactive"));
}

// S9: which addresses are taken.

#[test]
fn s09_only_narrow_addresses_are_taken_and_the_others_are_kept_with_their_reason() {
    let local = "a".repeat(64);
    let label = "b".repeat(63);
    let longest = format!("{local}@{label}.{label}.{}.example", "c".repeat(254 - 64 - 1 - 64 - 64 - 8));
    assert_eq!(longest.len(), 254);
    let good = [
        "a@example.org",
        "a.b@example.org",
        "a+b@example.org",
        "o'neil@example.org",
        "A_b-c@sub.example.org",
        "x!#$%&*/=?^`{|}~@example.org",
        "1@1.example",
        "a@xn--mgbp1eef.example",
        "a@دامنه.example",
        "a@BÜCHER.example",
        "mina@EXAMPLE.org",
        "a@a-b.example",
        &longest,
        "a@\u{ff45}xample.org",
        "a@example\u{3002}org",
    ];
    let too_long = format!("a{longest}");
    let long_label = format!("a@{}.example", "b".repeat(64));
    let long_local = format!("{}@example.org", "a".repeat(65));
    let bad = [
        "",
        "a",
        "@example.org",
        "a@",
        "@",
        "a@b@",
        "a@@example.org",
        "a b@example.org",
        "a@exam ple.org",
        "\"x@evil y\"@example.org",
        "\"a\"@example.org",
        "\"a b\"@example.org",
        "a\"b@example.org",
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        "a@127.0.0.1",
        "a@2130706433",
        "a@0x7f.1",
        "a@localhost",
        "a@org",
        "a@.example.org",
        "a@example..org",
        "a@example.org..",
        "a@-example.org",
        "a@example-.org",
        "a@exa_mple.org",
        ".a@example.org",
        "a.@example.org",
        "a..b@example.org",
        "a\u{0}@example.org",
        "a@example.org\u{0}",
        "a\t@example.org",
        "a\u{7f}@example.org",
        "a\u{200b}@example.org",
        "\u{0430}dmin@example.org",
        "ا@example.org",
        "ａ@example.org",
        "a＠example.org",
        "a(comment)@example.org",
        "Mina <a@example.org>",
        "<a@example.org>",
        "a@example.org, b@example.org",
        "a;b@example.org",
        "a,b@example.org",
        "a:b@example.org",
        "a\\b@example.org",
        "a@exa%00mple.org",
        "a@example.org>\nRCPT TO:<b@example.org",
        &too_long,
        &long_label,
        &long_local,
    ];
    assert!(good.len() + bad.len() >= 60);
    let mut list = csv::Writer::from_writer(Vec::new());
    list.write_record(["email"]).unwrap();
    for address in good.iter().copied().chain(bad) {
        list.write_record([address]).unwrap();
    }
    let mut newsroom = Newsroom::new().piece("Wells", "2026-03-01");
    newsroom.write("subscribers/dispatches.csv", list.into_inner().unwrap());
    newsroom.run();
    let readers = newsroom.store(async |store| store.readers(None).await.unwrap());
    let taken: BTreeSet<String> = readers.into_iter().map(|reader| reader.email).collect();
    for address in bad {
        assert!(!taken.contains(address), "{address:?} was taken");
    }
    assert!(taken.iter().all(|address| address.is_ascii()), "{taken:?}");
    // Two ways of typing one address are one reader: the letters that look like others are those others.
    let expected = BTreeSet::from([
        "a@example.org",
        "a.b@example.org",
        "a+b@example.org",
        "o'neil@example.org",
        "A_b-c@sub.example.org",
        "x!#$%&*/=?^`{|}~@example.org",
        "1@1.example",
        "a@xn--mgbp1eef.example",
        "a@xn--bcher-kva.example",
        "mina@example.org",
        "a@a-b.example",
        &longest,
    ]);
    assert_eq!(taken.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    let rejected = fs::read_to_string(newsroom.path("data/dispatches.rejected.csv")).unwrap();
    assert!(rejected.lines().count() >= bad.len() - 2, "{rejected}");
}
