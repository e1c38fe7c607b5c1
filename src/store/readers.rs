//! Readers and their consent. Nothing here sends: an active subscription is only what an issue asks for.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;

use super::{Result, Store, to_ms};
use crate::{
    delivery::provider::Provider,
    language::Language,
    subscriber::{SubscriptionId, address::EmailAddress},
};

/// A reader to be added, with where the consent came from.
#[derive(Debug, Clone)]
pub struct NewReader {
    /// The address.
    pub email: EmailAddress,
    /// May be empty.
    pub name: String,
    /// One of the newsletter's; none for all.
    pub language: Option<Language>,
    /// One of the newsletter's.
    pub cadence: String,
    /// Where the reader is, if that is known.
    pub zone: Option<Tz>,
    /// The highest `seq` that is not to come any more.
    pub seen: i64,
    /// "subscribers/dispatches.csv, row 4".
    pub proof: String,
}

/// What is to be different for a reader; what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The name.
    pub name: Option<String>,
    /// The language.
    pub language: Option<Language>,
    /// The cadence.
    pub cadence: Option<String>,
    /// Where the reader is.
    pub zone: Option<Tz>,
}

/// What became of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Synced {
    /// New readers.
    pub added: usize,
    /// Readers already there, whatever they have chosen since.
    pub unchanged: usize,
    /// Readers who left, and stay gone.
    pub ended: usize,
}

/// What a link to leave is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// The newsletter that is left.
    pub newsletter: String,
    /// The language of its letters to this reader.
    pub language: Option<Language>,
}

/// One reader of one newsletter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reader {
    /// Its number.
    #[serde(skip)]
    pub subscription: SubscriptionId,
    /// The address.
    pub email: String,
    /// May be empty.
    pub name: String,
    /// Which newsletter.
    pub newsletter: String,
    /// `pending`, `active` or `ended`.
    pub status: String,
    /// The rhythm chosen.
    pub cadence: String,
    /// The language chosen, if any.
    pub language: Option<String>,
    /// Where the reader is, if that is known.
    pub timezone: Option<String>,
}

impl Store {
    /// Adds readers of a newsletter. A list only adds: who is there stays as they are, and who left
    /// stays gone.
    pub async fn add_readers(
        &self,
        newsletter: String,
        readers: Vec<NewReader>,
        now: DateTime<Utc>,
    ) -> Result<Synced> {
        self.act(move |tx| {
            let mut synced = Synced::default();
            for reader in readers {
                let subscriber = enter_subscriber(tx, &reader)?;
                match status(tx, subscriber, &newsletter)?.as_deref() {
                    Some("ended") => synced.ended += 1,
                    Some(_) => synced.unchanged += 1,
                    None => {
                        subscribe(tx, subscriber, &newsletter, &reader, now)?;
                        synced.added += 1;
                    }
                }
            }
            Ok(synced)
        })
        .await
    }

    /// Adds one reader at the author's word, also one who left. Whether anything changed.
    pub async fn restore_reader(
        &self,
        newsletter: String,
        reader: NewReader,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        self.act(move |tx| {
            let subscriber = enter_subscriber(tx, &reader)?;
            match status(tx, subscriber, &newsletter)?.as_deref() {
                Some("active") => Ok(false),
                None => {
                    subscribe(tx, subscriber, &newsletter, &reader, now)?;
                    Ok(true)
                }
                Some(_) => {
                    tx.execute(
                        "UPDATE subscription SET status = 'active', cadence = ?3, language = ?4, proof = ?5,
                                since = ?6, seen = max(seen, ?7), zone = coalesce(?8, zone), ended_at = NULL, ended_by = NULL
                         WHERE subscriber_id = ?1 AND newsletter = ?2",
                        params![
                            subscriber,
                            newsletter,
                            reader.cadence,
                            reader.language.as_ref().map(Language::as_str),
                            reader.proof,
                            to_ms(now),
                            reader.seen,
                            reader.zone.map(Tz::name)
                        ],
                    )?;
                    Ok(true)
                }
            }
        })
        .await
    }

    /// Ends one subscription, at the reader's word, if it has not ended yet. Takes effect for every
    /// letter not yet begun. Nothing if there is no such subscription.
    pub async fn unsubscribe(&self, id: SubscriptionId, now: DateTime<Utc>) -> Result<Option<Leaving>> {
        self.act(move |tx| {
            let Some((leaving, status)) = subscription(tx, id)? else { return Ok(None) };
            if status != "ended" {
                end(tx, id, "the reader", now)?;
            }
            Ok(Some(leaving))
        })
        .await
    }

    /// What ending a subscription would be about; nothing changes.
    pub async fn leaving(&self, id: SubscriptionId) -> Result<Option<Leaving>> {
        self.read(move |tx| Ok(subscription(tx, id)?.map(|(leaving, _)| leaving))).await
    }

