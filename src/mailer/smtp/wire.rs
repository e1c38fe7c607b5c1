//! Letters and replies as they are on the wire, and what went wrong in words.

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD};
use lettre::transport::smtp::{Error as SmtpError, response::Response};

use crate::config::Login;

/// A message with its dots doubled and its final dot (RFC 5321 §4.5.2), or nothing if it has a line end that is
/// not CRLF, or a byte that is not ASCII: a server could be made to see its end elsewhere (§2.3.8).
pub(super) fn dotted(bytes: Vec<u8>) -> Option<String> {
    if !bytes.is_ascii() || !has_whole_line_ends(&bytes) {
        return None;
    }
    let mut text = String::from_utf8(bytes).ok()?;
    let lines_with_dots = memchr::memmem::find_iter(text.as_bytes(), b"\n.").map(|end| end + 1);
    let dots: Vec<usize> = text.starts_with('.').then_some(0).into_iter().chain(lines_with_dots).collect();
    // Seldom are there any.
    if !dots.is_empty() {
        let mut doubled = String::with_capacity(text.len() + dots.len() + ROOM);
        let mut put = 0;
        for dot in dots {
            doubled.push_str(&text[put..=dot]);
            put = dot;
        }
        doubled.push_str(&text[put..]);
        text = doubled;
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str("\r\n");
    }
    text.push_str(FINAL_DOT);
    Some(text)
}

/// Whether each CR stands before an LF, and each LF after a CR. Without a branch, so that it is done many at once.
fn has_whole_line_ends(bytes: &[u8]) -> bool {
    let within = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let halves = within.fold(0, |halves, (one, next)| halves | u8::from((*one == b'\r') != (*next == b'\n')));
    halves == 0 && bytes.first() != Some(&b'\n') && bytes.last() != Some(&b'\r')
}

/// For what is said in the same breath.
const ROOM: usize = 512;

/// The end of a message.
pub(super) const FINAL_DOT: &str = ".\r\n";

pub(super) fn reply(response: &Response) -> String {
    let words: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), words.join(" ")).trim().to_string()
}

/// Why there is no connection, in words for people where there are any.
pub(super) fn unconnected(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_string(),
        _ => why.to_string(),
    }
}

/// Some servers repeat the command that they refuse, and this one bears the password (RFC 4616 §2, and LOGIN).
pub(super) fn without_secrets(login: &Login, words: &str) -> String {
    let password = login.password.expose();
    let plain = format!("\0{}\0{password}", login.username);
    let secrets = [STANDARD.encode(plain), STANDARD.encode(password), password.to_string()];
    let shown = secrets.iter().filter(|secret| !secret.is_empty());
    shown.fold(words.to_string(), |words, secret| words.replace(secret.as_str(), "…"))
}

/// The whole chain of an error, once: the server's words stand at its end. If it answered, these alone.
pub(super) fn said(error: &SmtpError) -> String {
    let mut source = std::error::Error::source(error);
    if let (Some(code), Some(words)) = (error.status(), source) {
        return format!("{code} {}", words.to_string().replace('\n', " ")).trim_end().to_string();
    }
    let mut words = error.to_string();
    // lettre says so at each of its layers.
    while let Some(rest) = words.strip_prefix("Connection error: ") {
        words = rest.to_string();
    }
    while let Some(inner) = source {
        let more = inner.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dots_are_doubled_and_the_end_is_one_dot() {
        let dotted = |bytes: &[u8]| dotted(bytes.to_vec()).unwrap_or_default();
        assert_eq!(dotted(b".a\r\nb\r\n..c\r\n"), "..a\r\nb\r\n...c\r\n.\r\n");
        assert_eq!(dotted(b"no end"), "no end\r\n.\r\n");
        for half in [&b"a\nb\r\n"[..], b"a\rb\r\n", b"a\r\r\n", b"a\n.\r\n", b"a\r", "é\r\n".as_bytes()] {
            assert_eq!(dotted(half), "", "{half:?}");
        }
    }

    #[test]
    fn what_a_server_repeats_of_a_login_is_not_shown() {
        let login = Login { username: "mina".into(), password: crate::config::Secret::new("s3cret".into()) };
        for words in
            ["500 unknown: AUTH PLAIN AG1pbmEAczNjcmV0", "535 czNjcmV0 is wrong", "535 no s3cret here"]
        {
            let shown = without_secrets(&login, words);
            assert!(
                shown.contains('…') && !shown.contains("czNjcmV0") && !shown.contains("s3cret"),
                "{shown}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_inside_a_message_ends_it(text in "(\\.|a|\r\n|\r|\n){0,40}") {
            let is_whole = !text.replace("\r\n", "").contains(['\r', '\n']);
            prop_assert_eq!(dotted(text.clone().into_bytes()).is_some(), is_whole);
            let Some(out) = dotted(text.into_bytes()) else { return Ok(()) };
            prop_assert_eq!(format!("\r\n{out}").find("\r\n.\r\n").map(|at| at + 3), Some(out.len()));
            prop_assert!(!out.replace("\r\n", "").contains(['\r', '\n']));
        }
    }
}
