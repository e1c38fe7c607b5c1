//! Worlds and witnesses.

pub mod editions;
pub mod http;
pub mod name_server;
pub mod newsboat;
pub mod newsroom;
pub mod outbox;
pub mod postfix;
pub mod program;
pub mod verifiers;
pub mod web_server;

use std::time::{Duration, Instant};

/// Waits until `holds`, looking again and again; fails after `seconds` with what was waited for.
pub fn wait_until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < deadline, "waited {seconds} s for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
