//! A manuscript as it is kept over a restart, so that a file that did not change is not read again.

use serde::{Deserialize, Serialize};

use super::{
    Desk, Manuscript,
    attribution::{Attribution, Kind},
    when::When,
};

/// It with its outlets by their ids, as they stand in the config.
#[derive(Serialize, Deserialize)]
struct Kept<M> {
    manuscript: M,
    attributions: Vec<KeptAttribution>,
}

#[derive(Serialize, Deserialize)]
struct KeptAttribution {
    outlet: String,
    kind: Kind,
    url: Option<String>,
    date: Option<When>,
    title: Option<String>,
    changes: Option<String>,
    cleared: bool,
}

impl Manuscript {
    /// It as bytes; nothing if there is something to say about it, which needs the file.
    pub fn to_kept(&self) -> Option<Vec<u8>> {
        if !self.remarks.is_empty() {
            return None;
        }
        let attributions = self.attributions.iter().map(|attribution| KeptAttribution {
            outlet: attribution.outlet.id.clone(),
            kind: attribution.kind,
            url: attribution.url.clone(),
            date: attribution.date,
            title: attribution.title.clone(),
            changes: attribution.changes.clone(),
            cleared: attribution.cleared,
        });
        let kept = Kept { manuscript: self, attributions: attributions.collect() };
        serde_json::to_vec(&kept).ok()
    }

    /// The manuscript that these bytes were, with the outlets of `desk`; nothing if they are not whole or
    /// an outlet is gone.
    pub fn from_kept(bytes: &[u8], desk: &Desk<'_>) -> Option<Self> {
        let kept: Kept<Self> = serde_json::from_slice(bytes).ok()?;
        let attributions = kept.attributions.into_iter().map(|attribution| {
            Some(Attribution {
                outlet: desk.outlets.get(&attribution.outlet)?.clone(),
                kind: attribution.kind,
                url: attribution.url,
                date: attribution.date,
                title: attribution.title,
                changes: attribution.changes,
                cleared: attribution.cleared,
            })
        });
        Some(Self { attributions: attributions.collect::<Option<_>>()?, ..kept.manuscript })
    }
}
