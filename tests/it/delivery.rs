//! Delivery through real servers and faulty ones: nobody missed, every outcome written down.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use byline::sink::{Accepted, Fault, Sink, Stage, Taken};

use crate::support::{newsroom::CONFIG, outbox::Letter, postfix::Postfix, program::Folder, wait_until};

/// A newsroom that sends to a server on a port of this machine.
fn sending_to(port: u16, more: &str, readers: &[String]) -> Folder {
    let mail = format!(
        "[mail]\ntransport = \"smtp\"\n{more}\nsmtp = {{ host = \"127.0.0.1\", port = {port}, security = \"none\", connections = {CONNECTIONS} }}"
    );
    let folder = Folder::with_config(&CONFIG.replace("[mail]", &mail));
    folder.write(
        "articles/en/a.md",
        "---\ntitle: Wells\ndate: 2026-03-01\nwritten_for: bbc-online\n---\nWater.\n",
    );
    let rows: String = readers.iter().map(|reader| format!("{reader},weekly\n")).collect();
    folder.write("subscribers/dispatches.csv", &format!("email,cadence\n{rows}"));
    folder
}

fn readers(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("reader{n:04}@example.org")).collect()
}

fn outcomes(folder: &Folder) -> BTreeMap<String, String> {
    let said = folder.run(&["audit", "1", "--json"]).done();
    let audit: serde_json::Value = serde_json::from_str(said.last_line()).unwrap();
    let rows = audit["readers"].as_array().unwrap().iter();
    rows.map(|row| {
        let name = row["email"].as_str().unwrap().split('@').next().unwrap().to_string();
        (name, row["state"].as_str().unwrap().to_string())
    })
    .collect()
}

#[test]
fn every_answer_of_a_server_has_its_outcome() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let names = ["mina", "nouser1", "grey1", "full1", "late1", "never1", "lost1", "roya"];
    let readers: Vec<String> = names.iter().map(|name| format!("{name}@example.org")).collect();
    let folder = sending_to(server.port(), "when_in_doubt = \"hold\"", &readers);
    folder.run(&["send", "dispatches", "--yes"]).done();
    let delivered = folder.run(&["deliver"]);
    assert_eq!(delivered.code, 0, "{delivered:?}");
    let expected = [
        ("mina", "accepted"),
        ("nouser1", "refused"),
        ("grey1", "deferred"),
        ("full1", "deferred"),
        ("late1", "deferred"),
        ("never1", "refused"),
        ("lost1", "in_doubt"),
        ("roya", "accepted"),
    ];
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(name, state)| (name.to_string(), state.to_string())).collect();
    assert_eq!(outcomes(&folder), expected);
    assert_eq!(server.bare_line_ends(), 0);
    assert!(server.connections_peak() <= 4);
    folder.run(&["deliver"]).done();
    let lost: Vec<Accepted> =
        server.accepted().into_iter().filter(|letter| letter.recipient.contains("lost1")).collect();
    assert_eq!(lost.len(), 1, "held: not sent again");
}

/// The connection is lost with one letter while the next is announced on it, and by then what is due is looked up
/// anew: the letter that comes back is due too.
#[test]
fn a_letter_that_comes_back_is_sent_in_the_same_run() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::builder(own.path()).reply_delay(std::time::Duration::from_millis(1_500)).start();
    let readers = ["lost1@example.org", "roya@example.org"].map(str::to_string);
    let folder = sending_to(server.port(), "when_in_doubt = \"hold\"", &readers);
    folder.write("config.toml", &folder.read("config.toml").replace("connections = 4", "connections = 1"));
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["deliver"]).done();
    let expected = [("lost1", "in_doubt"), ("roya", "accepted")];
    assert_eq!(outcomes(&folder), expected.map(|(name, state)| (name.to_string(), state.to_string())).into());
}

/// 354 is no answer to a final dot, nor 250 to DATA: the one leaves a doubt, the other says that nothing was sent.
#[test]
fn an_answer_out_of_place_is_no_yes() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let folder = sending_to(server.port(), "when_in_doubt = \"hold\"", &readers(1));
    folder.run(&["send", "dispatches", "--yes"]).done();
    server.fault(Stage::Data, Fault::Says("250 2.0.0 ok".into()), 1);
    let not_begun = folder.run(&["deliver"]);
    assert!(not_begun.last_line().ends_with("1 letter: 1 pending"), "{not_begun:?}");
    folder.hasten();
    server.fault_at_dot(Fault::Says("354 go on".into()), Taken::Yes, 1);
    let in_doubt = folder.run(&["deliver"]);
    assert!(in_doubt.last_line().ends_with("is done, 1 letter: 1 in doubt"), "{in_doubt:?}");
}

