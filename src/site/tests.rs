//! What is published, kept and taken away.

use super::*;

static PAGE: Form = Form {
    kind: Kind::Page,
    media_type: "text/html; charset=utf-8",
    max_age: 300,
    in_memory: false,
    compress: true,
};
static FEED: Form = Form { kind: Kind::Feed, media_type: "application/rss+xml", in_memory: true, ..PAGE };

fn edition(pages: &[(&str, &str)]) -> Edition<'static, io::Error> {
    let sheets = pages.iter().map(|(path, text)| {
        let (path, text) = ((*path).to_string(), (*text).to_string());
        let form = if path.ends_with('/') { &PAGE } else { &FEED };
        Sheet::one(path, form, Key::of([&text]), move || Ok(text.clone().into_bytes()))
    });
    whole(sheets.collect())
}

fn whole(sheets: Vec<Sheet<'static, io::Error>>) -> Edition<'static, io::Error> {
    let signposts = Signposts::default();
    Edition { sheets, media: BTreeMap::new(), signposts, extent: Extent::Whole }
}

fn at(second: u32) -> DateTime<Utc> {
    format!("2026-03-06T07:00:{second:02}Z").parse().unwrap()
}

fn validators(site: &Site, path: &str) -> (String, SystemTime, String) {
    match site.current().at(path) {
        Found::Document(document) => {
            let text = String::from_utf8(document.read().unwrap().to_vec()).unwrap();
            (document.etag().to_string(), document.modified(), text)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn same_bytes_keep_their_validators_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(folder.path());
    site.publish(edition(&[("/", "a"), ("/b/", "b"), ("/feed.rss", "f")]), at(1)).unwrap();
    let first = ["/b/", "/feed.rss"].map(|path| validators(&site, path));
    site.publish(edition(&[("/", "changed"), ("/b/", "b"), ("/feed.rss", "f")]), at(2)).unwrap();
    assert_eq!(["/b/", "/feed.rss"].map(|path| validators(&site, path)), first);
    assert_eq!(validators(&site, "/").1, SystemTime::from(at(2)));
    let restarted = Site::new(folder.path());
    let published =
        restarted.publish(edition(&[("/", "changed"), ("/b/", "b"), ("/feed.rss", "f")]), at(3)).unwrap();
    assert_eq!(published, Published::default());
    assert_eq!(["/b/", "/feed.rss"].map(|path| validators(&restarted, path)), first);
}

#[test]
fn what_depends_on_nothing_new_is_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let unmade = |edition: Edition<'static, io::Error>| {
        let sheets = edition
            .sheets
            .into_iter()
            .map(|sheet| Sheet { make: Box::new(|| Err(io::Error::other("made again"))), ..sheet });
        whole(sheets.collect())
    };
    let pages = [("/", "a"), ("/feed.rss", "f")];
    let site = Site::new(folder.path());
    site.publish(edition(&pages), at(1)).unwrap();
    site.publish(unmade(edition(&pages)), at(2)).unwrap();
    let restarted = Site::new(folder.path());
    restarted.publish(unmade(edition(&pages)), at(3)).unwrap();
    fs::write(folder.path().join("feed.rss"), "x").unwrap();
    let restarted = Site::new(folder.path());
    assert!(restarted.publish(unmade(edition(&pages)), at(4)).is_err(), "a file that was tampered with");
    restarted.publish(edition(&pages), at(5)).unwrap();
    assert_eq!(validators(&restarted, "/feed.rss").2, "f");
    assert_eq!(fs::read_to_string(folder.path().join("feed.rss")).unwrap(), "f");
}

#[test]
fn a_publish_that_fails_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(folder.path());
    site.publish(edition(&[("/", "a"), ("/b/", "b")]), at(1)).unwrap();
    let mut failing = edition(&[("/", "changed"), ("/c/", "c"), ("/b/", "b")]);
    let why = || Err(io::Error::other("this one will not render"));
    failing.sheets.push(Sheet::one("/d/".to_string(), &PAGE, Key::of(["d"]), why));
    assert!(site.publish(failing, at(2)).is_err());
    assert_eq!(fs::read_to_string(folder.path().join("index.html")).unwrap(), "a");
    assert!(!folder.path().join("c/index.html").exists());
    let left = |entry: &fs::DirEntry| durable::is_temporary(&entry.file_name().to_string_lossy());
    assert!(!fs::read_dir(folder.path()).unwrap().any(|entry| left(&entry.unwrap())));
    assert_eq!(site.publish(edition(&[("/", "a"), ("/b/", "b")]), at(3)).unwrap(), Published::default());
    assert_eq!(validators(&site, "/").2, "a");
}

