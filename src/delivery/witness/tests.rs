//! What real logs of a Postfix say, and made-up ones.

use std::{collections::BTreeSet, io::Cursor};

use proptest::prelude::*;

use super::Onward::{Bounced, Deferred, Delivered, Unknown};
use super::*;

/// Written by Postfix 3.7.11 with short queue ids; the number of a Message-ID is the order in which it was sent.
const POSTFIX: &str = include_str!("postfix.txt");
/// By a second one on the same machine, an instance with long queue ids, to which the first relays one letter.
const POSTFIX_OUT: &str = include_str!("postfix-out.txt");

fn testimony(log: &str) -> Testimony {
    read(log.as_bytes()).unwrap()
}

/// The copies of a letter.
fn taken(log: &str, message_id: &str) -> Vec<(Option<String>, Onward)> {
    let copies = testimony(log).taken.remove(message_id).unwrap_or_default();
    copies.into_iter().map(|copy| (copy.recipient, copy.onward)).collect()
}

fn one(recipient: &str, onward: Onward) -> Vec<(Option<String>, Onward)> {
    vec![(Some(recipient.to_string()), onward)]
}

/// A line for each letter, `MESSAGE_ID: RECIPIENT ONWARD, …`, in the order they were sent; no notices to the sender.
fn summary(log: &str) -> String {
    let mut lines: Vec<(u32, String)> = testimony(log)
        .taken
        .into_iter()
        .filter(|(message_id, _)| !message_id.ends_with("@mail.example.org"))
        .map(|(message_id, copies)| {
            let number = message_id.split(|letter: char| !letter.is_ascii_digit()).next().unwrap();
            let copies: Vec<String> = copies
                .iter()
                .map(|copy| format!("{} {:?}", copy.recipient.as_deref().unwrap_or("-"), copy.onward))
                .collect();
            (number.parse().unwrap(), format!("{message_id}: {}\n", copies.join(", ")))
        })
        .collect();
    lines.sort();
    lines.into_iter().map(|(_, line)| line.replace("@example.org", "")).collect()
}

const SUMMARY: &str = "\
1.plain: mina Delivered
2.submission: mina Delivered
4.dies-after-dot: mina Delivered
6.twice: mina Delivered, mina Delivered
7.half-refused: mina Delivered
8.later: later Delivered
9.gone: gone Bounced
10.alias: old Delivered
11.alias-of-two: both Delivered
12.forwarded: tolist Delivered
13.filtered: mina Delivered
14.relayed: x@relay.example.org Delivered
15.discarded: nowhere Delivered
16.suspended: suspended Deferred
17.resent: mina Delivered
18.no-brackets: mina Delivered
19 a space: mina Delivered
20.?م?: mina Delivered
21.م: mina Delivered
22.first: mina Delivered
23.folded: mina Delivered
25.quoted: \"a>, b\" Delivered
26.local-file: thrown Delivered
27.two-recipients: mina Delivered
28.unknown-local: x@local.example.org Bounced
29.sendmail: mina Delivered
30.quit-less: mina Delivered
31.long: mina Delivered
32.long: mina Delivered
33.expired: x@expire.example.org Bounced
34.expired-too: later Bounced
36.soft: gone Bounced
";

#[test]
fn a_real_log_tells_which_letters_were_taken() {
    assert_eq!(summary(&format!("{POSTFIX}{POSTFIX_OUT}")), SUMMARY);
}

#[test]
fn the_logs_of_two_servers_may_come_in_any_order() {
    assert_eq!(summary(&format!("{POSTFIX_OUT}{POSTFIX}")), SUMMARY);
    let mut both: Vec<&str> = POSTFIX.lines().chain(POSTFIX_OUT.lines()).collect();
    both.sort_by_key(|line| &line[..15]);
    assert_eq!(summary(&both.join("\n")), SUMMARY);
}

#[test]
fn the_date_may_have_any_form() {
    let both = format!("{POSTFIX}{POSTFIX_OUT}");
    for date in [
        "2026-11-28T20:54:10.123456+00:00",
        "2026-11-28T20:54:10Z",
        "2026 Nov 28 20:54:10.123",
        "<22>Nov  8 20:54:10",
    ] {
        let log: Vec<String> = both.lines().map(|line| format!("{date}{}", &line[15..])).collect();
        assert_eq!(summary(&log.join("\n")), SUMMARY, "{date}");
    }
    let log: Vec<&str> = both.lines().map(|line| &line["Nov 28 20:54:10 mail ".len()..]).collect();
    assert_eq!(summary(&log.join("\r\n")), SUMMARY);
}

