//! Whether the key that proves our signature is published as it should be (RFC 6376 §3.6).

use crate::doctor::{
    dns::Dns,
    finding::{About, Finding, Level},
    tags::Tags,
};

/// The longest string within a TXT record (RFC 1035 §3.3).
const STRING_OCTETS_MAX: usize = 255;

/// One of our keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The selector, as in `SELECTOR._domainkey.DOMAIN`.
    pub selector: String,
    /// What has to be published there: `v=DKIM1; k=rsa; p=…`.
    pub record: String,
}

impl Key {
    /// Where it has to be published (RFC 6376 §3.6.2.1).
    pub fn name(&self, domain: &str) -> String {
        format!("{}._domainkey.{domain}", self.selector)
    }
}

/// A key that is made, and signs nothing: one that is to sign, or one that has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// The key.
    pub key: Key,
    /// Its file, as the config would name it.
    pub file: String,
}

/// What to say if there are no keys. Of files nothing is expected.
pub fn unsigned(domain: &str, is_sent: bool) -> Finding {
    let says =
        "no key is set up here, so your letters are signed only if the server that takes them does it.";
    if is_sent { Finding::warn(About::Dkim, says) } else { Finding::note(About::Dkim, says) }.fix(format!(
        "`byline dkim new b1` makes a key and says what to publish. Do without only if your provider says that \
        it signs for {domain}."
    ))
}

/// What the DNS says about a key that signs nothing. If none signs, it had better.
pub async fn examine_idle(dns: &Dns, domain: &str, idle: &Idle, level: Level) -> Finding {
    let Idle { key, file } = idle;
    let name = key.name(domain);
    let retired =
        "If it has done its work, delete that file and, some weeks after its last letter, the record.";
    let found = match dns.txt(&name).await {
        Ok(found) => found,
        Err(error) => return Finding::cannot_tell(About::Dkim, &error),
    };
    let finding = match found.as_slice() {
        [] => Finding::note(
            About::Dkim,
            format_args!("the key in {file} signs nothing yet, and is not published at {name}."),
        )
        .fix("To sign with it, publish the record below first. If it has done its work, delete that file.")
        .publish(&name, &key.record),
        [text] if flaw(text, &key.record).is_none() => Finding::note(
            About::Dkim,
            format_args!("the key in {file} is found at {name}, but signs nothing yet."),
        )
        .fix(format!(
            "To sign with it, add two lines to config.toml: `[mail.dkim.{}]` and `key = {{ file = \"{file}\" }}`, \
            or, if they are there, take out `sign = false`. {retired}",
            key.selector
        )),
        several => judge(&name, &key.record, several),
    };
    Finding { level, ..finding }
}

/// What the DNS says about `key`.
pub async fn examine(dns: &Dns, domain: &str, key: &Key) -> Finding {
    let name = key.name(domain);
    match dns.txt(&name).await {
        Err(error) => Finding::cannot_tell(About::Dkim, &error),
        Ok(found) if found.is_empty() => missing(dns, domain, key).await,
        Ok(found) => judge(&name, &key.record, &found),
    }
}

async fn missing(dns: &Dns, domain: &str, key: &Key) -> Finding {
    let name = key.name(domain);
    let finding = Finding::bad(
        About::Dkim,
        format_args!("the key with which receivers check our signature is not published at {name}."),
    )
    .publish(&name, &key.record);
    let is_ours = |text: &str| flaw(text, &key.record).is_none();
    if let Some(doubled) = dns.doubled(&name, domain, is_ours).await {
        return finding.fix(format!(
            "It stands at {doubled}: your DNS panel adds the domain by itself. Enter only {}._domainkey as its \
            name.",
            key.selector
        ));
    }
    // RFC 1034 §3.6.2: beside an alias nothing else can stand.
    match dns.alias(&name).await {
        Ok(Some(target)) => finding.fix(format!(
            "That name is an alias (CNAME) of {target}, where no key is. Delete the alias, then publish the \
            record below."
        )),
        _ => finding
            .fix("Publish the record below; after that it takes up to a few hours until everybody sees it."),
    }
}

