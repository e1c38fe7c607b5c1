//! What `byline doctor mail` and `byline dkim` say to a writer, asked of a real name server and of real and odd
//! mail servers.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::support::{
    name_server::Zone,
    newsroom::CONFIG,
    postfix::Postfix,
    program::{Folder, Said},
};

/// Letters from shirin@far-bank.example, through a server of her own.
fn newsroom(more: &str) -> Folder {
    let mail = format!(
        "[mail]\ntransport = \"smtp\"\nreturn_domain = \"b.far-bank.example\"\n{more}\
         smtp = {{ host = \"mail.far-bank.example\" }}"
    );
    Folder::with_config(&CONFIG.replace("[mail]", &mail))
}

/// What the owner of a mailbox at far-bank.example has anyway.
fn mailbox() -> Zone {
    Zone::default()
        .with("far-bank.example", "MX", "10 mail.far-bank.example")
        .with("b.far-bank.example", "MX", "10 mail.far-bank.example")
        .with("mail.far-bank.example", "A", "192.0.2.10")
        .with("10.2.0.192.in-addr.arpa", "PTR", "mail.far-bank.example")
}

/// Asks the name servers alone.
fn looked_up(folder: &Folder, zone: &Zone, more: &[&str]) -> Said {
    let server = zone.serve();
    let usual = ["doctor", "mail", "--no-connect", "--resolver", &server.address];
    folder.run(&[&usual[..], more].concat())
}

