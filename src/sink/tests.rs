//! A sink does what it is told, and its log is right.

use std::io::{BufRead, BufReader, Read, Write};

use super::*;

const SECOND: Duration = Duration::from_secs(5);
const LETTER: &str = "Subject: x\r\nMessage-ID:\r\n <1@test>\r\n\r\n..dot\r\n.\r\n";

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(server: &Sink) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        stream.set_read_timeout(Some(SECOND)).unwrap();
        let mut client = Self(BufReader::new(stream));
        assert_eq!(client.reply(), "220");
        client
    }

    fn say(&mut self, words: &str) -> String {
        self.0.get_mut().write_all(words.as_bytes()).unwrap();
        self.reply()
    }

    /// The code of the next reply, its last line; empty if the server has hung up.
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line.get(3..4) != Some("-") {
                return line.chars().take(3).collect();
            }
        }
    }

    /// The reply at RCPT, or if that was good the one after the final dot.
    fn send(&mut self, recipient: &str) -> String {
        assert_eq!(self.say("RSET\r\n"), "250");
        assert_eq!(self.say("MAIL FROM:<desk@example.org> BODY=8BITMIME\r\n"), "250");
        let rcpt = self.say(&format!("RCPT TO:<{recipient}>\r\n"));
        if rcpt != "250" {
            return rcpt;
        }
        assert_eq!(self.say("DATA\r\n"), "354");
        self.say(LETTER)
    }
}

fn server() -> (Sink, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Sink::start(folder.path()), folder)
}

#[test]
fn a_message_is_logged_before_it_is_answered() {
    let (server, folder) = server();
    assert_eq!(Client::of(&server).send("mina@example.org"), "250");
    let log = std::fs::read_to_string(folder.path().join(LOG_NAME)).unwrap();
    let message = b"Subject: x\r\nMessage-ID:\r\n <1@test>\r\n\r\n.dot\r\n".to_vec();
    let wanted = r#"{"sequence":1,"connection":1,"sender":"desk@example.org","recipient":"mina@example.org","message_id":"<1@test>","hash":"HASH","replied":true}"#;
    let logged = read_log(&folder.path().join(LOG_NAME)).unwrap();
    assert_eq!(log.trim_end(), wanted.replace("HASH", &logged[0].hash));
    assert_eq!(logged, server.accepted());
    assert_eq!(server.messages(), [("mina@example.org".to_owned(), message)]);
    assert_eq!(server.bare_line_ends(), 0);
}

#[test]
fn a_recipient_gets_what_its_name_says() {
    let (server, _folder) = server();
    let mut client = Client::of(&server);
    let mut twice = |recipient| [client.send(recipient), client.send(recipient)];
    assert_eq!(twice("nouser1@example.org"), ["550", "550"]);
    assert_eq!(twice("grey1@example.org"), ["451", "250"]);
    assert_eq!(twice("full@example.org"), ["452", "452"]);
    assert_eq!(twice("late@example.org"), ["451", "250"]);
    assert_eq!(twice("never@example.org"), ["554", "554"]);
    assert_eq!(server.attempts("Grey1@example.org"), 2);
    assert_eq!(server.accepted().len(), 2);
}

