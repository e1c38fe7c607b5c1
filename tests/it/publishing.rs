//! Publishing only what changed comes to the same as publishing everything.

use crate::support::newsroom::Newsroom;

/// The same numbers each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn piece(chance: &mut Chance, name: &str) -> String {
    let day = chance.below(25) + 1;
    let time = if chance.below(2) == 0 { String::new() } else { format!(" {:02}:00", chance.below(12)) };
    // Few tags, so that some have pages of older pieces, each spelled in two ways.
    let tag =
        |chance: &mut Chance| format!("{} {}", ["Tag", "TAG"][chance.below(2) as usize], chance.below(3));
    let tags: Vec<String> = (0..chance.below(4)).map(|_| tag(chance)).collect();
    let mut keys = format!("title: {name} {}\ndate: 2026-02-{day:02}{time}\n", chance.below(1000));
    keys.push_str(&format!("tags: [{}]\n", tags.join(", ")));
    if chance.below(3) == 0 {
        keys.push_str("written_for: bbc-online\n");
    }
    if chance.below(5) == 0 {
        keys.push_str(&format!("updated: 2026-02-{:02}\n", chance.below(25) + 1));
    }
    if chance.below(9) == 0 {
        keys.push_str("draft: true\n");
    }
    if chance.below(9) == 0 {
        keys.push_str(&format!("slug: elsewhere-{}\n", chance.below(1000)));
    }
    if chance.below(9) == 0 {
        keys.push_str(&format!("translation: p{}\n", chance.below(30)));
    }
    let picture = match chance.below(3) {
        0 => format!("\n![Shown](../images/{}.png)\n", chance.below(PICTURES)),
        _ => String::new(),
    };
    format!("---\n{keys}---\nA sentence {} of {name}, which goes on.\n{picture}", chance.below(1000))
}

const PICTURES: u64 = 6;

/// The pictures that pages show are there, and no others.
#[track_caller]
fn assert_shows_what_pages_show(newsroom: &Newsroom, step: u64) {
    let pages = newsroom.published();
    // An archive may show one that the piece no longer has.
    let pages = pages.iter().filter(|(path, _)| path.ends_with('/'));
    let pages: String = pages.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    let wanted = (0..PICTURES).map(|number| format!("/media/images/{number}.png"));
    let wanted: std::collections::BTreeSet<String> = wanted.filter(|path| pages.contains(path)).collect();
    assert_eq!(newsroom.shown(), wanted, "step {step}");
}

#[track_caller]
fn assert_same(newsroom: &Newsroom, step: u64) {
    let (published, afresh) = (newsroom.published(), newsroom.afresh());
    let archives = |path: &str| path.contains("/archive/");
    for (path, bytes) in &afresh {
        let found = published.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        // An archive stays as it was cut, whatever is edited since.
        if archives(path) {
            assert!(found.is_some(), "step {step}: {path} is missing");
            continue;
        }
        let found = found.unwrap_or_else(|| panic!("step {step}: {path} is missing"));
        let wanted = String::from_utf8_lossy(bytes);
        if found != wanted {
            let at = found.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b).count();
            let around = |text: &str| {
                let from = (0..=at.saturating_sub(200)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
                text[from..].chars().take(400).collect::<String>()
            };
            panic!("step {step}: {path}\nis\n{}\nand not\n{}", around(&found), around(&wanted));
        }
    }
    let more: Vec<&String> = published.keys().filter(|path| !afresh.contains_key(*path)).collect();
    assert!(more.is_empty(), "step {step}: {more:?}");
}

#[test]
fn what_changed_published_alone_is_what_publishing_everything_makes() {
    for seed in 1..=3 {
        let mut chance = Chance(seed);
        let mut newsroom = Newsroom::new();
        newsroom.at("2026-03-02 12:00");
        for picture in 0..PICTURES {
            newsroom.write(&format!("articles/images/{picture}.png"), format!("picture {picture}"));
        }
        for number in 0..60 {
            newsroom.write(&format!("articles/en/p{number}.md"), piece(&mut chance, &format!("p{number}")));
        }
        newsroom.look();
        let mut glances = 0;
        for step in 0..120 {
            let mut paths = Vec::new();
            for _ in 0..=chance.below(3) {
                let number = chance.below(70);
                let folder = if chance.below(9) == 0 { "fa" } else { "en" };
                let path = format!("{folder}/p{number}.md");
                let file = newsroom.path(&format!("articles/{path}"));
                if chance.below(20) == 0 && file.exists() {
                    newsroom.remove(&path);
                } else {
                    newsroom.write(&format!("articles/{path}"), piece(&mut chance, &format!("p{number}")));
                }
                paths.push(path);
            }
            let look = newsroom.glance(&paths.iter().map(String::as_str).collect::<Vec<_>>());
            glances += u64::from(look.news.is_some());
            if step % 4 == 3 {
                assert_same(&newsroom, step);
                assert_shows_what_pages_show(&newsroom, step);
            }
        }
        assert!(glances > 20, "only {glances} of 120 saves were taken at a glance");
    }
}

#[test]
fn archives_hold_everything_and_stay_as_they_were_cut() {
    let mut newsroom = Newsroom::new();
    for number in 0..19 {
        newsroom = newsroom.piece(&format!("piece-{number:02}"), &format!("2026-01-{:02}", number + 1));
    }
    newsroom.look();
    assert_eq!(newsroom.stands_at("/archive/1.atom"), "nothing", "never a lone archive");
    newsroom = newsroom.piece("piece-19", "2026-01-20");
    newsroom.glance(&["en/piece-19.md"]);
    assert_eq!(newsroom.stands_at("/archive/2.atom"), "a page");
    assert_eq!(newsroom.stands_at("/archive/3.atom"), "nothing");
    let first = newsroom.page("/archive/1.atom");
    for number in 20..70 {
        let name = format!("piece-{number}");
        newsroom = newsroom.piece(&name, &format!("2026-02-01 {:02}:{:02}", number / 60, number % 60));
        newsroom.glance(&[&format!("en/{name}.md")]);
    }
    assert_eq!(newsroom.stands_at("/archive/7.rss"), "a page");
    assert_eq!(newsroom.page("/archive/1.atom"), first);
    newsroom.write("articles/en/piece-03.md", "---\ntitle: Mended\ndate: 2026-01-04\n---\nMended.\n");
    newsroom.look();
    assert_eq!(newsroom.page("/archive/1.atom"), first, "an edit does not change an archive");
    for format in ["rss", "atom"] {
        let mut path = format!("/feed.{format}");
        let mut ids = std::collections::BTreeSet::new();
        loop {
            let xml = newsroom.page(&path);
            let document = roxmltree::Document::parse(&xml).unwrap();
            let guids = document.descendants().filter(|node| {
                let parent = node.parent().map(|parent| parent.tag_name().name());
                matches!((parent, node.tag_name().name()), (Some("item"), "guid") | (Some("entry"), "id"))
            });
            ids.extend(guids.map(|node| node.text().unwrap().to_string()));
            let prev = document.descendants().find(|node| node.attribute("rel") == Some("prev-archive"));
            let Some(prev) = prev else { break };
            path = prev.attribute("href").unwrap().replace("https://far-bank.example", "");
        }
        assert_eq!(ids.len(), 70, "{format}");
    }
    newsroom.remove("en/piece-05.md");
    newsroom.look();
    let withdrawn = newsroom.page("/archive/1.atom");
    assert!(withdrawn != first && withdrawn.contains("piece-04") && !withdrawn.contains("piece-05"));
    assert_eq!(newsroom.stands_at("/piece-05/"), "gone");
}
