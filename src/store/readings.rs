//! What files said when they were last read, so that a restart reads only those that changed.

use std::collections::HashMap;

use rusqlite::params;

use super::{Result, Store};

/// What a file said: the file as the file system tells its versions apart, and its manuscript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Another whenever the file is.
    pub stamp: String,
    /// As [`crate::article::Manuscript::to_kept`] has it.
    pub manuscript: Vec<u8>,
}

impl Store {
    /// Every reading by path, if they were made with the settings of this key.
    pub async fn readings(&self, key: String) -> Result<HashMap<String, Reading>> {
        self.read(move |tx| {
            let mut statement =
                tx.prepare_cached("SELECT path, stamp, manuscript FROM reading WHERE settings = ?1")?;
            let readings = statement.query_map([key], |row| {
                Ok((row.get(0)?, Reading { stamp: row.get(1)?, manuscript: row.get(2)? }))
            })?;
            Ok(readings.collect::<std::result::Result<_, _>>()?)
        })
        .await
    }

    /// Keeps readings made with the settings of this key; those made with others go.
    pub async fn keep_readings(&self, key: String, readings: Vec<(String, Reading)>) -> Result<()> {
        self.act(move |tx| {
            tx.prepare_cached("DELETE FROM reading WHERE settings <> ?1")?.execute([&key])?;
            let mut statement =
                tx.prepare_cached("INSERT OR REPLACE INTO reading VALUES (?1, ?2, ?3, ?4)")?;
            for (path, reading) in &readings {
                statement.execute(params![path, key, reading.stamp, reading.manuscript])?;
            }
            Ok(())
        })
        .await
    }
}
