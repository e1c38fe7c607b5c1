//! Letters as they go out: one, five and twenty pieces in English, in Persian and in both, signed twice, always
//! with the same bytes.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, OnceLock},
};

use byline::dkim::{DkimKey, Signer};

use super::newsroom::Newsroom;

/// How many pieces, and in which languages, each newsletter brings: its id says both.
pub const EDITIONS: [&str; 9] =
    ["en-1", "en-5", "en-20", "fa-1", "fa-5", "fa-20", "mixed-1", "mixed-5", "mixed-20"];

/// The writer’s address; its domain signs.
pub const FROM: &str = "shirin@far-bank.example";
/// The only reader of each newsletter.
pub const READER: &str = "mina@example.org";

/// The test keys, under two selectors: RSA and Ed25519.
pub fn signers() -> Vec<Signer> {
    vec![signer("b1", "rsa-pkcs8"), signer("b1e", "ed25519")]
}

/// A test key under a selector.
pub fn signer(selector: &str, key: &str) -> Signer {
    let pem = fs::read_to_string(format!("{}/tests/keys/{key}.pem", env!("CARGO_MANIFEST_DIR"))).unwrap();
    Signer { selector: selector.into(), key: DkimKey::from_pem(&pem).unwrap() }
}

/// Settings with these newsletters, each with one reader.
pub fn config() -> String {
    let mut config = String::from(
        r#"
[site]
url = "https://far-bank.example/"
title = { en = "The Far Bank", fa = "کرانهٔ دور" }
author = { en = "Shirin Example", fa = "شیرین نمونه" }
languages = ["en", "fa"]
timezone = "Europe/London"
id_authority = "far-bank.example"
[mail]
from = "Shirin Example <shirin@far-bank.example>"
return_domain = "b.far-bank.example"
postal_address = "The Far Bank, 1 Example Street, Exampleton"
[mail.dkim.b1]
key = { file = "data/rsa.pem" }
[mail.dkim.b1e]
key = { file = "data/ed25519.pem" }
[outlet.bbc-online]
name = { en = "BBC Online", fa = "وب‌سایت بی‌بی‌سی" }
[outlet.harbour-review]
name = { en = "The Harbour Review", fa = "هاربر ریویو" }
"#,
    );
    for id in EDITIONS {
        let (kind, count) = id.split_once('-').unwrap();
        let (language, languages) = match kind {
            "mixed" => ("en", "[\"en\", \"fa\"]"),
            "fa" => ("fa", "[\"fa\"]"),
            _ => ("en", "[\"en\"]"),
        };
        config.push_str(&format!(
            "[newsletter.{id}]\nname = {{ en = \"Dispatches from the Far Bank\", fa = \"نامه‌هایی از کرانه\" }}\nlanguage = \"{language}\"\nlanguages = {languages}\nstart_with = {count}\ncadence = {{ weekly = \"Fri 08:00\" }}\n"
        ));
    }
    config
}

