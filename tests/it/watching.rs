//! `serve`, while the author works: saves of every kind are noticed, mistakes break nothing.

use std::{fs, process::Command};

use crate::support::{
    newsroom::CONFIG,
    program::{Folder, Serving},
    wait_until,
};

const ARTICLE: &str = "---\ntitle: Wells\ndate: 2026-03-01\nwritten_for: bbc-online\n---\nWater.\n";

fn titles(serving: &Serving) -> Vec<String> {
    let feed: serde_json::Value = serde_json::from_slice(&serving.poll("/feed.json").body).unwrap();
    let items = feed["items"].as_array().unwrap();
    items.iter().map(|item| item["title"].as_str().unwrap().to_string()).collect()
}

fn has_title(serving: &Serving, title: &str) -> bool {
    titles(serving).iter().any(|found| found == title)
}

#[test]
fn every_way_of_saving_is_noticed() {
    let folder = Folder::with_config(CONFIG);
    let serving = folder.serve();
    // The folder itself comes later than the program.
    folder.write("articles/en/a.md", ARTICLE);
    wait_until("a new file in a new folder", 15, || has_title(&serving, "Wells"));
    for feed in ["/feed.rss", "/feed.atom", "/feed.json", "/en/feed.rss"] {
        assert!(serving.poll(feed).text().contains("Written for"), "{feed}");
    }
    folder.write_in_place("articles/en/a.md", &ARTICLE.replace("Wells", "In place"));
    wait_until("a save in place", 5, || has_title(&serving, "In place"));
    folder.write("articles/en/a.md", &ARTICLE.replace("Wells", "By rename"));
    wait_until("a save by rename", 5, || has_title(&serving, "By rename"));
    fs::rename(folder.path("articles/en/a.md"), folder.path("articles/en/b.md")).unwrap();
    wait_until("a rename", 5, || serving.get("/b/").status == 200 && serving.get("/a/").status == 301);
    fs::remove_file(folder.path("articles/en/b.md")).unwrap();
    wait_until("a removal", 5, || titles(&serving).is_empty() && serving.get("/b/").status == 410);
    // vim: the old file is moved away, the new one written, the old one removed.
    folder.write("articles/en/c.md", ARTICLE);
    wait_until("another file", 5, || has_title(&serving, "Wells"));
    fs::rename(folder.path("articles/en/c.md"), folder.path("articles/en/c.md~")).unwrap();
    folder.write_in_place("articles/en/c.md", &ARTICLE.replace("Wells", "From vim"));
    fs::remove_file(folder.path("articles/en/c.md~")).unwrap();
    wait_until("a save with a backup", 5, || has_title(&serving, "From vim"));
    assert_eq!(titles(&serving).len(), 1);
    assert_eq!(serving.stop(), 0);
}

#[test]
fn another_branch_is_another_newsroom_and_back() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/a.md", ARTICLE);
    folder.write(".gitignore", "data/\npublic/\noutbox/\n");
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder.root())
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-qm", "one"]);
    git(&["checkout", "-qb", "other"]);
    folder.write("articles/en/b.md", &ARTICLE.replace("Wells", "Other"));
    folder.write("articles/en/a.md", &ARTICLE.replace("Wells", "Changed"));
    git(&["add", "-A"]);
    git(&["commit", "-qm", "two"]);
    let serving = folder.serve();
    let id = |serving: &Serving, title: &str| {
        let feed: serde_json::Value = serde_json::from_slice(&serving.poll("/feed.json").body).unwrap();
        let items = feed["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["title"] == title).unwrap()["id"].clone()
    };
    assert_eq!(titles(&serving).len(), 2);
    let before = id(&serving, "Changed");
    git(&["checkout", "-q", "main"]);
    wait_until("the other branch", 5, || titles(&serving) == ["Wells"]);
    assert_eq!(id(&serving, "Wells"), before);
    git(&["checkout", "-q", "other"]);
    wait_until("the first branch again", 5, || titles(&serving).len() == 2);
    assert_eq!(id(&serving, "Changed"), before);
}

