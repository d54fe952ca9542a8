//! Maintenance windows: times that come again and again, in which something is held back.

use std::sync::Arc;
use std::time::Duration;

use cronexpr::{Crontab, MakeTimestamp};
use serde_json::Value;
use smswatch_model::Timestamp;
use smswatch_plugin::rules::OpenWindow;

use crate::hold_back::Matching;

/// How many beginnings that overlap make one window at most; the next ones are found when it has come to them.
const MOST_JOINED: usize = 64;

/// The maintenance windows of a configuration, made by [`compile_maintenance`](crate::compile_maintenance).
#[derive(Debug, Default)]
pub struct Maintenance(pub(crate) Vec<MaintenanceWindow>);

/// A time that comes again and again.
#[derive(Debug)]
pub(crate) struct MaintenanceWindow {
    /// Its name, or its number.
    pub(crate) name: String,
    /// When it opens; in a time zone.
    pub(crate) opens: Crontab,
    /// How long it stays open.
    pub(crate) duration: Duration,
    pub(crate) matching: Arc<Matching>,
    /// Its `match`, as the configuration has it.
    pub(crate) written: Value,
}

impl Maintenance {
    /// The windows that are open at `now`.
    pub(crate) fn open(&self, now: Timestamp) -> Vec<OpenWindow> {
        let open = self.0.iter().filter_map(|window| window.open(now));
        open.collect()
    }
}

impl MaintenanceWindow {
    fn open(&self, now: Timestamp) -> Option<OpenWindow> {
        let since = self
            .next(now - self.duration)
            .filter(|since| *since <= now)?;
        let mut last = since;
        for _ in 0..MOST_JOINED {
            match self.next(last) {
                Some(next) if next <= last + self.duration => last = next,
                _ => break,
            }
        }
        Some(OpenWindow {
            name: self.name.clone(),
            since,
            until: last + self.duration,
            matching: self.written.clone(),
            hold_back: self.matching.clone(),
        })
    }

    /// When it opens next after `after`; `None` if never.
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = MakeTimestamp::from_millisecond(after.as_millis()).ok()?;
        let next = self.opens.find_next(after).ok()?;
        Some(Timestamp::from_millis(next.timestamp().as_millisecond()))
    }
}
