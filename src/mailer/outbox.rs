//! Letters as files: `outbox/ISSUE/MESSAGE.eml`, raw RFC 5322. A letter's name is its Message-ID, so
//! writing it twice leaves one file.

use std::path::{Path, PathBuf};

use super::Trouble;
use crate::{
    delivery::{InFlight, Message, Outcome},
    durable,
};

#[derive(Clone)]
pub(super) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    pub(super) fn ready(&self) -> Result<(), Trouble> {
        durable::private_folder(&self.folder)
            .map_err(|why| Trouble::Passing(format!("cannot make the folder `outbox`: {why}")))
    }

    pub(super) async fn send(&self, in_flight: &InFlight, message: Message) -> Outcome {
        let issue = in_flight.id().issue;
        // A letter to a tester is of no issue.
        let folder = if issue.0 == 0 { "test".to_string() } else { issue.to_string() };
        let name = format!("{folder}/{}.eml", message.id.local());
        let path = self.folder.join(&name);
        let written = tokio::task::spawn_blocking(move || durable::write(&path, &message.bytes, None)).await;
        match written {
            Ok(Ok(())) => Outcome::Accepted { reply: format!("outbox/{name}") },
            Ok(Err(why)) => Outcome::NotSent { reason: format!("outbox/{name}: {why}") },
            Err(why) => Outcome::NotSent { reason: why.to_string() },
        }
    }
}