#[test]
fn a_mistake_anywhere_leaves_the_last_good_in_use_and_is_said_once() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/a.md", ARTICLE);
    folder.write("templates/page/missing.hbs", "{{#> page/layout}}<h1>Own words</h1>{{/page/layout}}");
    let serving = folder.serve();
    assert!(serving.get("/nothing/").text().contains("Own words"));

    folder.write("config.toml", &CONFIG.replace("title = \"The Far Bank\"", "titel = \"The Near Bank\""));
    wait_until("the bad config to be reported", 15, || serving.talk().contains("did you mean `title`?"));
    folder.write("config.toml", &CONFIG.replace("The Far Bank", "The Near Bank"));
    wait_until("the good config", 15, || serving.get("/").text().contains("The Near Bank"));

    folder.write("templates/page/missing.hbs", "{{#> page/layout}}<h1>{{nonsense}}</h1>{{/page/layout}}");
    wait_until("the bad template to be reported", 15, || {
        serving.talk().contains("nothing here is called `nonsense`")
    });
    assert!(serving.get("/nothing/").text().contains("Own words"));
    folder.write("templates/page/missing.hbs", "{{#> page/layout}}<h1>Other words</h1>{{/page/layout}}");
    wait_until("the good template", 15, || serving.get("/nothing/").text().contains("Other words"));

    folder.write("articles/en/a.md", &ARTICLE.replace("title:", "titel:"));
    wait_until("the bad article to be reported", 5, || serving.talk().contains("unknown key `titel`"));
    assert!(has_title(&serving, "Wells"));

    folder.write("subscribers/dispatches.csv", "email,cadence\nmina@example.org,weekly\nnobody,\n");
    wait_until("the bad row to be reported", 5, || serving.talk().contains("dispatches.csv:3:1"));
    let listed = folder.run(&["readers", "list"]).done().stdout;
    assert!(listed.starts_with("mina@example.org"), "{listed}");
    // One of the config, one of the article, and no more.
    let said = || serving.talk().matches("unknown key `titel`").count();
    wait_until("both to be said", 5, || said() >= 2);
    assert_eq!(said(), 2);
    assert_eq!(serving.stop(), 0);
}

#[test]
fn a_second_serve_on_one_folder_refuses_and_names_the_first() {
    let folder = Folder::with_config(CONFIG);
    let serving = folder.serve();
    let second = folder.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 2);
    assert!(second.stderr.contains(&format!("as process {}", serving.pid())), "{}", second.stderr);
    // Commands work beside it.
    folder.write("articles/en/a.md", ARTICLE);
    folder.write("subscribers/dispatches.csv", "email\nmina@example.org\n");
    folder.run(&["send", "dispatches", "--yes"]).done();
    let delivered = folder.run(&["deliver"]).done();
    // The one that serves may have sent it before.
    let last = delivered.last_line();
    assert!(last.contains("1 accepted") || last == "nothing is due", "{delivered:?}");
    assert_eq!(folder.letters().len(), 1);
    assert_eq!(serving.stop(), 0);
    assert_eq!(folder.serve().stop(), 0, "and the lock goes with its holder");
}

#[test]
fn a_slot_fires_by_itself_and_once_over_a_restart() {
    let config = CONFIG.replace("weekly = \"Fri 08:00\"", "minutely = \"*/3 * * * * *\"");
    let folder = Folder::with_config(&config);
    folder.write("articles/en/a.md", ARTICLE);
    folder.write("subscribers/dispatches.csv", "email,cadence\nmina@example.org,minutely\n");
    let serving = folder.serve();
    wait_until("the slot", 20, || folder.letters().len() == 1);
    assert_eq!(serving.stop(), 0);
    let serving = folder.serve();
    folder.write("articles/en/b.md", &ARTICLE.replace("Wells", "Second"));
    wait_until("the next slot", 20, || folder.letters().len() == 2);
    assert_eq!(serving.stop(), 0);
    let status = folder.run(&["status", "--json"]).done().stdout;
    let mut slots: Vec<String> = status
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["slot"].to_string())
        .collect();
    assert_eq!(slots.len(), 2, "{slots:?}");
    slots.dedup();
    assert_eq!(slots.len(), 2, "{slots:?}");
}