/// What the records at `name` are worth, if `expected` should stand there.
fn judge(name: &str, expected: &str, found: &[String]) -> Finding {
    let [text] = found else {
        // RFC 6376 §3.6.2.2: with several records the outcome is undefined.
        let count = found.len();
        let says =
            format!("{name} has {count} records where one belongs, and receivers may take any of them.");
        return Finding::bad(About::Dkim, says)
            .fix("Delete all of them but the one below.")
            .publish(name, expected);
    };
    match flaw(text, expected) {
        None => Finding::good(
            About::Dkim,
            format_args!("our key is published at {name}, so receivers can check our signature."),
        ),
        Some(Flaw::Fatal { says, fix }) => {
            Finding::bad(About::Dkim, format_args!("the record at {name} {says}."))
                .fix(fix)
                .publish(name, expected)
        }
        Some(Flaw::Slight { says, fix }) => {
            Finding::warn(About::Dkim, format_args!("the record at {name} {says}."))
                .fix(fix)
                .publish(name, expected)
        }
    }
}

enum Flaw {
    /// No receiver accepts a signature by it.
    Fatal { says: String, fix: String },
    /// Some may not.
    Slight { says: String, fix: String },
}

fn flaw(text: &str, expected: &str) -> Option<Flaw> {
    if text.contains(['"', '\\']) {
        return Some(fatal(
            "has quotation marks or backslashes within its text, so the key cannot be read",
            "Publish it again without them, as below: DNS panels add the marks they need.",
        ));
    }
    let tags = match Tags::parse(text) {
        Ok(tags) => tags,
        Err(why) => {
            return Some(fatal(format!("cannot be read, because {why}"), "Publish it again as below."));
        }
    };
    let expected = Tags::parse(expected).ok()?;
    wrong_tags(&tags).or_else(|| wrong_key(&tags, &expected)).or_else(|| slight(&tags))
}

/// RFC 6376 §3.6.1, tag by tag.
fn wrong_tags(tags: &Tags) -> Option<Flaw> {
    let first = tags.iter().next().map(|(name, _)| name);
    if tags.get("v").is_some_and(|version| version != "DKIM1" || first != Some("v")) {
        return Some(fatal("does not begin with `v=DKIM1`", "Publish it again as below."));
    }
    let allows = |name: &str, wanted: &[&str]| {
        tags.get(name).is_none_or(|list| list.split(':').any(|item| wanted.contains(&item.trim())))
    };
    if !allows("h", &["sha256"]) {
        return Some(fatal(
            "forbids the way we sign (`h=` does not name sha256)",
            "Publish it again as below, without `h=`.",
        ));
    }
    if !allows("s", &["*", "email"]) {
        return Some(fatal(
            "forbids the key for mail (`s=` does not name email)",
            "Publish it again as below, without `s=`.",
        ));
    }
    None
}

fn wrong_key(tags: &Tags, expected: &Tags) -> Option<Flaw> {
    let kind = |tags: &Tags| tags.get("k").unwrap_or("rsa").to_string();
    let key = |tags: &Tags| tags.get("p").map(|key| key.split_whitespace().collect::<String>());
    let wanted = key(expected).unwrap_or_default();
    match key(tags) {
        None => Some(fatal("holds no key (`p=` is missing)", "Publish it again as below.")),
        Some(key) if key.is_empty() => Some(fatal(
            "says that this key is withdrawn (`p=` is empty)",
            "If you withdrew it yourself, make a new key with a new selector; else publish it again as \
            below.",
        )),
        Some(_) if kind(tags) != kind(expected) => Some(fatal(
            format!("is for another kind of key (`k={}` where `k={}` belongs)", kind(tags), kind(expected)),
            "Publish it again as below.",
        )),
        Some(key) if key == wanted => None,
        Some(key) if wanted.starts_with(&key) => Some(fatal(
            format!("is cut off: {} of {} characters of the key are there", key.len(), wanted.len()),
            format!(
                "Publish it again as below. If your DNS panel does not take it in one piece, enter it in \
                quoted pieces of at most {STRING_OCTETS_MAX} characters."
            ),
        )),
        Some(_) => Some(fatal(
            "holds another key than ours, so receivers will find our signature false",
            "If another program signs with this selector too, choose a new selector for ours; else replace \
            the record by the one below.",
        )),
    }
}

