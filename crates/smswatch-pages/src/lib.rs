//! The web pages of smswatch: what the API tells, as HTML that works without JavaScript.
//!
//! Each function takes what the API answers (types of [`smswatch_api`]) and returns a whole page. Here is neither a
//! server nor an engine: `smswatch-http` fetches, checks who may see and change what, and sends.
//!
//! Everything that is shown is escaped, since the macro of the templates escapes what it is given. Pages name no address
//! but their own, and have neither styles nor scripts within them, so that a strict `Content-Security-Policy` holds.

mod assets;
mod campaigns;
mod day;
mod deliveries;
mod frame;
mod link;
mod login;
pub mod matching;
mod messages;
mod now;
mod plot;
mod preview;
mod problem;
mod rules;
#[cfg(test)]
mod sample;
mod silences;
mod sinks;
mod story;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use assets::{Asset, asset};
pub use campaigns::campaigns;
pub use day::Told;
pub use deliveries::{Confirm, Deliveries, confirm, deliveries, deliveries_address, delivery};
pub use frame::{Done, Frame, Visitor};
pub use login::{Refusal, login};
pub use messages::{Found, STUCK, Search, messages};
pub use now::{Known, Now, now};
pub use preview::{Shown, preview};
pub use problem::{problem, starting};
pub use rules::{Replay, ReplayCount, ReplayRow, Replayed, Rules, Tried, rules};
pub use silences::{Draft, new_silence, silences};
pub use sinks::{Sink, sinks};
pub use story::story;
