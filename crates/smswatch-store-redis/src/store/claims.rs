//! Claims whose answers were lost: what they took belongs to nobody who knows of it, so that it is given back before the
//! next claim instead of waiting for the end of the lease.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use smswatch_plugin::store::{Priority, RecordKind, Shard, StoreError};

use super::{RedisStore, millis};

/// A claim that this process made, of deliveries or of records of another kind than watches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Claim {
    shard: Shard,
    of: Claimed,
    /// Grows with each claim of this process.
    pub(super) number: u64,
    /// The lease in milliseconds.
    pub(super) lease: u64,
}

/// What is claimed from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Claimed {
    /// The queue of a sink.
    Deliveries(String, Priority),
    Records(RecordKind),
}

impl RedisStore {
    /// A new claim. What earlier ones took whose answers were lost is given back first.
    pub(super) async fn begin_claim(
        &self,
        shard: Shard,
        of: Claimed,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        self.disown_unanswered(shard, &of).await?;
        Ok(Claim {
            shard,
            of,
            number: self.leases.fetch_add(1, Ordering::Relaxed) + 1,
            lease: millis(lease),
        })
    }

    /// The answer to a claim was lost.
    pub(super) fn lost(&self, claim: Claim) {
        self.unanswered_claims().insert(claim);
    }

    async fn disown_unanswered(&self, shard: Shard, of: &Claimed) -> Result<(), StoreError> {
        let mut found: Vec<_> = {
            let unanswered = self.unanswered_claims();
            let found = unanswered
                .iter()
                .filter(|claim| claim.shard == shard && claim.of == *of);
            found.cloned().collect()
        };
        // A later one says nothing of what an earlier one took.
        found.sort_unstable_by_key(|claim| claim.number);
        for claim in found {
            let mut call = match of {
                Claimed::Deliveries(sink, priority) => {
                    let mut call = self.call(&self.scripts.disown, shard);
                    call.arg(sink).arg(priority.index());
                    call
                }
                Claimed::Records(kind) => {
                    let mut call = self.call(&self.scripts.disown_records, shard);
                    call.arg(kind.as_str());
                    call
                }
            };
            call.arg(&*self.process).arg(claim.number).arg(claim.lease);
            self.invoke::<u64>(&call).await?;
            self.unanswered_claims().remove(&claim);
        }
        Ok(())
    }

    fn unanswered_claims(&self) -> MutexGuard<'_, HashSet<Claim>> {
        self.unanswered_claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