fn findings(said: &Said) -> Vec<Value> {
    said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The one finding of a kind.
fn finding(said: &Said, about: &str) -> Value {
    let mut found: Vec<Value> =
        findings(said).into_iter().filter(|finding| finding["about"] == about).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// Without what differs from key to key.
fn without_keys(text: &str) -> String {
    let is_key = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut shown = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_key(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        shown.push_str(match word.strip_prefix("p=") {
            Some(key) if key.len() > 40 => "p=KEY",
            None if word.len() > 40 => "KEY",
            _ => word,
        });
        let next = after.chars().next().map_or(0, char::len_utf8);
        shown.push_str(&after[..next]);
        rest = &after[next..];
    }
    shown
}

const SIGNING: &str = "dkim.b1.key = { file = \"data/dkim/b1.pem\" }\n";

#[test]
fn a_domain_with_nothing_published_is_told_what_to_publish_and_then_passes() {
    let folder = newsroom("");
    folder.run(&["dkim", "new", "b1"]).done();
    let config = folder.read("config.toml").replace("smtp = {", &format!("{SIGNING}smtp = {{"));
    folder.write("config.toml", &config);
    let mut zone = mailbox();

    let told = looked_up(&folder, &zone, &[]);
    assert_eq!(told.code, 1, "{told:?}");
    insta::assert_snapshot!("nothing-is-published", without_keys(&told.stdout));
    let told = looked_up(&folder, &zone, &["--json"]);
    assert_eq!(told.code, 1, "{told:?}");
    let records: Vec<Value> = findings(&told).into_iter().map(|finding| finding["record"].clone()).collect();
    for record in records.iter().filter(|record| !record.is_null()) {
        zone.publish_printed(record);
    }

    let passed = looked_up(&folder, &zone, &[]).done();
    assert_eq!(passed.last_line(), "nothing to mend");
    insta::assert_snapshot!("all-is-published", passed.stdout);
    let passed = looked_up(&folder, &zone, &["--json"]).done();
    insta::assert_snapshot!("all-is-published-as-json", passed.stdout);
}

#[test]
fn a_domain_that_does_not_exist_is_told_so_first() {
    let told = looked_up(&newsroom(""), &Zone::default(), &["far-bnak.example"]);
    assert_eq!(told.code, 1);
    insta::assert_snapshot!("there-is-no-such-domain", told.stdout);
}

#[test]
fn a_domain_where_everything_is_wrong_is_told_all_of_it() {
    let folder = newsroom("");
    folder.run(&["dkim", "new", "b1"]).done();
    let config = folder.read("config.toml").replace("smtp = {", &format!("{SIGNING}smtp = {{"));
    folder.write("config.toml", &config);
    let zone = Zone::default()
        .with("far-bank.example", "MX", "0 .")
        .with("b.far-bank.example", "MX", "10 192.0.2.10")
        .with("mail.far-bank.example", "A", "192.0.2.10")
        .with("b.far-bank.example", "TXT", "v=spf1 include:_spf.provider.example -all")
        .with("b.far-bank.example", "TXT", "v=spf1 mx ~all")
        .with("b1._domainkey.far-bank.example", "TXT", "v=DKIM1; k=rsa; p=")
        .with(
            "_dmarc.far-bank.example",
            "TXT",
            "v=DMARC1; p=reject; sp=block; pct=50; aspf=s; rua=mailto:me@reports.example",
        );
    let told = looked_up(&folder, &zone, &[]);
    assert_eq!(told.code, 1);
    insta::assert_snapshot!("everything-is-wrong", without_keys(&told.stdout));
}

#[test]
fn a_record_of_another_organisation_is_not_taken_for_ones_own() {
    // The suffix speaks for itself, and everything without a record of its own answers a wildcard's text.
    let mut zone = mailbox().with("_dmarc.example", "TXT", "v=DMARC1; p=reject; psd=y; np=reject");
    zone.publish("_dmarc.far-bank.example", "TXT", "some-service=1234");
    zone.publish("b.far-bank.example", "TXT", "v=spf1 a:mail.far-bank.example ~all");
    let told = looked_up(&newsroom(""), &zone, &["--json"]);
    let dmarc = findings(&told).into_iter().find(|finding| finding["about"] == "DMARC").unwrap();
    assert_eq!(dmarc["level"], "bad", "{dmarc}");
    assert_eq!(dmarc["record"]["name"], "_dmarc.far-bank.example");
}

#[test]
fn a_newsroom_without_a_mail_server_is_told_that_letters_become_files() {
    let folder = Folder::with_config(CONFIG);
    let server = mailbox().serve();
    let told = folder.run(&["doctor", "mail", "--json", "--resolver", &server.address]);
    let last = finding(&told, "Mail server");
    assert_eq!(last["level"], "note");
    assert!(last["says"].as_str().unwrap().contains("letters become files in outbox/"), "{last}");

    let nobody = Folder::with_config(CONFIG.split("[newsletter.").next().unwrap());
    let told = nobody.run(&["doctor", "mail", "--resolver", &server.address]).done();
    assert!(told.stdout.contains("Name one to look at: `byline doctor mail example.org`."), "{told:?}");
}

#[test]
fn a_silent_name_server_is_waited_for_only_so_long() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let since = Instant::now();
    let told = newsroom("").run(&["doctor", "mail", "--json", "--no-connect", "--resolver", &address]).done();
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    for finding in findings(&told).iter().filter(|finding| finding["record"].is_null()) {
        assert_eq!(finding["level"], "warn", "{finding}");
    }
    let spf = finding(&told, "SPF");
    assert!(spf["says"].as_str().unwrap().contains("cannot tell, because"), "{spf}");
    assert!(spf["fix"].as_str().unwrap().starts_with("Try again in a minute."), "{spf}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_to_write() {
    let folder = newsroom("");
    for (arguments, words) in [
        (vec!["doctor", "mail", "not a domain"], "is not a domain"),
        (
            vec!["doctor", "mail", "--resolver", "dns.example"],
            "write the address of a name server, as `9.9.9.9`",
        ),
        (vec!["dkim", "new", "b1.far-bank.example"], "use letters, digits and hyphens"),
    ] {
        let said = folder.run(&arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
        assert!(said.stderr.contains(words), "{arguments:?}: {}", said.stderr);
    }
    folder.write("config.toml", "[mail]\ntransport = \"pigeon\"\n");
    assert_eq!(folder.run(&["doctor", "mail", "--no-connect"]).code, 2);
}

/// The keys, from the first day over a new one to the end of the old.
#[test]
fn a_key_is_made_published_found_used_and_replaced() {
    let folder = newsroom("");
    let mut zone = mailbox();
    let keys = |zone: &Zone| -> Vec<(String, String)> {
        let told = looked_up(&folder, zone, &["--json"]);
        let keys = findings(&told).into_iter().filter(|finding| finding["about"] == "DKIM");
        let text = |value: &Value| value.as_str().unwrap().to_string();
        keys.map(|finding| (text(&finding["level"]), text(&finding["says"]))).collect()
    };
    let none = keys(&zone);
    assert_eq!(none[0].0, "warn");
    assert!(none[0].1.contains("no key is set up here"), "{none:?}");

    let made = folder.run(&["dkim", "new", "B1"]).done();
    insta::assert_snapshot!("a-new-key", without_keys(&made.stdout));
    let unpublished = keys(&zone);
    assert!(
        unpublished[0].1.ends_with("is not published at b1._domainkey.far-bank.example."),
        "{unpublished:?}"
    );
    assert_eq!(folder.run(&["dkim", "new", "b1"]).code, 2, "a key that is there is not lost");

    let record_of = |selector: &str, more: &[&str]| -> Value {
        let said = folder.run(&[&["dkim", "new", selector, "--json"][..], more].concat()).done();
        serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap()
    };
    std::fs::remove_file(folder.path("data/dkim/b1.pem")).unwrap();
    zone.publish_printed(&record_of("b1", &[]));
    let found = keys(&zone);
    assert_eq!(found.len(), 1);
    assert!(found[0].1.ends_with("but signs nothing yet."), "{found:?}");

    let sign_with = |selectors: &[&str]| {
        let signing: String = selectors
            .iter()
            .map(|selector| format!("dkim.{selector}.key = {{ file = \"data/dkim/{selector}.pem\" }}\n"))
            .collect();
        let config = newsroom("").read("config.toml");
        folder.write("config.toml", &config.replace("smtp = {", &format!("{signing}smtp = {{")));
    };
    sign_with(&["b1"]);
    let good = |selector: &str| {
        let says = format!(
            "DKIM: our key is published at {selector}._domainkey.far-bank.example, so receivers can check our signature."
        );
        ("good".to_string(), says)
    };
    assert_eq!(keys(&zone), [good("b1")]);
    let shown = folder.run(&["dkim", "show"]).done();
    insta::assert_snapshot!("the-records-of-a-key", without_keys(&shown.stdout));

    // A second signature, for whoever reads it.
    zone.publish_printed(&record_of("e1", &["--ed25519"]));
    sign_with(&["b1", "e1"]);
    assert_eq!(keys(&zone), [good("b1"), good("e1")]);

    // By itself it is a signature that many do not read.
    sign_with(&["e1"]);
    let said = folder.run(&["check"]).done().stderr;
    assert!(said.contains("signed with Ed25519 alone"), "{said}");
    sign_with(&["b1", "e1"]);
    assert!(!folder.run(&["check"]).done().stderr.contains("Ed25519"));

    // The next key is published before it signs, and the last one stays until its letters are old.
    zone.publish_printed(&record_of("b2", &[]));
    let both = keys(&zone);
    assert_eq!(both[..2], [good("b1"), good("e1")]);
    assert_eq!(both[2].0, "note");
    sign_with(&["b2", "e1"]);
    let after = keys(&zone);
    assert_eq!(after[..2], [good("b2"), good("e1")]);
    assert_eq!(after[2].0, "note");
    assert!(after[2].1.contains("data/dkim/b1.pem"), "{after:?}");
    std::fs::remove_file(folder.path("data/dkim/b1.pem")).unwrap();
    zone.withdraw("b1._domainkey.far-bank.example");
    assert_eq!(keys(&zone), [good("b2"), good("e1")]);
}

#[test]
fn proposed_records_are_of_todays_standards_and_fit_into_the_dns() {
    let folder = newsroom("");
    let said = folder.run(&["dkim", "new", "b1"]).done();
    let pieces = said.stdout.lines().find(|line| line.contains("in pieces")).expect("an RSA key is long");
    let pieces: Vec<&str> = pieces.split('"').skip(1).step_by(2).collect();
    assert!(pieces.iter().all(|piece| piece.len() <= 255), "{pieces:?}");
    let records = findings(&folder.run(&["dkim", "new", "b2", "--json"]).done());
    assert_eq!(records[0]["value"].as_str().unwrap().len(), pieces.concat().len());
    let of = |name: &str| {
        let record = records.iter().find(|record| record["name"] == name);
        record.unwrap_or_else(|| panic!("nothing for {name} in {records:?}"))["value"].as_str().unwrap()
    };
    assert_eq!(of("_dmarc.far-bank.example"), "v=DMARC1; p=none; rua=mailto:postmaster@far-bank.example");
    assert_eq!(of("far-bank.example"), "v=spf1 a:mail.far-bank.example ~all");
    assert_eq!(of("b.far-bank.example"), "v=spf1 a:mail.far-bank.example ~all");
    assert!(records.iter().all(|record| record["type"] == "TXT"));
}

/// How a newsroom calls a server on this machine.
struct Call<'a> {
    security: &'a str,
    port: u16,
    login: Option<(&'a str, &'a str)>,
    ca: Option<&'a str>,
}

impl Call<'_> {
    fn say(&self, folder: &Folder, more: &[(&str, &str)]) -> Said {
        let server = Zone::default().serve();
        let port = self.port.to_string();
        let mut environment = vec![
            ("BYLINE_MAIL__SMTP__HOST", "localhost"),
            ("BYLINE_MAIL__SMTP__SECURITY", self.security),
            ("BYLINE_MAIL__SMTP__PORT", port.as_str()),
            ("BYLINE_MAIL__SMTP__TIMEOUT", "2s"),
        ];
        if let Some((username, password)) = self.login {
            environment.extend([
                ("BYLINE_MAIL__SMTP__USERNAME", username),
                ("BYLINE_MAIL__SMTP__PASSWORD", password),
            ]);
        }
        environment.extend(self.ca.map(|ca| ("BYLINE_MAIL__SMTP__CA_FILE", ca)));
        environment.extend(more);
        let since = Instant::now();
        let said =
            folder.run_with(&["doctor", "mail", "--json", "--resolver", &server.address], &environment);
        assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
        said
    }

    /// What is said of the server once it is called.
    fn told(&self, folder: &Folder) -> String {
        let said = self.say(folder, &[]);
        let told = findings(&said).into_iter().filter(|finding| finding["about"] == "Mail server").skip(1);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let told: Vec<String> = told
            .map(|finding| {
                format!("{} {}\n  {}", text(&finding["level"]), text(&finding["says"]), text(&finding["fix"]))
                    .trim_end()
                    .to_string()
            })
            .collect();
        told.join("\n").replace(&self.port.to_string(), "PORT")
    }
}

#[test]
fn a_real_postfix_is_called_and_every_way_to_get_it_wrong_has_its_words() {
    let own = tempfile::tempdir().unwrap();
    let postfix = Postfix::start(own.path());
    let (submission, tls, plain) =
        (postfix.submission_port(), postfix.implicit_tls_port(), postfix.plain_port());
    let ca = postfix.ca_file();
    let right = Some((postfix.username(), postfix.password()));
    let trusted = Call { security: "starttls", port: submission, login: right, ca: ca.to_str() };
    let empty = own.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = newsroom("");
    let mut told = String::new();
    for (what, call) in [
        ("STARTTLS and a login", Call { ..trusted }),
        ("TLS and a login", Call { security: "tls", port: tls, ..trusted }),
        ("no encryption on this machine", Call { security: "none", port: plain, login: None, ca: None }),
        ("a wrong password", Call { login: Some((postfix.username(), "correct horse")), ..trusted }),
        ("no login", Call { login: None, ..trusted }),
        ("STARTTLS, and an authority that nobody knows", Call { ca: None, ..trusted }),
        (
            "TLS, and an authority that nobody knows",
            Call { security: "tls", port: tls, ca: empty.to_str(), ..trusted },
        ),
        ("a file of authorities that is not there", Call { ca: Some("/nowhere/ca.pem"), ..trusted }),
        ("STARTTLS where there is none", Call { port: plain, ..trusted }),
        ("STARTTLS where TLS is meant", Call { port: tls, ..trusted }),
        ("TLS where STARTTLS is meant", Call { security: "tls", ..trusted }),
        ("a login where there is none", Call { security: "none", port: plain, ..trusted }),
        ("nothing that listens", Call { port: free, ..trusted }),
    ] {
        told.push_str(&format!("## {what}\n{}\n\n", call.told(&folder)));
    }
    insta::assert_snapshot!("calls", told);

    assert!(postfix.letters().is_empty(), "a call sends nothing");
    shows_no_secret(
        &trusted.say(&folder, &[("BYLINE_LOG", "trace")]),
        postfix.username(),
        postfix.password(),
    );
}

fn shows_no_secret(said: &Said, username: &str, password: &str) {
    let all = format!("{}{}", said.stdout, said.stderr);
    let in_base64 = [
        STANDARD.encode(format!("\0{username}\0{password}")),
        STANDARD.encode(password),
        password.to_string(),
    ];
    for secret in in_base64 {
        assert!(!all.contains(&secret), "`{secret}` is shown");
    }
}

/// A server for one call that answers each line as `reply` says, and nothing if it says nothing.
fn odd_server(greeting: &'static str, reply: fn(&str) -> String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let serve = |stream: TcpStream| -> std::io::Result<()> {
            (&stream).write_all(greeting.as_bytes())?;
            for line in BufReader::new(&stream).lines() {
                (&stream).write_all(reply(&line?).as_bytes())?;
            }
            Ok(())
        };
        for stream in listener.incoming().flatten() {
            let _ = serve(stream);
        }
    });
    port
}

