//! The texts of articles: long, and seldom needed, so only some are kept in memory. Any other is read
//! again, from its file or, where that says something else by now, from the store.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use super::{
    Folder,
    scan::{Source, sources},
};
use crate::{
    article::{Desk, Manuscript, Text, content_of},
    diagnostic::SourceFile,
    store::Store,
};

/// So many bytes of texts are kept.
const KEPT_BYTES_MAX: usize = 48 * 1024 * 1024;

/// A text that nobody has any more: its file changed, and the store never had it. The next look will
/// know the article by its new text.
#[derive(Debug, thiserror::Error)]
#[error("the text of articles/{0} changed while it was being published")]
pub struct TextAway(String);

/// The texts of a newsroom.
pub struct Texts {
    folder: Folder,
    store: Store,
    kept: Mutex<Kept>,
}

/// Some of them, by what their file says and where it is.
#[derive(Default)]
struct Kept {
    texts: HashMap<(String, String), Text>,
    keys: Vec<(String, String)>,
    bytes: usize,
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Texts {
    pub(super) fn new(folder: &Folder, store: &Store) -> Self {
        Self { folder: folder.clone(), store: store.clone(), kept: Mutex::default() }
    }

    /// Other settings may make another text of the same file.
    pub(super) fn forget(&self) {
        *self.kept.lock().expect("nothing panics while holding it") = Kept::default();
    }

    pub(super) fn keep(&self, manuscript: &Manuscript, text: &Text) {
        let mut kept = self.kept.lock().expect("nothing panics while holding it");
        // When a whole archive is read, the first are wanted first: they do not give way to the last.
        if kept.bytes + text.len() <= KEPT_BYTES_MAX {
            kept.put(key_of(manuscript), text);
        }
    }

    /// The text of an article that was good once.
    pub fn of(&self, manuscript: &Manuscript, desk: &Desk<'_>) -> Result<Text, TextAway> {
        let key = key_of(manuscript);
        if let Some(text) = self.kept.lock().expect("nothing panics while holding it").texts.get(&key) {
            return Ok(text.clone());
        }
        let text = self.read(manuscript, desk).ok_or_else(|| TextAway(manuscript.path.clone()))?;
        self.kept.lock().expect("nothing panics while holding it").put(key, &text);
        Ok(text)
    }

    fn read(&self, manuscript: &Manuscript, desk: &Desk<'_>) -> Option<Text> {
        let path = &manuscript.path;
        let found = sources(path, &self.folder.articles()).filter(|source| is(manuscript, source));
        let Source { file, side } = found.or_else(|| {
            let good = self.store.good_text_now(path.clone()).ok()??;
            let file = |text| Arc::new(SourceFile { path: format!("articles/{path}"), text });
            let source = Source { file: file(good.text), side: good.side.map(file) };
            is(manuscript, &source).then_some(source)
        })?;
        Manuscript::text_of(&file, side.as_ref(), path, desk)
    }
}

fn is(manuscript: &Manuscript, source: &Source) -> bool {
    content_of(&source.file, source.side.as_ref()) == manuscript.content
}

fn key_of(manuscript: &Manuscript) -> (String, String) {
    (manuscript.path.clone(), manuscript.content.clone())
}

impl Kept {
    fn put(&mut self, key: (String, String), text: &Text) {
        if let Some(old) = self.texts.insert(key.clone(), text.clone()) {
            self.bytes -= old.len();
        } else {
            self.keys.push(key);
        }
        self.bytes += text.len();
        // Any of them: who goes through a whole archive needs next what he has not used for longest.
        while self.bytes > KEPT_BYTES_MAX && !self.keys.is_empty() {
            let key = self.keys.swap_remove(rand::random_range(0..self.keys.len()));
            self.bytes -= self.texts.remove(&key).map_or(0, |text| text.len());
        }
    }
}
