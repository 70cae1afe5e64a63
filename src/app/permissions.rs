//! Tells people what our credential turned out not to be allowed: each thing once.

use std::collections::BTreeSet;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    github::{Refusals, Refused},
    notify::{Note, Notifiers, Urgency},
};

/// Tells until told to stop.
pub(super) async fn tell(mut refusals: watch::Receiver<Refusals>, notifiers: Notifiers, stop: CancellationToken) {
    let mut told = BTreeSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            changed = refusals.changed() => if changed.is_err() { break },
        }
        let refused: Vec<Refused> = refusals.borrow_and_update().values().cloned().collect();
        for refused in refused {
            if !told.insert(refused.what.clone()) {
                continue;
            }
            // What could not be sent, the notifiers say.
            notifiers.send(&note(&refused)).await;
        }
    }
}

fn note(refused: &Refused) -> Note {
    let needs = refused.needs.as_ref().map(|needs| format!(" It takes {needs}.")).unwrap_or_default();
    let text = format!("GitHub does not allow {}: {}.{needs}", refused.what, refused.words);
    Note { urgency: Urgency::High, subject: "a missing permission".to_owned(), text }
}
