//! Templates and expressions over notifications: for the words of rules, and for whatever a sink writes.
//!
//! One engine with one set of filters serves all of them. A template is tried on samples of everything that it can be
//! given when it is [added](Templates::add), so that a mistake in it is told when the configuration is loaded.

mod data;
mod escape;
mod filters;
pub mod sample;
mod suggest;
mod templates;

pub use escape::Escape;
pub use suggest::did_you_mean;
pub use templates::{TemplateName, TemplateTrouble, Templates};
