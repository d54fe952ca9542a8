//! What the HTTP API and its callers say to each other: requests, replies and problems, each once.
//!
//! The server builds these types, and the commands read them. Each noun has a file of its own. Nothing here runs but
//! the typed client, which comes with the feature `client`.
//!
//! The two sides may be of different versions. So a caller is lenient: it skips fields that it does not
//! know, keeps words that it does not know (see [`DeliveryState::Other`](deliveries::DeliveryState::Other)),
//! and takes counts, lists and optional values that are missing as zero, empty and `None`. The server reads
//! requests strictly: a field that it does not know is a mistake of the caller.

pub mod campaigns;
#[cfg(feature = "client")]
pub mod client;
pub mod deliveries;
pub mod events;
pub mod groups;
pub mod health;
pub mod list;
pub mod problem;
pub mod reload;
pub mod rules;
mod schema;
pub mod set_aside;
pub mod silences;
pub mod sinks;
pub mod stats;
mod watch_state;
pub mod watches;
mod words;

/// The header by which an answer of smswatch is known from those of other programs; its value is the
/// version that answered.
pub const VERSION_HEADER: &str = "smswatch-version";

/// The header with the name of a request: the caller's, or one that the server gave it. The log has it, too.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