fn offering(line: &str, extensions: &str) -> Option<String> {
    line.starts_with("EHLO").then(|| format!("250-odd.example\r\n{extensions}250 8BITMIME\r\n"))
}

#[test]
fn a_silent_server_is_waited_for_only_as_long_as_the_config_says() {
    let port = odd_server("", |_| String::new());
    let silent = Call { security: "none", port, login: None, ca: None };
    let told = silent.told(&newsroom(""));
    assert!(told.contains("takes the call, but does not say a word within 2 seconds"), "{told}");
    assert!(told.contains("try `security = \"tls\"`"), "{told}");

    let port =
        odd_server("220 odd.example\r\n", |line| offering(line, "250-AUTH PLAIN\r\n").unwrap_or_default());
    let told = Call { login: Some(("mina", "s3cret word")), port, ..silent }.told(&newsroom(""));
    assert!(told.contains("does not answer to the login within 2 seconds"), "{told}");
}

#[test]
fn a_server_that_repeats_the_login_shows_no_secret_and_steers_no_terminal() {
    let port = odd_server("220 odd.example\r\n", |line| {
        offering(line, "250-AUTH PLAIN LOGIN\r\n")
            .unwrap_or_else(|| format!("535-5.7.8 no:\u{1b}[2J {line}\r\n535 5.7.8 not s3cret word\r\n"))
    });
    let call = Call { security: "none", port, login: Some(("mina", "s3cret word")), ca: None };
    let said = call.say(&newsroom(""), &[]);
    shows_no_secret(&said, "mina", "s3cret word");
    assert!(!said.stdout.contains("\\u001b"), "{}", said.stdout);
    let told = call.told(&newsroom(""));
    assert!(told.contains("it refused the login: 535 5.7.8 no:"), "{told}");
}

#[test]
fn a_server_that_takes_no_letters_from_the_sender_is_told() {
    let port = odd_server("220 odd.example\r\n", |line| {
        offering(line, "").unwrap_or_else(|| match line.split(':').next() {
            Some("MAIL FROM") => "553 5.7.1 confirm your address first\r\n".into(),
            _ => "250 ok\r\n".into(),
        })
    });
    let told = Call { security: "none", port, login: None, ca: None }.told(&newsroom(""));
    assert!(
        told.contains("it takes no letters from bounce+0@b.far-bank.example; it says: 553 5.7.1 confirm"),
        "{told}"
    );
}

#[test]
fn a_server_that_will_not_talk_is_quoted() {
    let port = odd_server("554 5.3.2 not today\r\n", |_| String::new());
    let told = Call { security: "none", port, login: None, ca: None }.told(&newsroom(""));
    assert!(told.contains("does not want to talk: 554 5.3.2 not today."), "{told}");
    let port = odd_server("SSH-2.0-OpenSSH_9.2\r\n", |_| String::new());
    let told = Call { security: "none", port, login: None, ca: None }.told(&newsroom(""));
    assert!(told.contains("does not want to talk: "), "{told}");
}
