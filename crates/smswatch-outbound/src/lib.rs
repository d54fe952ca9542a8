//! HTTP out: one client for everything that smswatch calls over HTTP.
//!
//! Three decisions are made here, once for Routee, the heartbeat, the sinks and the commands:
//!
//! - which proxy a request leaves through ([`Route`]);
//! - that certificates are needed only where `https://` is spoken to ([`HttpClient::new`]);
//! - how a request that got no answer is explained: by its cause, with host and port, and without
//!   the rest of the URL, which may hold a secret ([`HttpClient::explain`]).

mod cause;
mod certificates;
mod client;
mod route;

pub use certificates::{NoCertificates, require_certificates};
pub use client::{ClientOptions, HttpClient, SetupError};
pub use route::{Hop, Route, UnusableProxy, address};
