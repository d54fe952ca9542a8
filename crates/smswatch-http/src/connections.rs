//! How many connections there are at once, and who must go when there are too many.
//!
//! A process has only so many file descriptors. Clients that open connections and say nothing on them must
//! not take them all: the one that has been waiting longest for a request gives way to the next caller.
//! A few more connections than usual are taken while all are busy; they serve health checks alone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many connections are served at once.
const MOST: usize = 512;

/// How many more there may be for health checks.
const RESERVED: usize = 32;

/// How long a call may take before its connection may have to give way to another caller.
const LONG: Duration = Duration::from_secs(60);

/// When a request that takes long has to end. A request has this of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    stop: CancellationToken,
    gives_way: CancellationToken,
}

impl Ending {
    pub(crate) fn new(stop: CancellationToken, place: &Place) -> Self {
        let gives_way = place.gives_way.clone();
        Self { stop, gives_way }
    }

    /// Completes when the process stops.
    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Closes the connection at once.
    pub(crate) fn hang_up(&self) {
        self.gives_way.cancel();
    }
}

/// A request has this where its connection is there for health checks alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HealthChecksOnly;

/// The address that a connection came from. Every request has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CameFrom(pub(crate) SocketAddr);

/// The connections that are open. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    table: Arc<Mutex<Table>>,
    most: usize,
    reserved: usize,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    is_reserved: bool,
    /// Whether a call is under way, or a request is waited for.
    is_calling: bool,
    /// Since when that is so.
    since: Instant,
    gives_way: CancellationToken,
}

/// The place of one connection, free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    table: Arc<Mutex<Table>>,
    /// Canceled when it must give way to another.
    pub(crate) gives_way: CancellationToken,
    /// Whether only health checks are answered on it.
    pub(crate) is_reserved: bool,
}

/// A call that is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct Call {
    number: u64,
    table: Arc<Mutex<Table>>,
}

impl Connections {
    pub(crate) fn new() -> Self {
        Self::bounded(MOST, RESERVED)
    }

    fn bounded(most: usize, reserved: usize) -> Self {
        Self {
            table: Arc::default(),
            most,
            reserved,
        }
    }

    /// A place for one more connection; `None` if every other one is at a call.
    pub(crate) fn admit(&self) -> Option<Place> {
        let mut table = lock(&self.table);
        let is_reserved = if table.has_room(false, self.most) {
            false
        } else if table.has_room(true, self.reserved) {
            true
        } else {
            return None;
        };
        let number = table.next;
        table.next += 1;
        let gives_way = CancellationToken::new();
        let open = Open {
            is_reserved,
            is_calling: false,
            since: Instant::now(),
            gives_way: gives_way.clone(),
        };
        table.open.insert(number, open);
        Some(Place {
            number,
            table: Arc::clone(&self.table),
            gives_way,
            is_reserved,
        })
    }
}

impl Table {
    /// Whether there is room for one more, if need be because another one gives way: the one that has
    /// been waiting longest for a request, else the one whose call takes longest.
    fn has_room(&mut self, is_reserved: bool, most: usize) -> bool {
        let alike = |open: &Open| open.is_reserved == is_reserved;
        if self.open.values().filter(|open| alike(open)).count() < most {
            return true;
        }
        let now = Instant::now();
        let may_go = |open: &Open| !open.is_calling || now - open.since > LONG;
        let candidates = self.open.iter();
        let candidates = candidates.filter(|(_, open)| alike(open) && may_go(open));
        let longest = candidates.min_by_key(|(_, open)| (open.is_calling, open.since));
        let Some(number) = longest.map(|(number, _)| *number) else {
            return false;
        };
        if let Some(open) = self.open.remove(&number) {
            open.gives_way.cancel();
        }
        true
    }

    fn note(&mut self, number: u64, is_calling: bool) {
        if let Some(open) = self.open.get_mut(&number) {
            open.is_calling = is_calling;
            open.since = Instant::now();
        }
    }
}

impl Place {
    /// A call begins on this connection.
    pub(crate) fn begin(&self) -> Call {
        lock(&self.table).note(self.number, true);
        Call {
            number: self.number,
            table: Arc::clone(&self.table),
        }
    }

    /// Whether a call is under way.
    pub(crate) fn is_calling(&self) -> bool {
        let table = lock(&self.table);
        let open = table.open.get(&self.number);
        open.is_some_and(|open| open.is_calling)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.table).open.remove(&self.number);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        lock(&self.table).note(self.number, false);
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(place: &Place) -> bool {
        place.gives_way.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_longest_for_a_request_gives_way_and_who_is_at_a_call_does_not() {
        let connections = Connections::bounded(2, 1);
        let first = connections.admit().expect("there is room");
        tokio::time::advance(Duration::from_millis(1)).await;
        let second = connections.admit().expect("there is room");
        let call = first.begin();
        tokio::time::advance(Duration::from_millis(1)).await;
        let third = connections.admit().expect("the second gives way");
        assert!(gone(&second) && !gone(&first) && !third.is_reserved);
        drop(second);

        let other_call = third.begin();
        let health = connections.admit().expect("health checks get in");
        assert!(health.is_reserved && first.is_calling());
        let next = connections.admit().expect("the idle one gives way");
        assert!(gone(&health) && next.is_reserved);
        let last_call = next.begin();
        assert!(connections.admit().is_none(), "all are at a call");

        tokio::time::advance(LONG + Duration::from_secs(1)).await;
        let late = connections.admit().expect("a very long call gives way");
        assert!(gone(&first) && !late.is_reserved);
        drop((call, other_call, last_call));
        assert!(!third.is_calling());
    }

    #[tokio::test]
    async fn a_connection_that_ends_leaves_its_place() {
        let connections = Connections::bounded(1, 0);
        for _ in 0..3 {
            let place = connections.admit().expect("there is room");
            let _call = place.begin();
        }
    }
}
