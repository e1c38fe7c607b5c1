//! What the mail server says when it is called as if to send.

use std::time::Duration;

use crate::{
    config::{Security, Smtp},
    doctor::finding::{About, Finding, listed},
    mailer::{self, Answer, How, Refusal, Step},
    subscriber::address::EmailAddress,
};

/// For one answer: somebody is waiting.
const ANSWER_SECONDS_MAX: u64 = 30;
/// Senders that are tried.
const SENDERS_MAX: usize = 5;

/// Says hello to the mail server as if to send from each of `senders`, and takes leave.
pub(super) async fn server(smtp: &Smtp, senders: &[EmailAddress]) -> Vec<Finding> {
    let smtp = Smtp { timeout: smtp.timeout.min(Duration::from_secs(ANSWER_SECONDS_MAX)), ..smtp.clone() };
    match mailer::call(&smtp, &senders[..senders.len().min(SENDERS_MAX)]).await {
        Ok(answer) => answered(&smtp, &answer),
        Err(refusal) => vec![refused(&smtp, &refusal)],
    }
}

fn answered(smtp: &Smtp, answer: &Answer) -> Vec<Finding> {
    let Answer { offers, refused } = answer;
    let guarded = match smtp.security {
        Security::StartTls => "it encrypts (STARTTLS) and its certificate is good",
        Security::Tls => "it encrypts (TLS) and its certificate is good",
        Security::None => "it does not encrypt, which is for this machine only",
    };
    let login = if smtp.login.is_some() { "; it takes your login" } else { "" };
    let says = format!("{}:{} answers; {guarded}{login}.", smtp.host, smtp.port);
    let mut findings = vec![match smtp.security {
        Security::None => Finding::note(About::Server, says),
        Security::StartTls | Security::Tls => Finding::good(About::Server, says),
    }];
    findings.extend(refused.iter().map(|(sender, words)| sender_refused(smtp, sender, words)));
    let wants_login = smtp.login.is_none() && smtp.security != Security::None && has(offers, "AUTH");
    if wants_login && refused.is_empty() {
        let says = "it offers a login, and `[mail.smtp]` has none; without, most servers take no letters for others.";
        findings.push(
            Finding::warn(About::Server, says).fix(
                "Write `username` and `password` under `[mail.smtp]`, as your provider gave them to you.",
            ),
        );
    }
    findings.push(extensions(offers));
    findings
}

fn sender_refused(smtp: &Smtp, sender: &EmailAddress, words: &str) -> Finding {
    let fix = match smtp.login {
        None => "If it speaks of a login, write `username` and `password` under `[mail.smtp]`.",
        Some(_) => {
            "Ask its provider to let your login send from that address (many want the address, or its domain, to be \
            confirmed first), or write one into `from` that it takes."
        }
    };
    Finding::bad(About::Server, format_args!("it takes no letters from {sender}; it says: {words}")).fix(fix)
}

fn extensions(offers: &[String]) -> Finding {
    let offered: Vec<&str> = offers.iter().map(String::as_str).collect();
    let says = match offered.as_slice() {
        [] => "it offers no extensions.".to_string(),
        offered => format!("it offers {}.", listed(offered)),
    };
    Finding::note(About::Server, says).fix(match has(offers, "DSN") {
        true => "That is for whoever looks after it; nothing has to be done.",
        false => {
            "It does not offer DSN, so it tells in its own way which letters it could not deliver; nothing has to be \
            done."
        }
    })
}

fn has(offers: &[String], name: &str) -> bool {
    offers.iter().any(|offer| offer.split(' ').next().is_some_and(|it| it.eq_ignore_ascii_case(name)))
}

