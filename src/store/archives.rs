//! Which entries each archive of a feed has (RFC 5005). A block that was cut stays.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params};

use super::{Result, Store};
use crate::article::ArticleId;

/// The blocks of every feed, by the path before `feed.rss`, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Archives(BTreeMap<String, Vec<Vec<ArticleId>>>);

impl Archives {
    /// Those of one feed.
    pub fn blocks(&self, feed: &str) -> &[Vec<ArticleId>] {
        self.0.get(feed).map_or(&[], Vec::as_slice)
    }

    /// Adds blocks to a feed.
    pub fn extend(&mut self, feed: &str, blocks: Vec<Vec<ArticleId>>) {
        if !blocks.is_empty() {
            self.0.entry(feed.to_string()).or_default().extend(blocks);
        }
    }

    /// Those of every feed, by the path before `feed.rss`.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Vec<Vec<ArticleId>>)> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Store {
    /// Every archive.
    pub async fn archives(&self) -> Result<Archives> {
        self.read(read).await
    }

    /// Adds `fresh` blocks after those there are, and answers with all. A block with an article that one
    /// has already is left out: another process cut it first.
    pub async fn cut_archives(&self, fresh: Archives) -> Result<Archives> {
        self.act(move |tx| {
            let archives = read(tx)?;
            for (feed, blocks) in fresh.0 {
                let cut = archives.blocks(&feed);
                let is_fresh =
                    |block: &&Vec<ArticleId>| !cut.iter().flatten().any(|archived| block.contains(archived));
                for (offset, block) in blocks.iter().filter(is_fresh).enumerate() {
                    let number = cut.len() + offset + 1;
                    for article in block {
                        tx.prepare_cached("INSERT INTO archive VALUES (?1, ?2, ?3)")?.execute(params![
                            feed,
                            number as i64,
                            article.0
                        ])?;
                    }
                }
            }
            read(tx)
        })
        .await
    }
}

fn read(tx: &Transaction<'_>) -> Result<Archives> {
    let mut archives = Archives::default();
    let mut statement =
        tx.prepare_cached("SELECT feed, number, article_id FROM archive ORDER BY feed, number")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (feed, number): (String, i64) = (row.get(0)?, row.get(1)?);
        let blocks = archives.0.entry(feed).or_default();
        blocks.resize_with(blocks.len().max(number as usize), Vec::new);
        blocks[number as usize - 1].push(ArticleId(row.get(2)?));
    }
    Ok(archives)
}
