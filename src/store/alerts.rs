//! What the author was told of, so that he is not told again and again.

use chrono::{Days, NaiveDate};
use rusqlite::params;

use super::{Result, Store};

/// Days for which it is remembered.
const KEPT: Days = Days::new(30);

impl Store {
    /// Whether this is the first alert for a reason on a day; from now on, it is not.
    pub async fn is_first_alert(&self, reason: String, day: NaiveDate) -> Result<bool> {
        self.act(move |tx| {
            tx.execute("DELETE FROM alert WHERE day < ?1", [(day - KEPT).to_string()])?;
            let entered = tx.execute(
                "INSERT INTO alert VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![reason, day.to_string()],
            )?;
            Ok(entered == 1)
        })
        .await
    }
}