/// A pace that leaves a connection idle for longer than the server bears spends no letter on it.
#[test]
fn a_connection_that_was_closed_while_it_waited_costs_no_letter() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::builder(own.path()).idle_max(std::time::Duration::from_millis(2_500)).start();
    let folder = sending_to(server.port(), "pace = { per_minute = 12 }", &readers(4));
    folder.run(&["send", "dispatches", "--yes"]).done();
    let delivered = folder.run(&["deliver"]).done();
    assert!(delivered.last_line().ends_with("is done, 4 letters: 4 accepted"), "{delivered:?}");
}

/// The answers to what was said in the same breath are not taken for those to the next letter.
#[test]
fn a_refused_rset_costs_the_connection_and_no_letter() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let names = ["nouser1", "mina", "nouser2", "roya"].map(|name| format!("{name}@example.org"));
    let folder = sending_to(server.port(), "", &names);
    folder.write("config.toml", &folder.read("config.toml").replace("connections = 4", "connections = 1"));
    folder.run(&["send", "dispatches", "--yes"]).done();
    server.fault(Stage::Rset, Fault::Says("500 5.5.1 never heard of it".into()), usize::MAX);
    folder.run(&["deliver"]);
    folder.hasten();
    folder.run(&["deliver"]);
    let expected =
        [("mina", "accepted"), ("nouser1", "refused"), ("nouser2", "refused"), ("roya", "accepted")];
    assert_eq!(outcomes(&folder), expected.map(|(name, state)| (name.to_string(), state.to_string())).into());
    assert_eq!(server.accepted().len(), 2);
}

#[test]
fn a_server_that_is_away_costs_no_reader_anything() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let port = server.port();
    drop(server);
    let folder = sending_to(port, "", &readers(3));
    folder.run(&["send", "dispatches", "--yes"]).done();
    let refused = folder.run(&["deliver"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("nothing is lost"), "{}", refused.stderr);
    assert!(refused.last_line().ends_with("3 letters: 3 pending"), "{refused:?}");
    let audit: serde_json::Value =
        serde_json::from_str(folder.run(&["audit", "1", "--json"]).done().last_line()).unwrap();
    assert_eq!(audit["readers"][0]["attempts"], 0);
}

#[test]
fn what_arrives_is_what_was_built() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let folder = sending_to(server.port(), "", &readers(1));
    folder.write("articles/en/dots.md", "---\ntitle: Dots\ndate: 2026-03-02\n---\n.\n\n.. and\n.one\n");
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["deliver"]).done();
    let (recipient, bytes) = server.messages().remove(0);
    assert!(recipient.contains("reader0000@example.org"));
    let letter = Letter::read(&bytes);
    letter.shows("Written for BBC Online");
    assert_eq!(letter.subject(), "Dispatches: Dots + 1 more");
}

/// Connections that the sender may have open.
const CONNECTIONS: usize = 4;

#[test]
fn a_sender_killed_with_an_outbox_leaves_one_whole_letter_each() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    let rows: String = readers(200).iter().map(|reader| format!("{reader}\n")).collect();
    folder.write("subscribers/dispatches.csv", &format!("email\n{rows}"));
    folder.run(&["send", "dispatches", "--yes"]).done();
    for target in [20, 90] {
        let serving = folder.serve();
        wait_until("letters to be written", 60, || folder.letters().len() >= target);
        serving.kill();
    }
    folder.run(&["deliver"]).done();
    let letters = folder.letters();
    let readers: BTreeSet<&str> = letters.iter().map(Letter::to).collect();
    assert_eq!((letters.len(), readers.len()), (200, 200));
}

