//! The result of checking whether the other side can be reached.

/// The result of a [`Sink::probe`](super::Sink::probe) or a
/// [`Provider::probe`](crate::provider::Provider::probe) that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// There is nothing to check.
    Nothing,
    /// The other side answered; what it said, or what was checked, in a few words.
    Answered(String),
}
