//! What a sink says when a notification was delivered.

use std::fmt;

use smswatch_model::Overrides;

use super::told;

/// The longest text that a receipt may ask to remember, in bytes.
const MAX_REMEMBERED: usize = 2_000;

/// What the other side said when it took a notification.
///
/// A sink with several destinations may have reached only some of them. What was refused for good goes
/// to [`left_out`](Self::left_out), and what can still be reached to [`with_rest`](Self::with_rest).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    detail: String,
    left_out: Option<String>,
    rest: Option<Overrides>,
    remembered: Option<String>,
}

impl Receipt {
    /// A receipt with the other side's words, cut to a bounded length; what may be a telephone number in them
    /// is masked.
    #[must_use]
    pub fn new(detail: impl fmt::Display) -> Self {
        Self {
            detail: told(&detail.to_string()),
            ..Self::default()
        }
    }

    /// Says who was refused for good and why. It is shown as trouble of the sink until a later
    /// notification reaches all of the same destinations, so it must hold no credential.
    #[must_use]
    pub fn left_out(mut self, what: impl fmt::Display) -> Self {
        self.left_out = Some(told(&what.to_string()));
        self
    }

    /// Asks for a delivery of its own to those who could not be reached yet, with these overrides in place
    /// of the notification's. It has its own retries; those who were reached get nothing again.
    #[must_use]
    pub fn with_rest(mut self, overrides: Overrides) -> Self {
        self.rest = Some(overrides);
        self
    }

    /// Asks to hand `what` back with the next notification of the same [`key`](smswatch_model::Notification::key)
    /// and destination: see [`Sink::deliver_again`](super::Sink::deliver_again). It replaces what was remembered before,
    /// is stored, and must hold no credential.
    /// A text of more than 2,000 bytes is not remembered.
    #[must_use]
    pub fn remember(mut self, what: impl Into<String>) -> Self {
        let what = what.into();
        self.remembered = (what.len() <= MAX_REMEMBERED).then_some(what);
        self
    }

    /// The other side's words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Who was refused for good and why; `None` if everybody was reached or can still be.
    #[must_use]
    pub fn refusals(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// What is to be handed back with the next notification of the same key, or `None` if nothing is.
    #[must_use]
    pub fn remembered(&self) -> Option<&str> {
        self.remembered.as_deref()
    }

    /// The overrides of the delivery to those who could not be reached yet, or `None` if all were.
    #[must_use]
    pub fn rest(&self) -> Option<&Overrides> {
        self.rest.as_ref()
    }
}
