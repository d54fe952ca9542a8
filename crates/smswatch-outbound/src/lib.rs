//! HTTP out: one client for everything that smswatch calls over HTTP.
//!
//! Four decisions are made here, once for Routee, the heartbeat, the sinks and the commands:
//!
//! - which proxy a request leaves through ([`Route`]);
//! - that certificates are needed only where `https://` is spoken to ([`HttpClient::new`]);
//! - that an answer is read within bounds, and unpacked if it was compressed on the way
//!   ([`read_body`]);
//! - how a request that got no answer is explained: by its cause, with host and port, and without
//!   the rest of the URL, which may hold a secret ([`HttpClient::explain`]).

mod body;
mod cause;
mod certificates;
mod client;
mod environment;
mod route;

pub use body::{BodyError, read_body, unpacked_beginning};
pub use certificates::{NoCertificates, require_certificates, trusted_certificates};
pub use client::{ClientOptions, HttpClient, SetupError};
pub use route::{Hop, Route, UnusableProxy, address};