#[test]
fn lines_are_counted() {
    let found = testimony(POSTFIX);
    assert_eq!(found.lines, POSTFIX.lines().count());
    let says = |line: &&str| {
        let told = [" message-id=", "(queue active)", " status=", ": removed", " orig_id="];
        told.iter().any(|told| line.contains(told))
    };
    assert_eq!(found.understood, POSTFIX.lines().filter(says).count());
    assert_eq!(testimony("\nhello\n"), Testimony { lines: 2, ..Testimony::default() });
}

#[test]
fn a_log_cut_anywhere_claims_no_copy_that_is_not_there() {
    let whole = testimony(POSTFIX).taken;
    let lines: Vec<&str> = POSTFIX.lines().collect();
    for end in 0..lines.len() {
        for (message_id, copies) in testimony(&lines[..end].join("\n")).taken {
            // The line that says which copy went on may be the next.
            let at_most = whole[&message_id].len() + 1;
            assert!(copies.len() <= at_most, "{message_id} at {end}: {copies:?}");
        }
        for (message_id, copies) in testimony(&lines[end..].join("\n")).taken {
            assert!(copies.len() <= whole[&message_id].len(), "{message_id} from {end}: {copies:?}");
        }
    }
}

#[test]
fn json_lines_are_copies() {
    let log = r#"
{"sequence":1,"recipient":"c@example.org","message_id":"<1.c@far-bank.example>","replied":false}
{"message_id":"1.c@far-bank.example"}
{"message_id":"<1.d@far-bank.example>","recipient":["d@example.org"]}
{"message_id":""}
{"recipient":"c@example.org"}
{"message_id":"<1.e@far-ba"#;
    let found = testimony(log);
    assert_eq!((found.lines, found.understood, found.taken.len()), (7, 3, 2));
    let copies = [(Some("c@example.org".to_string()), Unknown), (None, Unknown)];
    assert_eq!(taken(log, "1.c@far-bank.example"), copies);
    assert_eq!(taken(log, "1.d@far-bank.example"), [(None, Unknown)]);
}

#[test]
fn a_log_may_hold_both_kinds_of_line() {
    let log = "{\"message_id\":\"<1.plain@example.org>\"}\n".to_string() + POSTFIX;
    assert_eq!(taken(&log, "1.plain@example.org").len(), 2);
}

#[test]
fn a_queue_id_is_another_letter_after_it_was_removed() {
    let one_letter = "\
postfix/cleanup[1]: 3F2A41C0D3: message-id=<ID>
postfix/qmgr[2]: 3F2A41C0D3: from=<desk@example.org>, size=1, nrcpt=1 (queue active)
postfix/smtp[3]: 3F2A41C0D3: to=<a@example.org>, relay=x, delay=1, dsn=4.0.0, status=deferred (status=sent)
postfix/qmgr[2]: 3F2A41C0D3: from=<desk@example.org>, size=1, nrcpt=1 (queue active)
";
    let other_letter = one_letter.replace("deferred", "bounced").replace("a@example.org", "b@example.org");
    let (first, second) = (one_letter.replace("ID", "1.a@x"), other_letter.replace("ID", "1.b@x"));
    let removed = "postfix/qmgr[2]: 3F2A41C0D3: removed\n";
    // The removal may have been lost: syslog drops lines when there are too many.
    for log in [format!("{first}{removed}{second}{removed}"), format!("{first}{second}")] {
        assert_eq!(taken(&log, "1.a@x"), one("a@example.org", Deferred));
        assert_eq!(taken(&log, "1.b@x"), one("b@example.org", Bounced));
    }
    let again = format!("{first}{removed}{first}");
    assert_eq!(taken(&again, "1.a@x").len(), 2);
}

#[test]
fn a_dead_clients_letter_is_not_taken_by_the_next_of_its_queue_id() {
    for next in ["message-id=<>", "message-id=<1.b@x>", "message-id="] {
        let log = format!(
            "\
postfix/cleanup[1]: 3F2A41C0D3: message-id=<1.a@x>
postfix/cleanup[1]: 3F2A41C0D3: {next}
postfix/qmgr[2]: 3F2A41C0D3: from=<desk@example.org>, size=1, nrcpt=1 (queue active)
"
        );
        assert_eq!(taken(&log, "1.a@x"), []);
        assert_eq!(taken(&log, "1.b@x").len(), usize::from(next.contains("1.b")));
    }
}

#[test]
fn a_try_to_deliver_proves_that_the_letter_was_taken() {
    let log = "\
postfix/cleanup[1]: 3F2A41C0D3: message-id=<1.a@x>
postfix/lmtp[3]: 3F2A41C0D3: to=<a@example.org>, relay=x, delay=1, dsn=2.0.0, status=sent (250 2.0.0 <a> Saved)
";
    assert_eq!(taken(log, "1.a@x"), one("a@example.org", Delivered));
}

#[test]
fn a_filters_second_queue_id_is_no_second_copy() {
    let log = "\
postfix/cleanup[1]: 3F2A41C0D3: message-id=<1.a@x>
postfix/qmgr[2]: 3F2A41C0D3: from=<desk@example.org>, size=1, nrcpt=1 (queue active)
postfix/cleanup[1]: 4BBBBBBBBB: message-id=<1.a@x>
postfix/smtp[3]: 3F2A41C0D3: to=<a@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4BBBBBBBBB)
postfix/qmgr[2]: 3F2A41C0D3: removed
postfix/qmgr[2]: 4BBBBBBBBB: from=<desk@example.org>, size=1, nrcpt=1 (queue active)
postfix/smtp[3]: 4BBBBBBBBB: to=<a@example.org>, relay=none, delay=1, dsn=4.4.1, status=deferred (timed out)
";
    assert_eq!(taken(log, "1.a@x"), one("a@example.org", Deferred));
    // Three servers, and the log of the last is read first.
    let hop = |queue_id: &str, status: &str| {
        format!(
            "\
postfix/cleanup[1]: {queue_id}: message-id=<1.a@x>
postfix/smtp[3]: {queue_id}: to=<{queue_id}@example.org>, relay=none, delay=1, dsn=2.0.0, status={status}
postfix/qmgr[2]: {queue_id}: removed
"
        )
    };
    let (first, second) =
        (hop("A1A1A1", "sent (queued as B2B2B2)"), hop("B2B2B2", "sent (queued as C3C3C3)"));
    let third = hop("C3C3C3", "bounced (user unknown)");
    for log in [[&third, &second, &first], [&first, &second, &third], [&second, &third, &first]] {
        assert_eq!(taken(&log.map(String::as_str).concat(), "1.a@x"), one("A1A1A1@example.org", Bounced));
    }
    // What went to a server whose log this is not is a copy of its own; and a log may turn in circles.
    let elsewhere = log.replace("queued as 4BBBBBBBBB", "queued as 5CCCCCCCCC");
    assert_eq!(taken(&elsewhere, "1.a@x").len(), 2);
    let circle = log.replace("deferred (timed out)", "sent (250 Ok: queued as 3F2A41C0D3)");
    assert_eq!(taken(&circle, "1.a@x"), one("a@example.org", Delivered));
    let itself = log.replace("deferred (timed out)", "sent (250 Ok: queued as 4BBBBBBBBB)");
    assert_eq!(taken(&itself, "1.a@x"), one("a@example.org", Delivered));
}

