//! Templates that an author edits: what they can see, what they cannot do, and what becomes of a mistake. Numbers (s)
//! are those of the threat model.

use std::{collections::BTreeMap, fs, process::Command};

use crate::support::{
    newsroom::CONFIG,
    program::{Folder, Said},
    wait_until,
};

const PIECE: &str = "---\ntitle: Wells\ndate: 2026-03-01\ntags: [Water]\nwritten_for: { outlet: bbc-online, url: \"https://www.bbc.com/news/x\" }\n---\nWater under the town.\n";

fn newsroom() -> Folder {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/wells.md", PIECE);
    folder.write("articles/en/salt.md", &PIECE.replace("Wells", "Salt"));
    folder
}

/// The letters of a newsletter as files, by their names.
fn preview(folder: &Folder, arguments: &[&str]) -> BTreeMap<String, String> {
    folder.run(&[&["preview", "dispatches", "--no-serve"], arguments].concat()).done();
    let files = fs::read_dir(folder.path("data/preview/dispatches")).unwrap().flatten();
    files
        .map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap()))
        .collect()
}

fn check_fails(folder: &Folder) -> Said {
    let said = folder.run(&["check"]);
    assert_eq!(said.code, 2, "{said:#?}");
    said
}

#[test]
fn s01_a_template_sees_these_names_and_nothing_of_the_config() {
    let from = "from = \"Shirin Example <shirin@far-bank.example>\"\n";
    let secrets = "testers = [\"canary@example.org\"]\n[mail.smtp]\nhost = \"canary.example.org\"\nusername = \"canary-user\"\npassword = { env = \"BYLINE_CANARY\" }\n";
    let config = CONFIG.replace(from, &format!("{from}{secrets}"));
    let folder = Folder::with_config(&config);
    folder.write("articles/en/wells.md", PIECE);
    folder.write("articles/en/salt.md", &PIECE.replace("Wells", "Salt"));
    let all = "{{#each this}}{{@key}}\n{{/each}}{{#each site}}site.{{@key}} = {{this}}\n{{/each}}{{#each newsletter}}newsletter.{{@key}}\n{{/each}}{{#each letter}}letter.{{@key}}\n{{/each}}{{#each articles}}{{#if @first}}{{#each this}}article.{{@key}}\n{{/each}}{{/if}}{{/each}}{{#each reader}}reader.{{@key}}\n{{/each}}{{#each t}}t.{{@key}}\n{{/each}}/{{reader.unsubscribe_url}}";
    folder.write("templates/mail/digest/text.hbs", all);
    let environment = [("BYLINE_CANARY", "canary-password")];
    let said =
        folder.run_with(&["preview", "dispatches", "--no-serve", "--language", "en"], &environment).done();
    let text = fs::read_to_string(folder.path("data/preview/dispatches/1-digest-en.txt")).unwrap();
    assert!(!text.contains("canary") && !said.stdout.contains("canary"), "{text}");
    let names: Vec<&str> = text.lines().filter(|line| !line.contains(['[', '/'])).collect();
    insta::assert_snapshot!(names.join("\n"));
    for reach in [
        "{{env \"HOME\"}}",
        "{{config.mail}}",
        "{{lookup this \"config\"}}{{nothing}}",
        "{{log site}}",
        "{{this}}",
        "{{@root.config}}",
    ] {
        folder.write("templates/mail/digest/text.hbs", reach);
        let said = folder.run_with(&["check"], &environment);
        assert!(
            said.code == 2 && said.stderr.contains("templates/mail/digest/text.hbs:1:"),
            "{reach}: {said:#?}"
        );
    }
}

/// What is tried, the files with it, and what is said of it.
type Case = (&'static str, Vec<(&'static str, String)>, &'static str);

