//! Lists and wishes become subscriptions, and end them.

use std::{collections::BTreeMap, io, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    article::Article,
    diagnostic::{Diagnostic, Problems},
    durable,
    language::Language,
    newsletter::{Newsletter, issue::starting_watermark},
    newsroom::{Folder, Look, Settings, Stamp, read_list},
    store::{Change, Leaving, NewReader, Store, StoreError, Synced},
    subscriber::{
        address::EmailAddress,
        list::{List, Rejected},
        token::{TokenKey, UnsubscribeToken},
    },
};

/// Keeps the lists in `subscribers/` and the store together. A list is read again only if it, or the
/// settings, changed.
pub struct Lists {
    store: Store,
    /// Of each list, which version was read last, and what was wrong with it.
    seen: BTreeMap<String, (Stamp, Vec<Diagnostic>)>,
    settings: Option<Arc<Settings>>,
}

/// What came of the lists.
#[derive(Debug, Default)]
pub struct Listed {
    /// By newsletter, of lists that were read.
    pub synced: Vec<(String, Synced)>,
    /// Rows and files that cannot be used.
    pub problems: Vec<Diagnostic>,
}

impl Lists {
    /// Lists that add to `store`.
    pub fn new(store: Store) -> Self {
        Self { store, seen: BTreeMap::new(), settings: None }
    }

    /// Adds whoever the lists name and the store does not know.
    pub async fn run_once(
        &mut self,
        folder: &Folder,
        look: &Look,
        settings: &Arc<Settings>,
        now: DateTime<Utc>,
    ) -> Result<Listed, StoreError> {
        // Other settings may accept other rows.
        if !self.settings.as_ref().is_some_and(|before| Arc::ptr_eq(before, settings)) {
            self.seen.clear();
            self.settings = Some(settings.clone());
        }
        let config = &settings.config;
        let problems = Problems::default();
        let mut listed = Listed::default();
        for file in folder.lists(config, &problems) {
            let (id, stamp) = (file.newsletter.clone(), file.stamp);
            let Some(newsletter) = config.newsletter(&id) else { continue };
            if let Some((was, known)) = self.seen.get(&id)
                && *was == stamp
            {
                known.iter().for_each(|problem| problems.push(problem.clone()));
                continue;
            }
            let found = Problems::default();
            // A long list takes a while: other work on this thread moves to another.
            let read = tokio::task::block_in_place(|| {
                let file = file.read()?;
                let list = read_list(newsletter, &file, &found);
                Ok((file.path, list))
            });
            let (path, list) = match read {
                Ok(read) => read,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            if let Err(why) = write_rejected(folder, &id, &list.rejected) {
                found.push(Diagnostic::unreadable(&format!("data/{id}.rejected.csv"), why));
            }
            let readers = new_readers(newsletter, &path, list, &look.live(now));
            let synced = self.store.add_readers(id.clone(), readers, now).await?;
            let found = found.into_vec();
            found.iter().for_each(|problem| problems.push(problem.clone()));
            self.seen.insert(id.clone(), (stamp, found));
            listed.synced.push((id, synced));
        }
        listed.problems = problems.into_vec();
        Ok(listed)
    }
}

fn new_readers(newsletter: &Newsletter, path: &str, list: List, live: &[Arc<Article>]) -> Vec<NewReader> {
    let Some(first) = newsletter.cadences.first() else { return Vec::new() };
    let mut watermarks: BTreeMap<Option<Language>, i64> = BTreeMap::new();
    let readers = list.rows.into_iter().map(|row| {
        let seen = *watermarks
            .entry(row.language.clone())
            .or_insert_with(|| starting_watermark(newsletter, live, row.language.as_ref()));
        NewReader {
            email: row.email,
            name: row.name,
            language: row.language,
            cadence: row.cadence.unwrap_or_else(|| first.name.clone()),
            zone: row.zone,
            seen,
            proof: format!("{path}, row {}", row.line),
        }
    });
    readers.collect()
}

/// Rows that cannot be used, with the reason, for the author to mend; no file if there is none.
fn write_rejected(folder: &Folder, id: &str, rejected: &[Rejected]) -> io::Result<()> {
    let path = folder.data().join(format!("{id}.rejected.csv"));
    if rejected.is_empty() {
        return match std::fs::remove_file(path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
            _ => Ok(()),
        };
    }
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_record(["reason", "row as it is in the list"])?;
    for row in rejected {
        let fields = row.fields.iter().map(|field| guarded(field));
        writer.write_record(std::iter::once(row.reason.clone()).chain(fields))?;
    }
    let bytes = writer.into_inner().map_err(|why| io::Error::other(why.to_string()))?;
    durable::write(&path, &bytes, None)
}

/// A spreadsheet must not run what a stranger typed (CWE-1236).
fn guarded(field: &str) -> String {
    match field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{field}"),
        false => field.to_string(),
    }
}

/// A reader whom the author adds by hand.
pub struct ByHand {
    /// The address.
    pub email: EmailAddress,
    /// What else is said; the rest is as for anybody new.
    pub said: Change,
}

/// What came of adding a reader by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// A reader now; also one who had left.
    Now,
    /// A reader before, with what was said changed.
    Changed,
    /// A reader before, and nothing was said.
    Already,
}

/// Adds one reader at the author's word, also one who left.
pub async fn add(
    reader: ByHand,
    newsletter: &Newsletter,
    live: &[Arc<Article>],
    store: &Store,
    now: DateTime<Utc>,
) -> Result<Added, StoreError> {
    let ByHand { email, said } = reader;
    let first = newsletter.cadences.first().map(|cadence| cadence.name.clone()).unwrap_or_default();
    let new = NewReader {
        seen: starting_watermark(newsletter, live, said.language.as_ref()),
        email: email.clone(),
        name: said.name.clone().unwrap_or_default(),
        language: said.language.clone(),
        cadence: said.cadence.clone().unwrap_or(first),
        zone: said.zone,
        proof: "added by the author (byline readers add)".into(),
    };
    let added = store.restore_reader(newsletter.id.clone(), new, now).await?;
    let says_more =
        said.name.is_some() || said.language.is_some() || said.cadence.is_some() || said.zone.is_some();
    if says_more {
        store.change_reader(newsletter.id.clone(), email, said).await?;
    }
    Ok(match (added, says_more) {
        (true, _) => Added::Now,
        (false, true) => Added::Changed,
        (false, false) => Added::Already,
    })
}

/// A reader leaves by the link in a letter. Nothing for a link that this newsroom did not make.
pub async fn leave(
    token: &str,
    key: &TokenKey,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<Option<Leaving>, StoreError> {
    match UnsubscribeToken::verify(token, key) {
        Some(token) => store.unsubscribe(token.subscription, now).await,
        None => Ok(None),
    }
}

/// What a link to leave is about; nothing changes.
pub async fn leaving(token: &str, key: &TokenKey, store: &Store) -> Result<Option<Leaving>, StoreError> {
    match UnsubscribeToken::verify(token, key) {
        Some(token) => store.leaving(token.subscription).await,
        None => Ok(None),
    }
}
