//! Issues that bring the letters of another to those who did not get them.

use chrono::{DateTime, Utc};
use rusqlite::{Transaction, params};

use super::{
    Result, Store, control::hold_to_account, counts::Counts, issues::frame, reports::summary, to_ms,
};
use crate::{
    delivery::{DeliveryState, VariantId},
    newsletter::{issue::IssueId, variant::Frame},
};

impl Store {
    /// Opens an issue with the letters of another, for those readers who did not get it and are still there:
    /// refused, given up or cancelled. Whoever may have it, or got it in such an issue before, is not in it.
    /// With how many letters; none if there is nobody.
    pub async fn open_for_missed(
        &self,
        missed: IssueId,
        now: DateTime<Utc>,
    ) -> Result<Option<(IssueId, usize)>> {
        self.act(move |tx| {
            let frame = Frame { date: now, ..frame(tx, missed)? };
            let frame = serde_json::to_string(&frame).expect("strings and a date serialise");
            tx.execute(
                "INSERT INTO issue (newsletter, origin, follows, state, cut, opened_at, sending_since, active_at,
                                    frame, audience, excluded, letters)
                 SELECT newsletter, 'special', coalesce(follows, id), 'sending', 0, ?2, ?2, ?2, ?3, 0, 0, 0 FROM issue WHERE id = ?1",
                params![missed.0, to_ms(now), frame],
            )?;
            let issue = IssueId(tx.last_insert_rowid());
            let letters = copy_variants(tx, missed, issue)?
                .into_iter()
                .map(|(of, copy)| add_missed(tx, (missed, of), (issue, copy), now))
                .sum::<Result<usize>>()?;
            if letters == 0 {
                tx.execute("DELETE FROM variant_article WHERE variant_id IN
                            (SELECT id FROM variant WHERE issue_id = ?1)", [issue.0])?;
                tx.execute("DELETE FROM variant WHERE issue_id = ?1", [issue.0])?;
                tx.execute("DELETE FROM issue WHERE id = ?1", [issue.0])?;
                return Ok(None);
            }
            tx.execute("UPDATE issue SET letters = ?2, audience = ?2 WHERE id = ?1", [issue.0, letters as i64])?;
            let mut counts = Counts::default();
            counts.entered(issue, DeliveryState::Pending, letters);
            counts.write(tx)?;
            hold_to_account(tx, issue)?;
            Ok(Some((issue, letters)))
        })
        .await
    }

    /// How many would be in such an issue.
    pub async fn missed(&self, issue: IssueId) -> Result<Option<usize>> {
        self.read(move |tx| {
            if summary(tx, issue)?.is_none() {
                return Ok(None);
            }
            let missed: i64 =
                tx.query_row("SELECT count(*) FROM missed WHERE issue_id = ?1", [issue.0], |row| row.get(0))?;
            Ok(Some(missed.unsigned_abs() as usize))
        })
        .await
    }
}

/// Each variant with its copy.
fn copy_variants(tx: &Transaction<'_>, from: IssueId, to: IssueId) -> Result<Vec<(VariantId, VariantId)>> {
    let mut statement = tx.prepare_cached("SELECT id FROM variant WHERE issue_id = ?1")?;
    let ids: Vec<i64> =
        statement.query_map([from.0], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
    let mut copies = Vec::with_capacity(ids.len());
    for id in ids {
        tx.execute(
            "INSERT INTO variant (issue_id, content) SELECT ?2, content FROM variant WHERE id = ?1",
            [id, to.0],
        )?;
        let copy = tx.last_insert_rowid();
        tx.execute(
            "INSERT INTO variant_article SELECT ?2, article_id FROM variant_article WHERE variant_id = ?1",
            [id, copy],
        )?;
        copies.push((VariantId(id), VariantId(copy)));
    }
    Ok(copies)
}

fn add_missed(
    tx: &Transaction<'_>,
    (missed, of): (IssueId, VariantId),
    (issue, copy): (IssueId, VariantId),
    now: DateTime<Utc>,
) -> Result<usize> {
    Ok(tx.execute(
        "INSERT INTO delivery
            (issue_id, subscription_id, variant_id, state, provider, not_before, seen_before, updated)
         SELECT ?2, subscription_id, ?3, 'pending', provider, ?4, seen_before, ?4
         FROM missed WHERE issue_id = ?1 AND variant_id = ?5",
        params![missed.0, issue.0, copy.0, to_ms(now), of.0],
    )?)
}