#[test]
fn s02_no_template_can_stop_the_program() {
    let deep =
        |open: &str, close: &str, times: usize| format!("{}x{}", open.repeat(times), close.repeat(times));
    let p = "templates/mail/parts/p.hbs";
    let digest = "templates/mail/digest/html.hbs";
    let cases: Vec<Case> = vec![
        (
            "a circle",
            vec![
                (p, "{{> mail/parts/q}}".into()),
                ("templates/mail/parts/q.hbs", "{{> mail/parts/p}}".into()),
            ],
            "include each other",
        ),
        ("itself", vec![(p, "{{> mail/parts/p}}".into())], p),
        (
            "a circle through a language's own file",
            vec![
                (p, "{{> mail/digest/html}}".into()),
                ("templates/mail/digest/html.fa.hbs", "{{> mail/parts/p}}".into()),
            ],
            "include each other",
        ),
        ("a circle through a block", vec![(p, "{{#> mail/parts/p}}{{/mail/parts/p}}".into())], p),
        (
            "loops in loops",
            vec![(digest, deep("{{#each articles}}", "{{/each}}", 4))],
            "loops stand in loops",
        ),
        (
            "loops in loops of partials",
            vec![
                (p, deep("{{#each @root.articles}}", "{{/each}}", 2)),
                (
                    digest,
                    "{{#each articles}}{{#each @root.articles}}{{> mail/parts/p}}{{/each}}{{/each}}".into(),
                ),
            ],
            "loops stand in loops",
        ),
        ("hundreds of blocks", vec![(digest, deep("{{#if site}}", "{{/if}}", 490))], "too deep"),
        (
            "a thousand blocks",
            vec![(digest, deep("{{#if site}}", "{{/if}}", 1_000))],
            "more than a file may have",
        ),
        (
            "ten thousand brackets",
            vec![(digest, format!("{{{{#if {}}}}}x{{{{/if}}}}", deep("(not ", ")", 10_000)))],
            "more than a file may have",
        ),
        (
            "a partial of its own making",
            vec![(digest, "{{#*inline \"p\"}}{{> p}}{{/inline}}{{> p}}".into())],
            "cannot be written inside another file",
        ),
        (
            "a partial that is reckoned out",
            vec![(digest, "{{> (lookup site \"title\")}}".into())],
            "must be written out",
        ),
        ("a partial that is not there", vec![(digest, "{{> mail/parts/nothing}}".into())], digest),
        (
            "a circle behind a comment in Persian",
            vec![
                ("templates/page/gone.hbs", "{{! سرصفحه }}{{> page/missing}}".into()),
                ("templates/page/missing.hbs", "{{! سرصفحه }}{{> page/gone}}".into()),
            ],
            "include each other",
        ),
        (
            "else after else",
            vec![(digest, format!("{{{{#if site}}}}{}{{{{/if}}}}", "{{else if site}}".repeat(900)))],
            "too deep",
        ),
        (
            "a bomb of blocks",
            vec![
                (p, "{{> @partial-block}}{{> @partial-block}}".into()),
                (digest, deep("{{#> mail/parts/p}}", "{{/mail/parts/p}}", 12)),
            ],
            "`@partial-block`",
        ),
        (
            "no link for leaving where a letter is not special",
            vec![(
                "templates/mail/parts/foot.hbs",
                "{{#if letter.special}}{{reader.unsubscribe_url}}{{reader.confirm_url}}{{/if}}".into(),
            )],
            "readers could not leave with this letter",
        ),
        (
            "a slip where no sample of plenty goes",
            vec![(
                digest,
                "{{#if letter.special}}{{reader.unsubscribe_url}}{{else}}{{site.tilte}}{{/if}}".into(),
            )],
            "did you mean `title`?",
        ),
        ("an end too many", vec![(digest, "x{{/if}}".into())], digest),
        ("no end", vec![(digest, "{{#if site}}".into())], digest),
    ];
    for (name, files, expected) in cases {
        let folder = newsroom();
        for (path, text) in &files {
            folder.write(path, text);
        }
        let said = check_fails(&folder);
        assert!(said.stderr.contains(expected), "{name}: {said:#?}");
        let shown = |path: &str| said.stderr.contains(path) || said.stderr.contains("templates/mail/");
        assert!(files.iter().any(|(path, _)| shown(path)), "{name} is not shown with its file: {said:#?}");
    }
}

