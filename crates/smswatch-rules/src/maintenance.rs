//! Maintenance windows: times that come again and again, in which something is held back.

use std::sync::Arc;
use std::time::Duration;

use cronexpr::{Crontab, MakeTimestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use smswatch_model::Timestamp;
use smswatch_plugin::rules::OpenWindow;

use crate::hold_back::Matching;

/// How many beginnings that overlap make one window at most; the next ones are found when it has come to them.
const MOST_JOINED: usize = 64;

/// By how much clocks are set at once at most.
const SET_BY: Duration = Duration::from_secs(3 * 3600);

/// The maintenance windows of a configuration, made by [`compile_maintenance`](crate::compile_maintenance).
#[derive(Debug, Default)]
pub struct Maintenance(pub(crate) Vec<MaintenanceWindow>);

/// A time that comes again and again.
#[derive(Debug)]
pub(crate) struct MaintenanceWindow {
    /// Its name, or its number.
    pub(crate) name: String,
    /// When it opens, by the clocks on the walls of its time zone.
    pub(crate) opens: Crontab,
    pub(crate) zone: TimeZone,
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
        // Clocks that were set meanwhile may show an earlier beginning later, and a later one earlier.
        let mut openings = self.openings(self.wall(now - self.duration - SET_BY)?);
        let since = openings.find(|since| *since + self.duration > now)?;
        if since > now {
            return None;
        }
        let mut last = since;
        for next in openings.take(MOST_JOINED) {
            if next > last + self.duration {
                break;
            }
            last = next;
        }
        Some(OpenWindow {
            name: self.name.clone(),
            since,
            until: last + self.duration,
            matching: self.written.clone(),
            hold_back: self.matching.clone(),
        })
    }

    /// What the clocks on the walls show.
    fn wall(&self, at: Timestamp) -> Option<DateTime> {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        Some(self.zone.to_datetime(at))
    }

    /// When it opens after the clocks on the walls have shown this. A beginning that they skip comes as much
    /// later as they are set forward; one that they show twice counts once.
    fn openings(&self, mut after: DateTime) -> impl Iterator<Item = Timestamp> {
        std::iter::from_fn(move || {
            // The expression knows no zone: it takes the walls for those of UTC.
            let wall = TimeZone::UTC.to_timestamp(after).ok()?;
            let wall = MakeTimestamp::from_millisecond(wall.as_millisecond()).ok()?;
            let next = self.opens.find_next(wall).ok()?.timestamp();
            let next = jiff::Timestamp::from_millisecond(next.as_millisecond()).ok()?;
            after = TimeZone::UTC.to_datetime(next);
            let opening = self.zone.to_timestamp(after).ok()?;
            Some(Timestamp::from_millis(opening.as_millisecond()))
        })
    }
}