    /// Changes what an active reader chose, at the author's word; what is not given stays. Whether
    /// there is such a reader.
    pub async fn change_reader(
        &self,
        newsletter: String,
        email: EmailAddress,
        change: Change,
    ) -> Result<bool> {
        self.act(move |tx| {
            if let Some(name) = change.name {
                tx.execute(
                    "UPDATE subscriber SET name = ?2 WHERE email_key = ?1",
                    params![email.key(), name],
                )?;
            }
            let changed = tx.execute(
                "UPDATE subscription SET cadence = coalesce(?3, cadence), language = coalesce(?4, language),
                        zone = coalesce(?5, zone)
                 WHERE newsletter = ?2 AND status = 'active'
                       AND subscriber_id = (SELECT id FROM subscriber WHERE email_key = ?1)",
                params![
                    email.key(),
                    newsletter,
                    change.cadence,
                    change.language.as_ref().map(Language::as_str),
                    change.zone.map(Tz::name)
                ],
            )?;
            Ok(changed == 1)
        })
        .await
    }

    /// Ends a reader's subscriptions, at the author's word: to one newsletter, or to all. How many.
    pub async fn remove_reader(
        &self,
        email: EmailAddress,
        newsletter: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<usize> {
        self.act(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT subscription.id FROM subscription JOIN subscriber ON subscriber.id = subscriber_id
                 WHERE email_key = ?1 AND (?2 IS NULL OR newsletter = ?2) AND status != 'ended'",
            )?;
            let ids: Vec<i64> = statement
                .query_map(params![email.key(), newsletter], |row| row.get(0))?
                .collect::<std::result::Result<_, _>>()?;
            for id in &ids {
                end(tx, SubscriptionId(*id), "the author", now)?;
            }
            Ok(ids.len())
        })
        .await
    }

    /// Readers, of one newsletter or all, in the order of their addresses.
    pub async fn readers(&self, newsletter: Option<String>) -> Result<Vec<Reader>> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT email, name, newsletter, status, cadence, language, subscription.id, zone
                 FROM subscription JOIN subscriber ON subscriber.id = subscriber_id
                 WHERE ?1 IS NULL OR newsletter = ?1 ORDER BY email_key, newsletter",
            )?;
            let readers = statement.query_map([newsletter], |row| {
                Ok(Reader {
                    subscription: SubscriptionId(row.get(6)?),
                    email: row.get(0)?,
                    name: row.get(1)?,
                    newsletter: row.get(2)?,
                    status: row.get(3)?,
                    cadence: row.get(4)?,
                    language: row.get(5)?,
                    timezone: row.get(7)?,
                })
            })?;
            Ok(readers.collect::<std::result::Result<_, _>>()?)
        })
        .await
    }
}

fn enter_subscriber(tx: &Transaction<'_>, reader: &NewReader) -> Result<i64> {
    let found = tx
        .prepare_cached("SELECT id FROM subscriber WHERE email_key = ?1")?
        .query_row([reader.email.key()], |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    tx.prepare_cached("INSERT INTO subscriber (email_key, email, name) VALUES (?1, ?2, ?3)")?
        .execute(params![reader.email.key(), reader.email.to_string(), reader.name])?;
    Ok(tx.last_insert_rowid())
}

fn status(tx: &Transaction<'_>, subscriber: i64, newsletter: &str) -> Result<Option<String>> {
    Ok(tx
        .prepare_cached("SELECT status FROM subscription WHERE subscriber_id = ?1 AND newsletter = ?2")?
        .query_row(params![subscriber, newsletter], |row| row.get(0))
        .optional()?)
}

fn subscribe(
    tx: &Transaction<'_>,
    subscriber: i64,
    newsletter: &str,
    reader: &NewReader,
    now: DateTime<Utc>,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO subscription
            (subscriber_id, newsletter, status, cadence, language, seen, proof, since, provider, zone)
         VALUES (?1, ?2, 'active', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        subscriber,
        newsletter,
        reader.cadence,
        reader.language.as_ref().map(Language::as_str),
        reader.seen,
        reader.proof,
        to_ms(now),
        Provider::of(reader.email.domain()).as_str(),
        reader.zone.map(Tz::name)
    ])?;
    Ok(())
}

fn subscription(tx: &Transaction<'_>, id: SubscriptionId) -> Result<Option<(Leaving, String)>> {
    let found = tx
        .query_row("SELECT newsletter, language, status FROM subscription WHERE id = ?1", [id.0], |row| {
            let language: Option<String> = row.get(1)?;
            let language = language.and_then(|tag| tag.parse().ok());
            Ok((Leaving { newsletter: row.get(0)?, language }, row.get(2)?))
        })
        .optional()?;
    Ok(found)
}

fn end(tx: &Transaction<'_>, id: SubscriptionId, by: &str, now: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE subscription SET status = 'ended', ended_at = ?2, ended_by = ?3 WHERE id = ?1",
        params![id.0, to_ms(now), by],
    )?;
    Ok(())
}