#[test]
fn a_broken_template_is_shown_with_its_line_and_the_last_good_one_stays() {
    let folder = newsroom();
    let serving = folder.serve_watching();
    assert!(serving.get("/wells/").text().contains("Water under the town"));
    folder.write("templates/page/article.hbs", "broken {{site.tilte}}\n");
    wait_until("the mistake to be said", 20, || serving.talk().contains("templates/page/article.hbs:1:15"));
    assert!(serving.talk().contains("did you mean `title`?"), "{}", serving.talk());
    folder
        .write("articles/en/salt.md", &PIECE.replace("Wells", "Salt").replace("Water under", "Brine under"));
    wait_until("a save to be published all the same", 20, || {
        serving.get("/salt/").text().contains("Brine under")
    });
    folder.write("templates/page/article.hbs", "mended: {{site.title}}\n");
    wait_until("the mended one to be used", 20, || {
        serving.get("/wells/").text().starts_with("mended: The Far Bank")
    });
    assert_eq!(serving.stop(), 0);
}

/// A template that holds for samples, and not for what is out, was taken; and then nothing was published any more.
#[test]
fn a_template_that_fails_on_what_is_out_is_not_taken() {
    let folder = newsroom();
    let serving = folder.serve_watching();
    let list = folder_of_the_repository("templates/page/list.hbs");
    let day = "{{#each articles}}{{#if (eq title \"Salt\")}}\n{{day title}}{{/if}}";
    folder.write("templates/page/list.hbs", &list.replacen("{{#each articles}}", day, 1));
    wait_until("the failure to be told", 20, || {
        let talk = serving.talk();
        talk.contains("templates/page/list.hbs:26:1") && talk.contains("the last good ones stay in use")
    });
    folder.write("articles/en/new.md", &PIECE.replace("Wells", "New"));
    wait_until("what comes after it", 20, || serving.get("/new/").status == 200);
    folder.write(
        "templates/page/list.hbs",
        &list.replacen("{{#each articles}}", "{{#each articles}}mended", 1),
    );
    wait_until("the mended one", 20, || serving.get("/").text().contains("mended"));
}

#[test]
fn a_template_is_put_back_and_the_authors_is_kept_beside_it() {
    let folder = newsroom();
    let own = "Mine: {{letter.first}} {{reader.unsubscribe_url}}";
    folder.write("templates/mail/digest/text.hbs", own);
    folder.write(
        "i18n/en.toml",
        &folder_of_the_repository("i18n/en.toml").replace("\"Unsubscribe\"", "\"Leave\""),
    );
    let listed = folder.run(&["templates", "list"]).done().stdout;
    assert!(listed.contains("yours       templates/mail/digest/text.hbs"), "{listed}");
    assert!(listed.contains("built in    templates/mail/digest/html.hbs"), "{listed}");
    let unknown = folder.run(&["templates", "reset", "mail/digest/txt"]);
    assert!(unknown.code != 0 && unknown.stderr.contains("did you mean `mail/digest/text`?"), "{unknown:#?}");
    folder.run(&["templates", "reset", "mail/digest/text"]).done();
    assert_eq!(
        folder.read("templates/mail/digest/text.hbs"),
        folder_of_the_repository("templates/mail/digest/text.hbs")
    );
    assert_eq!(folder.read("templates/mail/digest/text.hbs.old"), own);
    folder.run(&["templates", "reset", "mail/digest"]).done();
    assert!(folder.path("templates/mail/digest/html.hbs").exists(), "what was built in is there to edit");
    folder.run(&["templates", "reset", "i18n/en"]).done();
    assert!(folder.read("i18n/en.toml.old").contains("\"Leave\""));
    folder.run(&["check"]).done();
}