#[test]
fn lines_of_other_programs_are_passed_over() {
    let log = "\
Nov 28 20:54:10 mail dovecot[1]: lmtp(mina): 3F2A41C0D3: message-id=<1.a@x>
Nov 28 20:54:10 mail opendkim[1]: 3F2A41C0D3: message-id=<1.a@x>
Nov 28 20:54:10 mail postfix/smtpd[1]: NOQUEUE: message-id=<1.a@x>
Nov 28 20:54:10 mail postfix/cleanup[1]: NOQUEUE: message-id=<1.a@x>
Nov 28 20:54:10 mail postfix/cleanup[1]: warning: message-id=<1.a@x>
Nov 28 20:54:10 mail postfix/cleanup[1]: 3F2A41C0D3: resent-message-id=<1.a@x>
Nov 28 20:54:10 mail postfix/cleanup: 3F2A41C0D3: message-id=<1.a@x>
Nov 28 20:54:10 mail postfix/qmgr[1]: 3F2A41C0D3: from=<>, size=1, nrcpt=1 (queue active)
";
    let found = testimony(log);
    assert_eq!((found.taken.len(), found.understood), (0, 1));
}

#[test]
fn dead_clients_are_forgotten_in_the_end() {
    let mut witness = Witness::new();
    for number in 0..3 * BEGUN_MAX {
        witness.line(&format!("postfix/cleanup[1]: {number:06X}: message-id=<{number}@x>"));
    }
    assert!(witness.begun.recent.len() + witness.begun.older.len() <= 2 * BEGUN_MAX);
    for number in [0, 3 * BEGUN_MAX - 1] {
        witness.line(&format!("postfix/qmgr[1]: {number:06X}: from=<>, size=1, nrcpt=1 (queue active)"));
    }
    assert_eq!(witness.finish().taken.into_keys().collect::<Vec<_>>(), [format!("{}@x", 3 * BEGUN_MAX - 1)]);
}

