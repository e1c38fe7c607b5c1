//! `byline check`: every mistake at once, with its place and how to mend it.

use crate::support::{newsroom::CONFIG, program::Folder};

#[test]
fn five_mistakes_are_five_diagnostics() {
    let config = CONFIG
        .replace("timezone = \"Europe/London\"", "timezone = \"Europe/Londn\"")
        .replace("weekly = \"Fri 08:00\"", "weekly = \"Fryday 08:00\"");
    let folder = Folder::with_config(&config);
    folder.write(
        "articles/en/tehran.md",
        "---\ntitle: Tehran\nwriten_for: bbc-online\ndate: 2026-03-01\n---\nText.\n",
    );
    folder.write(
        "templates/page/missing.hbs",
        "{{#> page/layout}}\n<h1>{{t.missing.titel}}</h1>\n{{/page/layout}}\n",
    );
    folder.write(
        "subscribers/dispatches.csv",
        "email,name,cadence\nmina@example.org,Mina,daily\nroya(at)example.org,رؤیا,\n",
    );
    let said = folder.run(&["check"]);
    assert_eq!(said.code, 2);
    insta::assert_snapshot!(format!("{}\n---\n{}", said.stderr.trim_end(), said.stdout));
}

#[test]
fn the_sample_newsroom_holds() {
    let said = Folder::sample().run(&["check"]).done();
    assert!(
        said.stdout
            .starts_with("14 articles (12 out, 1 draft, 1 waiting); 2 newsletters; 22 readers in lists:"),
        "{}",
        said.stdout
    );
    assert!(!said.stderr.contains("error:") && !said.stderr.contains("warning:"), "{}", said.stderr);
}

#[test]
fn a_new_newsroom_holds_and_its_first_article_is_one_word_away() {
    let folder = Folder::with_config("");
    let mine = folder.path("mine");
    folder.run(&["init", mine.to_str().unwrap()]).done();
    let mine = Folder::existing(&mine);
    let said = mine.run(&["check"]).done();
    assert_eq!(
        said.stdout,
        "1 article (0 out, 1 draft, 0 waiting); 1 newsletter; 0 readers in lists: 1 note\n"
    );
    let again = folder.run(&["init", mine.root().to_str().unwrap()]);
    assert_eq!(again.code, 2);
    let made = mine.run(&["new", "A \"quoted\": title"]).done();
    assert!(made.stdout.trim().ends_with("articles/a-quoted-title.md"), "{}", made.stdout);
    let said = mine.run(&["check"]).done();
    assert!(said.stdout.starts_with("2 articles"), "{}", said.stdout);
}

#[test]
fn a_config_with_many_mistakes_shows_them_all() {
    let config = r#"
[site]
url = "far-bank.example"
titel = "x"
author = 7
languages = ["en", "english"]
[mail]
from = "not an address"
transport = "smtp"
[mail.smtp]
host = "mail.example.org"
port = 99999
security = "none"
password = "hunter2"
[outlet.bbc-online]
name = "BBC Online"
republish_after = "soon"
[newsletter.dispatches]
name = "Dispatches"
outlets = ["bbc-onlin"]
[newsletter.dispatches.cadence]
weekly = "0 8 * * FRI"
"#;
    let folder = Folder::with_config(config);
    let said = folder.run(&["check"]);
    assert_eq!(said.code, 2);
    assert!(!said.stderr.contains("hunter2"), "a password is never shown");
    insta::assert_snapshot!(format!("{}\n---\n{}", said.stderr.trim_end(), said.stdout));
}

#[test]
fn broken_syntax_is_shown_where_it_breaks_and_nothing_is_guessed_from_it() {
    let folder = Folder::with_config("[site]\nurl = \"http://x.example/\ntitle = \"x\"\n");
    folder.write("articles/a.md", "---\nwritten_for: nobody-known\n---\nx");
    let said = folder.run(&["check"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("config.toml:2:") && !said.stderr.contains("nobody-known"),
        "{}",
        said.stderr
    );
}

#[test]
fn the_environment_overrides_any_key() {
    let folder = Folder::with_config(CONFIG);
    let said = folder.run_with(
        &["check"],
        &[("BYLINE_SITE__TIMEZONE", "Mars/Olympus"), ("BYLINE_OUTLET__BBC_ONLINE__URL", "\"nonsense\"")],
    );
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("environment variable BYLINE_SITE__TIMEZONE"), "{}", said.stderr);
    assert!(said.stderr.contains("environment variable BYLINE_OUTLET__BBC_ONLINE__URL"), "{}", said.stderr);
    folder.run_with(&["check"], &[("BYLINE_SITE__TIMEZONE", "Asia/Tehran")]).done();
}

#[test]
fn a_check_leaves_nothing_behind() {
    let folder = Folder::sample();
    folder.run(&["check"]).done();
    for made in ["data", "public", "outbox"] {
        assert!(!folder.path(made).exists(), "{made}");
    }
}

#[test]
fn a_check_looks_over_every_letter_that_would_be_sent() {
    let folder =
        Folder::with_config(&CONFIG.replace("https://far-bank.example/", "http://far-bank.example/"));
    let long = "A long piece goes on and on, and has <em>words</em> in it.\n\n".repeat(3_000);
    for (name, text) in [
        ("long", format!("---\ntitle: The long one\ndate: 2026-03-01\n---\n{long}")),
        ("shout", "---\ntitle: READ THIS NOW!!\ndate: 2026-03-02\n---\nText.\n".into()),
        ("picture", "---\ntitle: A picture\ndate: 2026-03-03\n---\n![](https://elsewhere.example/a.png) ![b](http://elsewhere.example/b.png)\n".into()),
        ("wide", format!("---\ntitle: {}\ndate: 2026-03-04\n---\nText.\n", "Very wide ".repeat(12))),
        ("fine", "---\ntitle: Nothing wrong\ndate: 2026-03-05\n---\nText.\n".into()),
    ] {
        folder.write(&format!("articles/en/{name}.md"), &text);
    }
    folder.write("templates/mail/goodbye/text.hbs", "{{> mail/parts/text_foot leave=false}}");
    folder.write("templates/mail/goodbye/subject.hbs", "{{t.letter.goodbye_subject}}");
    let said = folder.run(&["check", "--json"]);
    let problems: Vec<serde_json::Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = |file: &str, words: &str| {
        let is_it = |problem: &&serde_json::Value| {
            problem["file"] == file && problem["message"].as_str().unwrap().contains(words)
        };
        assert_eq!(problems.iter().filter(is_it).count(), 1, "{words} of {file}: {problems:#?}");
    };
    found("articles/en/long.md", "kB of HTML, and Gmail shows 102: it ends early");
    found("articles/en/shout.md", "that can be a capital is one");
    found("articles/en/shout.md", "the subject shouts");
    found("articles/en/picture.md", "`https://elsewhere.example/a.png` has no words");
    found("articles/en/picture.md", "`http://elsewhere.example/b.png` is not fetched over https");
    found("articles/en/wide.md", "the subject has 119 characters");
    found("templates/mail/goodbye", "`{newsletter}` stands in the subject");
    let one_click =
        |problem: &&serde_json::Value| problem["message"].as_str().unwrap().contains("is not https");
    assert_eq!(problems.iter().filter(one_click).count(), 1, "said once, of whichever is first");
    assert!(
        problems.iter().all(|problem| problem["file"] != "articles/en/fine.md" || one_click(&problem)),
        "{problems:#?}"
    );
    assert!(
        problems.iter().all(|problem| !problem["hint"].as_str().unwrap_or_default().is_empty()),
        "{problems:#?}"
    );
}