#[test]
fn a_real_postfix_takes_the_letters_over_plain_starttls_and_tls() {
    let own = tempfile::tempdir().unwrap();
    let postfix = Postfix::start(own.path());
    let folder = sending_to(postfix.plain_port(), "", &readers(5));
    folder.write(
        "articles/fa/ab.md",
        "---\ntitle: آب\ndate: 2026-03-02\nwritten_for: bbc-online\n---\nآب زیر خاک می‌رود.\n",
    );
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["deliver"]).done();
    let letters = postfix.wait_for_letters(5);
    let to: BTreeSet<&str> = letters.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to.len(), 5);
    Letter::read(&letters[0].1).shows("Written for BBC Online").shows("آب زیر خاک می‌رود");

    let ca = postfix.ca_file();
    let mut arrived = 5;
    for (security, port) in [("starttls", postfix.submission_port()), ("tls", postfix.implicit_tls_port())] {
        let secure = |ca: &str, password: &str| {
            vec![
                ("BYLINE_MAIL__SMTP__HOST".to_string(), "localhost".to_string()),
                ("BYLINE_MAIL__SMTP__PORT".into(), port.to_string()),
                ("BYLINE_MAIL__SMTP__SECURITY".into(), security.into()),
                ("BYLINE_MAIL__SMTP__USERNAME".into(), postfix.username().into()),
                ("BYLINE_MAIL__SMTP__PASSWORD".into(), password.into()),
                ("BYLINE_MAIL__SMTP__CA_FILE".into(), ca.into()),
            ]
        };
        let run = |arguments: &[&str], environment: Vec<(String, String)>| {
            let environment: Vec<(&str, &str)> =
                environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            folder.run_with(arguments, &environment)
        };
        folder.write(
            &format!("articles/en/{security}.md"),
            &format!("---\ntitle: Over {security}\ndate: 2026-03-03\n---\nText.\n"),
        );
        folder.run(&["send", "dispatches", "--yes"]).done();
        let own_ca = own.path().join("empty.pem");
        std::fs::write(&own_ca, "").unwrap();
        let untrusted = run(&["deliver"], secure(own_ca.to_str().unwrap(), postfix.password()));
        assert_eq!(untrusted.code, 1, "{security}: a certificate that nobody vouches for: {untrusted:?}");
        let wrong = run(&["deliver"], secure(ca.to_str().unwrap(), "wrong"));
        assert_eq!(wrong.code, 1, "{wrong:?}");
        assert!(wrong.stderr.contains("refused the login"), "{}", wrong.stderr);
        assert!(wrong.last_line().contains("is paused (the mail server refuses the login"), "{wrong:?}");
        let issue = if security == "starttls" { "2" } else { "3" };
        folder.run(&["resume", issue]).done();
        run(&["deliver"], secure(ca.to_str().unwrap(), postfix.password())).done();
        arrived += 5;
        let letters = postfix.wait_for_letters(arrived);
        let secure = letters
            .iter()
            .filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains(&format!("Over {security}")));
        assert_eq!(secure.count(), 5);
    }
}

/// Its submission port takes no sender without STARTTLS: 530 at MAIL.
#[test]
fn a_server_that_refuses_the_sender_is_said_and_blames_no_reader() {
    let own = tempfile::tempdir().unwrap();
    let postfix = Postfix::start(own.path());
    let folder = sending_to(postfix.submission_port(), "", &readers(3));
    folder.run(&["send", "dispatches", "--yes"]).done();
    let refused = folder.run(&["deliver"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("530") && refused.stderr.contains("nothing is lost"), "{refused:?}");
    assert!(refused.last_line().ends_with("3 letters: 3 pending"), "{refused:?}");
}

/// Answers Postfix's questions about recipients: those it has not seen are to come again, as with greylisting.
struct Greylist {
    port: u16,
}

impl Greylist {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        // It ends with the process: Postfix keeps its connections open.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.unwrap(), seen.clone());
                std::thread::spawn(move || answer_policies(&stream, &seen));
            }
        });
        Self { port }
    }
}

fn answer_policies(stream: &TcpStream, seen: &Mutex<BTreeSet<String>>) {
    let mut recipient = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if let Some(named) = line.strip_prefix("recipient=") {
            recipient = named.to_string();
        } else if line.is_empty() {
            let is_new = seen.lock().unwrap().insert(recipient.clone());
            let action = if is_new { "DEFER 4.7.1 greylisted, try again later" } else { "DUNNO" };
            if (&*stream).write_all(format!("action={action}\n\n").as_bytes()).is_err() {
                return;
            }
        }
    }
}