#[test]
fn a_reset_also_puts_aside_what_one_language_has_of_its_own() {
    let folder = newsroom();
    let plain = folder_of_the_repository("templates/mail/digest/html.hbs");
    folder.write("templates/mail/digest/html.fa.hbs", &plain);
    folder.write("templates/mail/parts/own.hbs", "x");
    folder.write("templates/mail/parts/button.big.hbs", "x");
    let reset = folder.run(&["templates", "reset", "./mail//digest/"]).done().stdout;
    assert!(reset.contains("html.fa.hbs is no longer used; yours is kept as html.fa.hbs.old"), "{reset}");
    assert!(!folder.path("templates/mail/digest/html.fa.hbs").exists());
    folder.write("templates/mail/digest/html.fa.hbs", &plain);
    folder.run(&["templates", "reset", "mail/digest/html.fa"]).done();
    assert_eq!(folder.read("templates/mail/digest/html.fa.hbs.old2"), plain);
    let own = folder.run(&["templates", "reset", "mail/parts/own"]);
    assert!(own.code != 0 && own.stderr.contains("a template of your own"), "{own:#?}");
    folder.run(&["templates", "reset", "mail/parts"]).done();
    for name in ["own", "button.big"] {
        assert_eq!(folder.read(&format!("templates/mail/parts/{name}.hbs")), "x");
    }
}