fn refused(smtp: &Smtp, refusal: &Refusal) -> Finding {
    let Refusal { step, how, server, words } = refusal;
    let seconds = smtp.timeout.as_secs();
    let (says, fix) = match (step, how) {
        (Step::Authorities, _) => (
            format!("`ca_file` cannot be used: {words}."),
            "Name a file in PEM with the certificate of the authority, or leave `ca_file` out.".to_string(),
        ),
        (Step::Looking, _) => (
            format!("{} is not found: {words}.", smtp.host),
            "Compare `host` under `[mail.smtp]`, letter by letter, with the one your provider gives.".to_string(),
        ),
        (Step::Connecting, How::Silent) => (
            format!("{server} does not answer within {seconds} seconds."),
            format!(
                "Compare `host` and `port` with what your provider says. If they are right, something on the way \
                blocks port {}: ask whoever runs this machine's network, or try another port that your provider \
                names, most often 587 or 465.",
                smtp.port
            ),
        ),
        (Step::Connecting, _) => (
            format!("{server} cannot be reached: {words}."),
            "Compare `host` and `port` under `[mail.smtp]` with what your provider says. Usual are port 587 with \
            `security = \"starttls\"`, and 465 with `security = \"tls\"`."
                .to_string(),
        ),
        (Step::Greeting, How::Silent) => (
            format!("{server} takes the call, but does not say a word within {seconds} seconds."),
            match smtp.security {
                Security::Tls => "Ask its provider whether it is well, and whether that is the right port.",
                Security::StartTls | Security::None => {
                    "It may wait for encryption to begin, as on port 465: try `security = \"tls\"`. If it stays \
                    so, ask its provider whether that is the right port."
                }
            }
            .to_string(),
        ),
        (Step::Greeting | Step::Asking, _) => (
            format!("{server} does not want to talk: {words}."),
            "Ask its provider whether that is the right port, and whether it takes letters from this machine."
                .to_string(),
        ),
        (Step::Offering, _) => (
            format!("{server} does not offer to encrypt (STARTTLS), so it gets neither your password nor letters."),
            "Ask its provider for a port that does: most often 587, or 465 with `security = \"tls\"`. Only a \
            server on this machine may go without: `security = \"none\"`."
                .to_string(),
        ),
        (Step::Encrypting, _) => unencrypted(smtp, server, words),
        (Step::OfferingLogin, _) => (
            format!("{server} offers no way to log in that Byline knows (PLAIN or LOGIN)."),
            "Ask its provider for a port that does, most often 587 or 465. If it takes letters from this machine \
            without a login, leave out `username` and `password`."
                .to_string(),
        ),
        (Step::LoggingIn, How::Silent) => (
            format!("{server} does not answer to the login within {seconds} seconds."),
            "Try again in a minute. If it stays so, ask its provider.".to_string(),
        ),
        (Step::LoggingIn, How::Passing) => (
            format!("{server} does not take the login now: {words}."),
            "Try again in a minute. If it stays so, ask its provider.".to_string(),
        ),
        (Step::LoggingIn, How::Lasting) => (
            format!("{server} does not let you in: {words}."),
            "Look at `username` and `password` under `[mail.smtp]`. Many providers want a password made for programs \
            (an app password, or an SMTP key) and not the one of your mailbox."
                .to_string(),
        ),
    };
    Finding::bad(About::Server, says).fix(fix)
}

/// rustls says what is wrong with a certificate by the names of its own errors.
fn unencrypted(smtp: &Smtp, server: &str, words: &str) -> (String, String) {
    let host = &smtp.host;
    let certificate =
        |what: &str| format!("{server} has a certificate {what}, so it may be somebody else: {words}.");
    if words.contains("UnknownIssuer") {
        let fix = "If it is your own server, name the authority that made its certificate: `ca_file = \"…\"` under \
            `[mail.smtp]`. Else compare `host` with what your provider says, and tell the provider.";
        (certificate("that nobody whom this computer trusts vouches for"), fix.to_string())
    } else if words.contains("NotValidForName") || words.contains("not valid for name") {
        let fix = format!(
            "Put the name that its certificate bears into `host`: your provider gives it. It is now {host}."
        );
        (certificate("for another name"), fix)
    } else if words.contains("Expired") || words.contains("expired") {
        (
            certificate("that has run out"),
            "Ask its provider to renew it. If this computer's clock is wrong, set it right.".to_string(),
        )
    } else {
        let other = match smtp.security {
            Security::Tls => "try `security = \"starttls\"`, as is usual on port 587",
            Security::StartTls | Security::None => "try `security = \"tls\"`, as is usual on port 465",
        };
        let fix = format!("Compare `port` and `security` with what your provider says, or {other}.");
        (format!("{server} and Byline cannot agree how to encrypt: {words}."), fix)
    }
}
