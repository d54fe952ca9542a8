//! A value that a reload replaces as a whole while others read it.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;
use smswatch_model::{Event, Notification, Timestamp};

use crate::rules::{
    CompiledMatch, InvalidMatch, Measured, OpenWindow, RateSettings, RuleMatch, RuleVerdict, Rules,
    StuckAfter, Throttled, Told, UnlessFiring, Words,
};

/// A value that can be replaced. Code that has read it keeps what it has read.
pub(crate) struct Live<T: ?Sized>(RwLock<Arc<T>>);

impl<T: ?Sized> Live<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(RwLock::new(value))
    }

    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, value: Arc<T>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(formatter)
    }
}

/// The rules of the configuration that was loaded last: each call is answered by those of its moment.
impl Rules for Live<dyn Rules> {
    fn matches(&self, events: &[Event], told: &Told) -> Vec<RuleMatch> {
        self.get().matches(events, told)
    }

    fn keeps_marks(&self, event: &Event) -> bool {
        self.get().keeps_marks(event)
    }

    fn throttled(&self, event: &Event) -> Vec<Throttled> {
        self.get().throttled(event)
    }

    fn stuck_after(&self) -> Arc<[StuckAfter]> {
        self.get().stuck_after()
    }

    fn unless_firing(&self, event: &Event) -> Vec<UnlessFiring> {
        self.get().unless_firing(event)
    }

    fn rate_settings(&self, rule: &str) -> Option<RateSettings> {
        self.get().rate_settings(rule)
    }

    fn measured(&self, event: &Event) -> Vec<Measured> {
        self.get().measured(event)
    }

    fn words(&self, notification: &Notification, sink: &str) -> Words {
        self.get().words(notification, sink)
    }

    fn explain(&self, event: &Event, told: &Told) -> Vec<RuleVerdict> {
        self.get().explain(event, told)
    }

    fn hold_back(&self, matching: &Value) -> Result<CompiledMatch, InvalidMatch> {
        self.get().hold_back(matching)
    }

    fn names(&self) -> Vec<String> {
        self.get().names()
    }

    fn open_windows(&self, now: Timestamp) -> Vec<OpenWindow> {
        self.get().open_windows(now)
    }
}