/// A newsroom with twenty pieces in each language, before anything was sent.
pub fn newsroom(config: &str) -> Newsroom {
    let rsa = fs::read(format!("{}/tests/keys/rsa-pkcs8.pem", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let ed25519 = fs::read(format!("{}/tests/keys/ed25519.pem", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let secret = [7; 32];
    let mut newsroom = Newsroom::with_secrets(
        config,
        &[("secret.key", &secret), ("rsa.pem", &rsa), ("ed25519.pem", &ed25519)],
    );
    for (path, text) in pieces() {
        newsroom.write(&path, text);
    }
    newsroom.write("articles/images/wells.png", picture());
    for id in EDITIONS {
        newsroom = newsroom.reader_of(id, READER, "weekly", "");
    }
    newsroom.at("2026-03-06 07:59");
    newsroom
}

/// Every letter, by the id of its newsletter.
pub fn letters() -> &'static BTreeMap<String, Vec<u8>> {
    static LETTERS: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    LETTERS.get_or_init(|| {
        let mut newsroom = newsroom(&config());
        newsroom.run().at("2026-03-06 08:00").run();
        by_newsletter(&newsroom)
    })
}

/// The same letters, sent at this moment: filters look at the date.
pub fn letters_of_now() -> &'static BTreeMap<String, Vec<u8>> {
    static LETTERS: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    LETTERS.get_or_init(|| {
        let mut newsroom = newsroom(&config().replace("Fri 08:00", "0 * * * * *"));
        newsroom.now = chrono::Utc::now() - chrono::TimeDelta::minutes(1);
        newsroom.run().now += chrono::TimeDelta::minutes(1);
        newsroom.run();
        by_newsletter(&newsroom)
    })
}

fn by_newsletter(newsroom: &Newsroom) -> BTreeMap<String, Vec<u8>> {
    let letters = newsroom.raw_letters().into_iter().map(|bytes| (newsletter(&bytes), bytes));
    let letters: BTreeMap<String, Vec<u8>> = letters.collect();
    assert_eq!(letters.len(), EDITIONS.len());
    letters
}

/// The newsletter that a letter is of.
pub fn newsletter(letter: &[u8]) -> String {
    let head = String::from_utf8_lossy(letter);
    head.split("\r\nList-Id: <").nth(1).unwrap().split(".far-bank").next().unwrap().to_string()
}

/// Path and text of every piece. The two languages take turns, so that a mixed letter has both.
fn pieces() -> Vec<(String, String)> {
    let mut pieces = Vec::new();
    for number in 0..20 {
        for (language, titles, sentences, hour) in
            [("en", &TITLES, &SENTENCES, 6), ("fa", &TITLES_FA, &SENTENCES_FA, 18)]
        {
            let attribution = match number % 4 {
                0 => String::new(),
                2 => "written_for: harbour-review\n".into(),
                _ => format!(
                    "written_for: {{ outlet: bbc-online, url: \"https://www.bbc.com/{language}/{number}\", date: 2026-01-{:02} }}\n",
                    number + 1
                ),
            };
            let picture = match number {
                18 => "image: { src: ../images/wells.png, alt: \"A line of wells\" }\n",
                _ => "",
            };
            let sentence = |at: usize| sentences[(number * 3 + at) % sentences.len()];
            let text = format!(
                "---\ntitle: \"{}\"\nslug: {language}-{number}\ndate: 2026-02-{:02}T{hour:02}:00\n{attribution}{picture}---\n{} {} {}\n\n{} {}\n\n{} {} {}\n",
                titles[number],
                number + 1,
                sentence(0),
                sentence(1),
                sentence(2),
                sentence(3),
                sentence(4),
                sentence(5),
                sentence(6),
                sentence(0),
            );
            pieces.push((format!("articles/{language}/{number:02}.md"), text));
        }
    }
    pieces
}

/// 1200 by 800 dots.
fn picture() -> Arc<[u8]> {
    let path = format!("{}/articles/images/gannet-point.png", env!("CARGO_MANIFEST_DIR"));
    fs::read(path).unwrap().into()
}

const TITLES: [&str; 20] = [
    "The ferry that waits",
    "Salt on the window",
    "What the baker counts",
    "A map of small lamps",
    "The last reed cutter",
    "Letters from the signal box",
    "How a town keeps its well",
    "The orchard behind the school",
    "A bridge with no name",
    "Winter at the boatyard",
    "The woman who mends clocks",
    "Bread, and where it goes",
    "Nine ways to cross a river",
    "The library on the hill",
    "What the tide brings back",
    "An evening with the choir",
    "The long road to the market",
    "Under the old plane tree",
    "The water under the town",
    "A coat for every weather",
];

const TITLES_FA: [&str; 20] = [
    "کشتی‌ای که منتظر می‌ماند",
    "نمک بر شیشهٔ پنجره",
    "آنچه نانوا می‌شمارد",
    "نقشهٔ چراغ‌های کوچک",
    "آخرین نی‌بر",
    "نامه‌هایی از ایستگاه قطار",
    "شهر چگونه از چاهش نگهداری می‌کند",
    "باغ پشت مدرسه",
    "پلی که نامی ندارد",
    "زمستان در کارگاه قایق",
    "زنی که ساعت تعمیر می‌کند",
    "نان، و راهی که می‌رود",
    "نُه راه برای گذشتن از رود",
    "کتابخانهٔ بالای تپه",
    "آنچه مدّ دریا پس می‌آورد",
    "شبی با گروه هم‌سرایان",
    "راه دراز بازار",
    "BBC و رادیوی خانه",
    "زیر چنار کهنسال",
    "آبِ زیر شهر",
];

const SENTENCES: [&str; 7] = [
    "The boat leaves when the bread is on board, and not before; nobody on the quay can remember it otherwise.",
    "In the kitchen behind the shop there is a table with four legs of different length, and a man who has meant to mend it since spring.",
    "“We had one rule,” she says, pouring the tea. “Whoever comes in from the rain sits nearest to the stove.”",
    "It takes about forty minutes to walk from the church to the pumping station, less if the gate in the wall is open.",
    "The notebooks go back to 1931. Each page has a date, a height in centimetres, and a word about the weather.",
    "Nothing of this is written down anywhere, which is why I went to ask.",
    "By the end of the afternoon the light had gone yellow, and the children were calling each other home across the water.",
];

const SENTENCES_FA: [&str; 7] = [
    "قایق وقتی راه می‌افتد که نان بار شده باشد، نه زودتر؛ هیچ‌کس در اسکله جز این به یاد ندارد.",
    "در آشپزخانهٔ پشت مغازه میزی هست با چهار پایهٔ ناهم‌اندازه، و مردی که از بهار می‌خواهد درستش کند.",
    "چای می‌ریزد و می‌گوید: «ما فقط یک قانون داشتیم. هر که از باران می‌آمد، نزدیک بخاری می‌نشست.»",
    "از کلیسا تا تلمبه‌خانه پیاده چهل دقیقه راه است، و اگر درِ دیوار باز باشد کمتر.",
    "دفترها به سال ۱۳۱۰ برمی‌گردند. هر صفحه تاریخی دارد، ارتفاعی به سانتی‌متر و کلمه‌ای دربارهٔ هوا.",
    "هیچ‌کدام از این‌ها جایی نوشته نشده است؛ برای همین رفتم که بپرسم.",
    "در پایان عصر، نور زرد شده بود و بچه‌ها از دو سوی آب یکدیگر را به خانه صدا می‌زدند.",
];