#[test]
fn a_lost_reply_is_logged_as_lost_once() {
    let (server, _folder) = server();
    assert_eq!(Client::of(&server).send("lost@example.org"), "");
    assert_eq!(Client::of(&server).send("lost@example.org"), "250");
    let accepted = server.wait_for(2, SECOND);
    assert_eq!(accepted.iter().map(|accepted| accepted.replied).collect::<Vec<_>>(), [false, true]);
    assert_eq!(accepted.iter().map(|accepted| accepted.connection).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_mute_server_holds_the_connection_and_still_stops() {
    let (server, _folder) = server();
    let mut client = Client::of(&server);
    client.say("EHLO test\r\n");
    client.say("MAIL FROM:<>\r\n");
    client.say("RCPT TO:<mute@example.org>\r\n");
    assert_eq!(client.say("DATA\r\n"), "354");
    let mut stream = client.0.into_inner();
    stream.write_all(LETTER.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert!(server.accepted().is_empty());
    drop(server);
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let (server, _folder) = server();
    let mut client = Client::of(&server);
    let commands = "MAIL FROM:<>\r\nRCPT TO:<nouser@example.org>\r\nRCPT TO:<a@example.org>\r\nDATA\r\n";
    assert_eq!(client.say("HELO test\r\n"), "250");
    assert_eq!(client.say(commands), "250");
    assert_eq!([client.reply(), client.reply(), client.reply()], ["550", "250", "354"]);
    assert_eq!(client.say(&format!("{LETTER}NOOP\r\nWHAT\r\nQUIT\r\n")), "250");
    assert_eq!([client.reply(), client.reply(), client.reply(), client.reply()], ["250", "500", "221", ""]);
}

#[test]
fn commands_out_of_order_are_refused() {
    let (server, _folder) = server();
    let mut client = Client::of(&server);
    assert_eq!(client.say("RCPT TO:<a@example.org>\r\n"), "503");
    assert_eq!(client.say("DATA\r\n"), "503");
    assert_eq!(client.say("MAIL FROM:<>\r\n"), "250");
    assert_eq!(client.say("MAIL FROM:<>\r\n"), "503");
    assert_eq!(client.say("RCPT TO:a\r\n"), "501");
}

#[test]
fn half_line_ends_are_counted_and_end_nothing() {
    let (server, _folder) = server();
    let mut client = Client::of(&server);
    client.say("MAIL FROM:<>\r\n");
    client.say("RCPT TO:<a@example.org>\r\n");
    client.say("DATA\r\n");
    assert_eq!(client.say("a\rb\r\r\nc\n.\r\nd\r\n.\r\n"), "250");
    assert_eq!(server.messages()[0].1, b"a\rb\r\r\nc\n.\r\nd\r\n");
    assert_eq!(server.bare_line_ends(), 3);
}

#[test]
fn connections_are_counted_and_replies_delayed() {
    let folder = tempfile::tempdir().unwrap();
    let delay = Duration::from_millis(20);
    let server = Sink::builder(folder.path()).reply_delay(delay).start();
    let started = std::time::Instant::now();
    let clients = [Client::of(&server), Client::of(&server)];
    assert!(started.elapsed() >= 2 * delay);
    drop(clients);
    assert_eq!((server.connections(), server.connections_peak()), (2, 2));
}

#[test]
fn a_client_killed_before_the_final_dot_handed_nothing_over() {
    let (server, _folder) = server();
    let mut client = Client::of(&server);
    client.say("MAIL FROM:<>\r\n");
    client.say("RCPT TO:<a@example.org>\r\n");
    client.say("DATA\r\n");
    let stream = client.0.get_mut();
    stream.write_all(b"Subject: x\r\n\r\n.").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.reply(), "");
    assert!(server.accepted().is_empty());
}

#[test]
fn faults_come_where_they_were_asked_for_and_so_often() {
    let (server, _folder) = server();
    server.fault(Stage::Rcpt, Fault::Says("451 4.3.0 not now".into()), 1);
    server.fault_at_dot(Fault::HangsUp, Taken::Yes, 1);
    let mut client = Client::of(&server);
    assert_eq!(client.send("a@example.org"), "451");
    assert_eq!(client.send("a@example.org"), "");
    assert_eq!(server.taken(), 1);
    server.fault(Stage::Banner, Fault::Says("554 5.7.1 go away".into()), usize::MAX);
    let greeted = || {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        Client(BufReader::new(stream)).reply()
    };
    assert_eq!([greeted(), greeted()], ["554", "554"]);
    server.heal();
    assert_eq!(Client::of(&server).send("a@example.org"), "250");
}

#[test]
fn what_is_to_be_done_at_a_moment_is_done_then() {
    let (server, _folder) = server();
    let (done, is_done) = std::sync::mpsc::channel();
    for (moment, nth) in [(Moment::Taken, 2), (Moment::Replied, 1)] {
        let done = done.clone();
        server.when(moment, nth, move || done.send(moment).unwrap());
    }
    let mut client = Client::of(&server);
    client.send("a@example.org");
    assert_eq!(is_done.recv_timeout(SECOND).unwrap(), Moment::Replied);
    client.send("b@example.org");
    assert_eq!(is_done.recv_timeout(SECOND).unwrap(), Moment::Taken);
}

#[test]
fn a_login_is_asked_for_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Sink::builder(folder.path()).login("mina", "secret").start();
    let mut client = Client::of(&server);
    assert_eq!(client.say("EHLO test\r\n"), "250");
    assert_eq!(client.say("MAIL FROM:<>\r\n"), "530");
    assert_eq!(client.say("AUTH PLAIN AG1pbmEAd3Jvbmc=\r\n"), "535");
    assert_eq!(client.say("AUTH PLAIN AG1pbmEAc2VjcmV0\r\n"), "235");
    assert_eq!(client.say("MAIL FROM:<>\r\n"), "250");
    assert_eq!(server.logins(), 2);
}

#[test]
fn lost_answers_are_the_same_for_the_same_seed() {
    let lost = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let server = Sink::builder(folder.path()).lost_per_mille(300, seed).start();
        (0..40).for_each(|n| drop(Client::of(&server).send(&format!("r{n}@example.org"))));
        server.wait_for(40, SECOND).iter().map(|accepted| accepted.replied).collect::<Vec<_>>()
    };
    let first = lost(7);
    assert_eq!(first, lost(7));
    assert!((4..=24).contains(&first.iter().filter(|replied| !**replied).count()), "{first:?}");
}