#[test]
fn what_a_crash_left_is_taken_away_if_nobody_wants_it_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(folder.path());
    let mut failing = edition(&[("/", "a"), ("/b/", "b")]);
    let why = || Err(io::Error::other("the power went"));
    failing.sheets.push(Sheet::one("/d/".to_string(), &PAGE, Key::of(["d"]), why));
    assert!(site.publish(failing, at(1)).is_err());
    // As if it had gone a moment later: one in its place, one beside it.
    fs::create_dir_all(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("b/index.html"), "b").unwrap();
    std::mem::forget(durable::stage(folder.path().join("d/index.html"), b"d", None).unwrap());
    let restarted = Site::new(folder.path());
    restarted.publish(edition(&[("/", "a")]), at(2)).unwrap();
    assert!(!folder.path().join("b").exists() && !folder.path().join("d").exists());
}

#[test]
fn a_folder_in_a_files_place_stops_the_publishing_before_anything_changes() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(folder.path());
    site.publish(edition(&[("/", "a"), ("/b/", "b")]), at(1)).unwrap();
    fs::remove_file(folder.path().join("b/index.html")).unwrap();
    fs::create_dir_all(folder.path().join("b/index.html/own")).unwrap();
    let why = site.publish(edition(&[("/", "new"), ("/b/", "new")]), at(2)).unwrap_err().to_string();
    assert!(why.contains("b/index.html is a folder"), "{why}");
    assert_eq!(fs::read_to_string(folder.path().join("index.html")).unwrap(), "a");
}

#[test]
fn a_page_that_somebody_changed_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(folder.path());
    site.publish(edition(&[("/", "a"), ("/b/", "b")]), at(1)).unwrap();
    fs::write(folder.path().join("index.html"), "defaced").unwrap();
    fs::remove_file(folder.path().join("b/index.html")).unwrap();
    site.publish(edition(&[("/", "a"), ("/b/", "b")]), at(2)).unwrap();
    assert_eq!((validators(&site, "/").2, validators(&site, "/b/").2), ("a".into(), "b".into()));
}

#[test]
fn a_folder_that_somebody_took_away_is_filled_again() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(&folder.path().join("public"));
    site.publish(edition(&[("/", "a"), ("/feed.rss", "f")]), at(1)).unwrap();
    fs::remove_dir_all(folder.path().join("public")).unwrap();
    assert!(!site.is_whole());
    site.publish(edition(&[("/", "a"), ("/feed.rss", "f")]), at(2)).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("public/index.html")).unwrap(), "a");
    assert_eq!(fs::read_to_string(folder.path().join("public/feed.rss")).unwrap(), "f");
}

#[test]
fn what_is_no_longer_published_leaves_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(folder.path());
    site.publish(edition(&[("/", "a"), ("/b/", "b")]), at(1)).unwrap();
    fs::write(folder.path().join("CNAME"), "somebody else's").unwrap();
    let restarted = Site::new(folder.path());
    let published = restarted.publish(edition(&[("/", "a")]), at(2)).unwrap();
    assert_eq!(published, Published { written: 0, removed: 1 });
    assert!(!folder.path().join("b").exists());
    assert!(folder.path().join("CNAME").exists());
}