#[test]
fn bytes_that_are_no_text_and_endless_lines_are_read_past() {
    let mut log = vec![b'x'; LINE_BYTES_MAX as usize * 3];
    log.extend_from_slice(b"\npostfix/cleanup[1]: 3F2A41C0D3: message-id=<1.\xff\xfe@x>\n");
    log.extend_from_slice(b"postfix/qmgr[1]: 3F2A41C0D3: from=<\xff>, size=1, nrcpt=1 (queue active)\r\n");
    log.extend_from_slice(&vec![0xd9; LINE_BYTES_MAX as usize]);
    let found = read(Cursor::new(log)).unwrap();
    assert_eq!((found.lines, found.understood), (4, 2));
    assert_eq!(found.taken.into_keys().collect::<Vec<_>>(), ["1.\u{fffd}\u{fffd}@x"]);
}

#[test]
fn a_line_of_just_the_longest_length_is_one_line() {
    let line = vec![b'x'; LINE_BYTES_MAX as usize];
    for end in [&b""[..], b"\n", b"\nx"] {
        let lines = read(Cursor::new([&line[..], end].concat())).unwrap().lines;
        assert_eq!(lines, 1 + usize::from(end.len() == 2));
    }
}

/// Pieces of which real lines are made, in any order.
const PIECES: &str = "(postfix|/cleanup|/qmgr|/smtp|/pickup|\\[7\\]: |ABCDEF1: |ABCDEF2: |message-id=<|>|from=<|to=<|>, relay=\
                      |>, orig_to=<|, status=sent |, status=deferred|queued as ABCDEF2|ABCDEF1|\\(queue active\\)|removed| orig_id=|\\{|\"|\\n|.){0,40}";

/// Whole lines over three queue ids and two letters.
fn event() -> impl Strategy<Value = String> {
    let queue_id = || prop::sample::select(vec!["AAAAA1", "AAAAA2", "AAAAA3"]);
    let letter = prop::sample::select(vec!["1@x", "2@x"]);
    (queue_id(), queue_id(), letter, 0..6).prop_map(|(queue_id, other, letter, kind)| match kind {
        0 => format!("postfix/cleanup[1]: {queue_id}: message-id=<{letter}>"),
        1 => format!("postfix/qmgr[1]: {queue_id}: from=<>, size=1, nrcpt=1 (queue active)"),
        2 => format!("postfix/qmgr[1]: {queue_id}: removed"),
        3 => format!("postfix/pickup[1]: {queue_id}: uid=1 from=<> orig_id={other}"),
        4 => format!("postfix/smtp[1]: {queue_id}: to=<a@x>, relay=x, status=sent (250 queued as {other})"),
        _ => format!("postfix/smtp[1]: {queue_id}: to=<a@x>, relay=x, status=deferred (x)"),
    })
}

proptest! {
    #[test]
    fn any_line_may_come(lines in PIECES, whole in ".*") {
        testimony(&lines);
        testimony(&whole);
    }

    #[test]
    fn any_bytes_may_come(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(Cursor::new(bytes)).unwrap();
    }

    #[test]
    fn events_in_any_order_leave_at_least_one_copy_of_what_was_taken(events in prop::collection::vec(event(), 0..60)) {
        let mut witness = Witness::new();
        events.iter().for_each(|event| witness.line(event));
        let letters: BTreeSet<String> =
            witness.letters.iter().map(|letter| letter.message_id.clone()).collect();
        prop_assert!(witness.queue.values().all(|&at| at < witness.letters.len()));
        let found = witness.finish();
        prop_assert_eq!(found.understood, events.len());
        prop_assert_eq!(found.taken.into_keys().collect::<BTreeSet<_>>(), letters);
    }
}
