//! The leases of watches that this process holds, to be given back when it ends early.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::store::{LeaseId, Shard};

/// The leases of watches that this process holds, to be given back when it ends early.
#[derive(Debug, Default)]
pub(crate) struct OpenLeases(Mutex<HashSet<(Shard, LeaseId)>>);

impl OpenLeases {
    pub(crate) fn add(&self, shard: Shard, lease: &LeaseId) {
        self.lock().insert((shard, lease.clone()));
    }

    pub(crate) fn remove(&self, shard: Shard, leases: &[LeaseId]) {
        let mut open = self.lock();
        for lease in leases {
            open.remove(&(shard, lease.clone()));
        }
    }

    pub(crate) fn take_all(&self) -> HashSet<(Shard, LeaseId)> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<(Shard, LeaseId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
