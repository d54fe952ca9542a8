//! Writes how much silences have held back, and tells their ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::{Silence, Silences};
use crate::context::Context;
use crate::store::StoreError;

/// How long is waited for more before it is written, and how long lies between two tries.
const PACE: Duration = Duration::from_secs(1);

/// Counts and tells; runs until it is cancelled.
pub(crate) async fn run(context: Arc<Context>, silences: Arc<Silences>) {
    // What ended while no process ran is told by the first one that does.
    while let Err(error) = silences.read(&context).await {
        tracing::debug!(%error, "silences are read later");
        tokio::time::sleep(PACE).await;
    }
    loop {
        let changed = silences.changed.notified();
        let until_end = silences.known().shelf.next_end().map(|end| {
            // The store's clock may be set back; the end is judged again then.
            end.since(context.clock.now()).max(Duration::from_millis(1))
        });
        let ends = async {
            match until_end {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed => {}
            () = ends => {}
        }
        if silences.has_to_write(&context)
            && let Err(error) = silences.write(&context).await
        {
            tracing::debug!(%error, "what silences held back is counted later");
        }
        tokio::time::sleep(PACE).await;
    }
}

impl Silences {
    fn has_to_write(&self, context: &Context) -> bool {
        let known = self.known();
        let now = context.clock.now();
        !known.uncounted.is_empty() || known.shelf.next_end().is_some_and(|end| end <= now)
    }

    async fn write(&self, context: &Context) -> Result<(), StoreError> {
        let counts = std::mem::take(&mut self.known().uncounted);
        let written = self
            .change(context, |shelf, now| {
                for (id, count) in &counts {
                    if let Some(silence) = shelf.get_mut(id) {
                        silence.held_back += count;
                    }
                }
                Ok::<_, Infallible>(shelf.tell_ends(now))
            })
            .await;
        match written {
            Ok(Ok(ended)) => {
                ended.iter().for_each(tell_end);
                Ok(())
            }
            Err(error) => {
                let mut known = self.known();
                for (id, count) in counts {
                    *known.uncounted.entry(id).or_default() += count;
                }
                Err(error)
            }
        }
    }
}

fn tell_end(silence: &Silence) {
    let Silence { id, held_back, .. } = silence;
    tracing::info!(id, held_back, "a silence has ended");
}