#[test]
fn a_real_postfix_that_limits_and_greylists_gets_every_letter_once() {
    let own = tempfile::tempdir().unwrap();
    let greylist = Greylist::start();
    let count = std::env::var("BYLINE_POSTFIX_READERS").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
    // So few in two seconds that every issue meets it.
    let limit = 12.max(count / 20);
    let more = format!(
        "smtpd_client_message_rate_limit = {limit}\nsmtpd_client_connection_count_limit = 3\nanvil_rate_time_unit = 2s\n\
         smtpd_client_event_limit_exceptions =\n\
         smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{}\n",
        greylist.port
    );
    let postfix = Postfix::start_with(own.path(), &more);
    let folder = sending_to(postfix.plain_port(), "", &readers(count));
    folder.run(&["send", "dispatches", "--yes"]).done();
    for _ in 0..60 {
        folder.run(&["deliver"]);
        if folder.run(&["status", "1"]).done().stdout.contains(" is done, ") {
            break;
        }
        // Its minutes have passed.
        folder.hasten();
    }
    let log = postfix.log();
    assert!(log.contains("greylisted") && log.contains("limit exceeded"), "both were met:\n{log}");
    let letters = postfix.wait_for_letters(count);
    let to: BTreeSet<&str> = letters.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!((letters.len(), to.len()), (count, count), "all of them, none twice");
    let log_file = postfix.log_file();
    let audit = folder.run(&["audit", "1", "--summary", "--against", log_file.to_str().unwrap()]).done();
    assert!(audit.last_line().contains("0 missing, 0 more than one each"), "{audit:?}");
}

#[test]
fn m22_ten_thousand_readers_get_one_letter_each() {
    let own = tempfile::tempdir().unwrap();
    let sink = Sink::start(own.path());
    let folder = sending_to(sink.port(), "", &readers(10_000));
    folder.run(&["send", "dispatches", "--yes"]).done();
    let delivered = folder.run(&["deliver"]).done();
    assert!(delivered.last_line().ends_with("is done, 10000 letters: 10000 accepted"), "{delivered:?}");
    let to: BTreeSet<String> = sink.accepted().into_iter().map(|letter| letter.recipient).collect();
    assert_eq!((to.len(), sink.taken()), (10_000, 10_000));
    assert_eq!((sink.bare_line_ends(), sink.connections_peak()), (0, CONNECTIONS));
}

#[test]
fn m38_nothing_in_a_title_or_a_body_makes_two_letters_of_one() {
    let own = tempfile::tempdir().unwrap();
    let postfix = Postfix::start(own.path());
    let folder = sending_to(postfix.plain_port(), "", &readers(1));
    let smuggled = "MAIL FROM:<evil@example.net>\r\nRCPT TO:<nouser@example.org>\r\nDATA\r\nSubject: two\r\n\r\nTwo.\r\n.\r\n";
    for (number, end) in
        ["\n.\n", "\r.\r", "\r\n.\r\n", "\n.\r\n", "\r\n.\n", "\r\r\n.\r\r\n"].iter().enumerate()
    {
        let title = serde_json::to_string(&format!("Piece {number}{end}{smuggled}")).unwrap();
        let body = format!("Before {number}.{end}{smuggled}{end}After {number}.");
        folder.write(
            &format!("articles/en/s{number}.md"),
            &format!("---\ntitle: {title}\ndate: 2026-03-02\n---\n{body}\n"),
        );
    }
    folder.run(&["send", "dispatches", "--yes"]);
    folder.run(&["deliver"]).done();
    let letters = postfix.wait_for_letters(1);
    let log = postfix.log();
    assert_eq!(log.matches("status=sent").count(), 1, "{log}");
    assert!(!log.contains("evil@example.net") && !log.contains("nouser"), "{log}");
    let letter = Letter::read(&letters[0].1);
    assert!(letter.text.contains("Two."), "its words are words: {}", letter.text);
}

#[test]
fn m39_a_domain_of_any_script_is_mailed_and_a_name_that_servers_do_not_take_is_said() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let folder = sending_to(server.port(), "", &readers(1));
    let list =
        "email\nreader0000@example.org\nroya@bücher.example\nava@XN--BCHER-KVA.example\nمینا@example.org\n";
    folder.write("subscribers/dispatches.csv", list);
    let check = folder.run(&["check"]);
    assert!(check.stdout.contains("3 readers") && check.stderr.contains("dispatches.csv:5:1"), "{check:?}");
    assert!(check.stderr.contains("`مینا` has characters before the `@` that mail servers do not take"));
    folder.run(&["send", "dispatches", "--yes"]).done();
    let done = folder.run(&["deliver"]).done();
    assert!(done.last_line().ends_with("3 letters: 3 accepted"), "{done:?}");
    let mut to: Vec<String> = server.accepted().into_iter().map(|letter| letter.recipient).collect();
    to.sort();
    assert_eq!(to, ["ava@xn--bcher-kva.example", "reader0000@example.org", "roya@xn--bcher-kva.example"]);
}
