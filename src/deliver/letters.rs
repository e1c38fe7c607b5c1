//! The letters of open issues, each read from the store and compiled once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::{
    delivery::VariantId,
    message::Compiled,
    store::{Store, StoreError},
};

/// Rendered letters kept at hand; an issue has one for each group of readers.
const VARIANTS_KEPT_MAX: usize = 64;

pub(super) struct Letters {
    store: Store,
    kept: Mutex<HashMap<VariantId, Arc<Compiled>>>,
}

impl Letters {
    pub(super) fn new(store: Store) -> Self {
        Self { store, kept: Mutex::default() }
    }

    pub(super) async fn get(&self, id: VariantId) -> Result<Arc<Compiled>, StoreError> {
        let kept = |letters: &Self| letters.kept.lock().expect("no one panics holding it").get(&id).cloned();
        if let Some(letter) = kept(self) {
            return Ok(letter);
        }
        let (frame, variant) = self.store.variant(id).await?;
        let letter = Arc::new(Compiled::new(&frame, &variant));
        let mut letters = self.kept.lock().expect("no one panics holding it");
        if letters.len() >= VARIANTS_KEPT_MAX {
            letters.clear();
        }
        letters.insert(id, letter.clone());
        Ok(letter)
    }
}