#[test]
fn outside_a_newsroom_nothing_is_reset() {
    let elsewhere = tempfile::tempdir().unwrap();
    let said = Folder::existing(elsewhere.path()).run(&["templates", "reset", "mail/digest"]);
    assert!(said.code != 0 && said.stderr.contains("no newsroom"), "{said:#?}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

/// The page of letters showed the pictures of the site that is out, which may lack them, and no line of the mailbox.
#[test]
fn letters_are_shown_with_pictures_that_are_not_out_yet() {
    let folder = newsroom();
    let picture = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/page/pictures/icon.png")).unwrap();
    fs::create_dir_all(folder.path("articles/en")).unwrap();
    fs::write(folder.path("articles/en/well.png"), &picture).unwrap();
    let text = PIECE.replace("tags:", "image: well.png\ntags:") + "\n![A well](well.png)\n";
    folder.write("articles/en/wells.md", &text);
    let serving = folder.preview("dispatches");
    let page = serving.get("/").text();
    assert!(page.contains("In the list of letters: <b><bdi>Shirin Example</bdi></b>"), "{page}");
    let letter = serving.get("/1-digest-en.html").text();
    let source = letter.split("<img").nth(1).unwrap().split("src=\"").nth(1).unwrap();
    let source = source.split('"').next().unwrap();
    let answer = serving.get(source);
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"), "{source}");
    assert_eq!(answer.body, picture);
    assert_eq!(serving.get("/media/../config.toml").status, 404);
    assert_eq!(serving.get("/media/%2e%2e/config.toml").status, 404);
}

/// A template that could not be read was passed over without a word.
#[test]
fn a_template_that_is_a_link_or_no_text_is_named() {
    let folder = newsroom();
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::create_dir_all(folder.path("templates/mail/digest")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path("templates/mail/digest/html.hbs")).unwrap();
    fs::write(folder.path("templates/mail/digest/text.hbs"), b"\xff").unwrap();
    fs::write(folder.path("templates/mail/digest/html.fa.hbs"), b"\xff").unwrap();
    std::os::unix::fs::symlink(std::env::temp_dir(), folder.path("templates/page")).unwrap();
    let said = check_fails(&folder);
    let listed = folder.run(&["templates", "list"]).done().stdout;
    for path in ["mail/digest/html.hbs", "mail/digest/text.hbs", "mail/digest/html.fa.hbs", "page\n"] {
        assert!(said.stderr.contains(&format!("templates/{path}")), "{path}: {said:#?}");
        assert!(listed.contains(&format!("unreadable  templates/{path}")), "{path}: {listed}");
    }
    let through_a_link = folder.run(&["templates", "reset", "page/style.css"]);
    assert!(
        through_a_link.code != 0 && through_a_link.stderr.contains("templates/page is a link"),
        "{through_a_link:#?}"
    );
    fs::remove_file(folder.path("templates/page")).unwrap();
    folder.run(&["templates", "reset", "mail/digest"]).done();
    folder.run(&["check"]).done();
}

/// One template that failed on a real article kept everything else unchecked, and its line was not told.
#[test]
fn a_template_that_fails_on_one_article_is_one_fault_among_others() {
    let folder = newsroom();
    folder.write("articles/en/one.md", "---\ntitle: One\ndate: 2026-02-01\n---\nText.\n\n![](gone.png)\n");
    let day = "{{#if (eq title \"One\")}}\n{{day title}}{{/if}}";
    let list = folder_of_the_repository("templates/page/list.hbs");
    let list = list.replacen("{{#each articles}}", &format!("{{{{#each articles}}}}{day}"), 1);
    folder.write("templates/page/list.hbs", &list);
    let digest = folder_of_the_repository("templates/mail/single/html.hbs");
    let digest = digest.replacen("{{#with article}}", &format!("{{{{#with article}}}}{day}"), 1);
    folder.write("templates/mail/single/html.hbs", &digest);
    let said = check_fails(&folder);
    for wanted in [
        "templates/mail/single/html.hbs:10:1",
        "templates/page/list.hbs:26:1",
        "this did not render with articles/en/one.md: `day` wants a moment",
        "this did not render with what is to be published: `day` wants a moment",
        "gone.png",
    ] {
        assert!(said.stderr.contains(wanted), "{wanted}: {said:#?}");
    }
}

fn folder_of_the_repository(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn helpers_write_dates_numbers_plurals_links_and_directions_for_people() {
    let folder = newsroom();
    let words = "{{#each articles}}{{#if @first}}{{day datetime}}|{{day datetime calendar=\"persian\"}}|{{day datetime calendar=\"gregorian\" language=\"fa\"}}|{{/if}}{{/each}}{{number 1234}}|{{number 1234 language=\"fa\"}}|{{plural 1 t.letter.pieces}}|{{plural 1234 t.letter.pieces language=\"fa\"}}|{{dir \"BBC\"}}|{{dir \"آب BBC\"}}|{{start \"rtl\"}}|{{line \"BBC\" direction=\"rtl\"}}|{{say t.letter.also language=\"x\"}}|{{reader.unsubscribe_url}}";
    folder.write("templates/mail/digest/text.hbs", words);
    let letters = preview(&folder, &["--language", "en"]);
    let text = letters["1-digest-en.txt"].trim_end();
    let (text, _) = text.rsplit_once('|').unwrap();
    insta::assert_snapshot!(text);
    folder.write("templates/mail/digest/html.hbs", "{{link \"javascript:x\" \"no\"}} {{link site.url \"<b>\"}} <a href=\"{{reader.unsubscribe_url}}\">x</a>");
    let html = &preview(&folder, &["--language", "en"])["1-digest-en.html"];
    assert!(html.contains("no <a href=\"https://far-bank.example/\">&lt;b&gt;</a>"), "{html}");
}

/// What Chromium makes of a file, after its scripts have run.
fn chromium(path: &std::path::Path) -> String {
    let own = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", own.path().display()))
        .arg(path)
        .output()
        .expect("chromium");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn s04_no_word_of_a_reader_an_outlet_or_a_newsletter_runs_in_a_letter_or_its_preview() {
    let attacks = [
        "<script>document.documentElement.dataset.run = 1</script>",
        "<img src=x onerror='document.documentElement.dataset.run = 1'>",
        "\"><svg onload='document.documentElement.dataset.run = 1'>",
        "' autofocus onfocus='document.documentElement.dataset.run = 1' x='",
        "</title></style></textarea><script>document.documentElement.dataset.run = 1</script>",
        "<iframe srcdoc='<script>parent.document.documentElement.dataset.run = 1</script>'>",
        "javascript:document.documentElement.dataset.run=1",
        "{{{site.url}}}<details open ontoggle='document.documentElement.dataset.run = 1'>",
    ];
    // All of them in each field, and in the reader's name, which is short, those that are.
    for attack in [attacks.join(" "), attacks[1].to_string()] {
        let toml = toml::Value::String(attack.clone()).to_string();
        let config = CONFIG
            .replace("title = \"The Far Bank\"", &format!("title = {toml}"))
            .replace("author = \"Shirin Example\"", &format!("author = {toml}"))
            .replace("name = \"Dispatches\"", &format!("name = {toml}\ndescription = {toml}"))
            .replace("name = { en = \"BBC Online\", fa = \"وب‌سایت بی‌بی‌سی\" }", &format!("name = {toml}"))
            .replace("[mail]", &format!("[mail]\npostal_address = {toml}"));
        let folder = Folder::with_config(&config);
        let piece = format!(
            "+++\ntitle = {toml}\nsummary = {toml}\ntags = [{toml}]\nauthors = [{toml}]\ndate = 2026-03-01\nslug = \"a\"\nwritten_for = {{ outlet = \"bbc-online\", title = {toml}, changes = {toml} }}\n+++\nText.\n"
        );
        folder.write("articles/en/a.md", &piece);
        folder.write("articles/en/b.md", &piece.replace("slug = \"a\"", "slug = \"b\""));
        let quoted = attack.replace('"', "\"\"");
        folder.write("subscribers/dispatches.csv", &format!("email,name\nmina@example.org,\"{quoted}\"\n"));
        let mut files = Vec::new();
        for letter in ["digest", "single", "confirm", "welcome", "goodbye"] {
            let letters = preview(&folder, &["--letter", letter, "--reader", "mina@example.org"]);
            assert!(letters.keys().any(|name| name.contains(letter)), "{letters:?}");
            for name in letters.keys().filter(|name| name.ends_with(".html") && !name.contains("-dark")) {
                let copy = folder.path(&format!("{letter}-{name}"));
                fs::copy(folder.path(&format!("data/preview/dispatches/{name}")), &copy).unwrap();
                files.push(copy);
            }
        }
        // One page for all of them: a browser takes a second to start.
        let frames: String =
            files.iter().map(|file| format!("<iframe src=\"file://{}\"></iframe>", file.display())).collect();
        let all = folder.path("all.html");
        fs::write(&all, format!("<!doctype html><meta charset=utf-8>{frames}<script>onload = () => {{ document.title = [...document.querySelectorAll('iframe')].map(f => {{ try {{ return f.contentDocument.documentElement.dataset.run || '-' }} catch (e) {{ return '?' }} }}).join('') }}</script>")).unwrap();
        let dom = chromium(&all);
        assert!(!dom.contains("data-run"), "{attack}: {dom}");
        for file in &files {
            if file.to_string_lossy().contains("index") {
                continue; // it frames the letters, and has what they say as words
            }
            let dom = fs::read_to_string(file).unwrap().replace("&lt;", "").replace("=\'document", "");
            assert!(
                !dom.contains("<script") && !dom.contains("onload=") && !dom.contains("<svg"),
                "{attack} stands in {}: {dom}",
                file.display()
            );
        }
    }
}

#[test]
fn s33_what_an_author_typed_cannot_write_into_the_log_or_onto_the_screen() {
    let attack = "x\\u001b[2J\\n2026 ERROR forged";
    let config = CONFIG.replace("name = \"Dispatches\"", &format!("name = \"{attack}\""));
    let folder = Folder::with_config(&config);
    folder.write(
        "articles/en/a.md",
        &format!("+++\ntitle = \"{attack}\"\ndate = 2026-03-01\nwritten_for = \"{attack}\"\n+++\nText.\n"),
    );
    folder.write("articles/en/b.md", &format!("+++\ntitle = \"{attack}\"\ndate = 2026-03-01\n+++\nText.\n"));
    folder.write(
        "subscribers/dispatches.csv",
        &format!("email,name\nmina@example.org,{}\n\u{1b}[2J,x\n", "x\u{1b}[2J"),
    );
    let serving = folder.serve_watching();
    folder.write("templates/page/gone.hbs", "\u{1b}[2J{{nothing}}");
    wait_until("the mistake to be said", 20, || serving.talk().contains("templates/page/gone.hbs:1"));
    let mut said = vec![serving.talk()];
    fs::remove_file(folder.path("templates/page/gone.hbs")).unwrap();
    for command in [
        &["check"][..],
        &["send", "dispatches", "--dry-run"],
        &["preview", "dispatches", "--no-serve"],
        &["next"],
        &["status"],
        &["readers", "list", "dispatches"],
    ] {
        let Said { stdout, stderr, .. } = folder.run(command);
        said.extend([stdout, stderr]);
    }
    assert_eq!(serving.stop(), 0);
    for said in said {
        assert!(!said.contains('\u{1b}'), "{said:?}");
        assert!(!said.lines().any(|line| line.starts_with("2026 ERROR")), "{said}");
    }
}