fn slight(tags: &Tags) -> Option<Flaw> {
    // RFC 6376 §3.6.1: with `t=y` a receiver may not treat our letters better than unsigned ones.
    if tags.get("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        return Some(Flaw::Slight {
            says: "says that we are only testing (`t=y`), so receivers may ignore our signature".into(),
            fix: "Publish it again as below, without `t=y`.".into(),
        });
    }
    // RFC 6376 §3.6.1 allows white space within the key; not every receiver knows.
    if tags.get("p").is_some_and(|key| key.contains(char::is_whitespace)) {
        return Some(Flaw::Slight {
            says: "has spaces within the key, which some receivers do not forgive".into(),
            fix: "Publish it again as below; where it is entered in pieces, nothing may stand between them."
                .into(),
        });
    }
    None
}

fn fatal(says: impl Into<String>, fix: impl Into<String>) -> Flaw {
    Flaw::Fatal { says: says.into(), fix: fix.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{finding::Level, zone::Zone};

    const OURS: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A";
    const NAME: &str = "b1._domainkey.a.example";

    fn key() -> Key {
        Key { selector: "b1".into(), record: OURS.into() }
    }

    async fn judged(published: &str) -> Finding {
        examine(&Zone::new().txt(NAME, published).serve().await, "a.example", &key()).await
    }

    #[tokio::test]
    async fn our_key_is_good_however_its_tags_are_written() {
        for text in [
            OURS,
            "v=DKIM1;k=rsa;p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A;",
            "p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
            "v=DKIM1; t=s; h=sha1:sha256; s=email; n=a note; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
        ] {
            let finding = judged(text).await;
            assert_eq!(finding.level, Level::Good, "{text}: {}", finding.says);
        }
        let says =
            "DKIM: our key is published at b1._domainkey.a.example, so receivers can check our signature.";
        assert_eq!(judged(OURS).await.says, says);
    }

    #[tokio::test]
    async fn a_missing_key_is_to_be_published() {
        let finding = examine(&Zone::new().serve().await, "a.example", &key()).await;
        let says = "DKIM: the key with which receivers check our signature is not published at \
            b1._domainkey.a.example.";
        assert_eq!((finding.level, finding.says.as_str()), (Level::Bad, says));
        let record = finding.record.unwrap();
        assert_eq!((record.name.as_str(), record.kind, record.value.as_str()), (NAME, "TXT", OURS));
    }

    #[tokio::test]
    async fn a_key_under_a_doubled_domain_is_found() {
        let dns = Zone::new().txt("b1._domainkey.a.example.a.example", OURS).serve().await;
        let finding = examine(&dns, "a.example", &key()).await;
        assert!(finding.fix.unwrap().contains("Enter only b1._domainkey as its name"));
    }

    #[tokio::test]
    async fn what_a_wildcard_answers_is_no_doubled_key() {
        let dns = Zone::new().txt("b1._domainkey.a.example.a.example", "v=spf1 -all").serve().await;
        let finding = examine(&dns, "a.example", &key()).await;
        assert!(finding.fix.unwrap().starts_with("Publish the record below"));
    }

    #[tokio::test]
    async fn an_alias_that_leads_nowhere_has_to_go_first() {
        let dns = Zone::new().alias(NAME, "b1.provider.example").serve().await;
        let finding = examine(&dns, "a.example", &key()).await;
        assert_eq!(finding.level, Level::Bad);
        assert!(finding.fix.unwrap().starts_with("That name is an alias (CNAME) of b1.provider.example"));
    }

    #[tokio::test]
    async fn a_key_that_signs_nothing_yet_is_found_too() {
        let idle = Idle { key: key(), file: "data/dkim/b1.pem".into() };
        let told =
            async |zone: Zone| examine_idle(&zone.serve().await, "a.example", &idle, Level::Note).await;
        let unpublished = told(Zone::new()).await;
        assert!(
            unpublished.says.ends_with("signs nothing yet, and is not published at b1._domainkey.a.example.")
        );
        assert_eq!(unpublished.record.unwrap().value, OURS);
        let found = told(Zone::new().txt(NAME, OURS)).await;
        assert!(found.says.ends_with("is found at b1._domainkey.a.example, but signs nothing yet."));
        let fix = found.fix.unwrap();
        assert!(fix.contains("`[mail.dkim.b1]` and `key = { file = \"data/dkim/b1.pem\" }`"), "{fix}");
        let flawed = told(Zone::new().txt(NAME, "v=DKIM1; p=")).await;
        assert_eq!(flawed.level, Level::Note);
        assert!(flawed.says.contains("withdrawn"));
    }

    #[tokio::test]
    async fn every_fatal_flaw_is_named() {
        for (text, says) in [
            ("v=DKIM1; k=rsa; p=MIIBIjANBgkqOTHER", "holds another key than ours"),
            ("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG", "is cut off: 16 of 32 characters"),
            ("v=DKIM1; k=rsa; p=", "this key is withdrawn"),
            ("v=DKIM1; k=rsa", "holds no key"),
            (
                "v=DKIM1; k=ed25519; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
                "another kind of key (`k=ed25519` where `k=rsa`",
            ),
            ("v=DKIM1; k=rsa; p=MIIBIjANBgkq\" \"hkiG9w0BAQEFAAOCAQ8A", "has quotation marks"),
            ("v=DKIM1\\; k=rsa\\; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", "has quotation marks or backslashes"),
            (" ", "cannot be read, because it is empty"),
            ("v=DKIM1; k=rsa; P=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", "holds no key"),
            ("v=DKIM1 k=rsa p", "does not begin with `v=DKIM1`"),
            ("k=rsa; p=MIIB; v=DKIM1", "does not begin with `v=DKIM1`"),
            ("v=DKIM1; k=rsa; MIIBIjANBgkq", "cannot be read, because `MIIBIjANBgkq` is not a name"),
            ("v=DKIM1; h=sha1; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", "does not name sha256"),
            ("v=DKIM1; s=tlsrpt; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", "does not name email"),
        ] {
            let finding = judged(text).await;
            assert_eq!(finding.level, Level::Bad, "{text}");
            assert!(finding.says.contains(says), "{text}: {}", finding.says);
            assert_eq!(finding.record.unwrap().value, OURS);
        }
    }

    #[tokio::test]
    async fn testing_and_spaces_within_the_key_are_warned_of() {
        let testing = judged(&OURS.replace("k=rsa", "t=s:y; k=rsa")).await;
        assert_eq!(testing.level, Level::Warn);
        assert!(testing.says.contains("only testing"));
        let spaced = judged(&OURS.replace("hkiG", " hkiG")).await;
        assert_eq!(spaced.level, Level::Warn);
        assert!(spaced.says.contains("spaces within the key"));
    }

    #[tokio::test]
    async fn several_records_are_bad() {
        let dns = Zone::new().txt(NAME, OURS).txt(NAME, "v=DKIM1; p=AAAA").serve().await;
        let finding = examine(&dns, "a.example", &key()).await;
        assert_eq!(finding.level, Level::Bad);
        assert!(finding.says.contains("has 2 records where one belongs"));
    }

    #[tokio::test]
    async fn a_dns_failure_is_a_finding() {
        let finding = examine(&Zone::new().failing(NAME).serve().await, "a.example", &key()).await;
        assert!(finding.says.starts_with("DKIM: cannot tell, because"));
    }
}
