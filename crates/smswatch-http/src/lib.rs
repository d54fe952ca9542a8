//! The HTTP door of smswatch: the API under `/v1`, health, metrics and the front page.
//!
//! Which routes there are stands in `routes/table.rs`, each with what it takes and answers; [`openapi`] tells it.
//! Everything is asked of [`smswatch_core::Service`]; here is only what HTTP itself needs: who may
//! call, what a request says, what an answer looks like.

mod address;
mod auth;
mod callbacks;
mod connections;
mod described;
mod door;
mod guard;
mod headers;
mod leftover;
mod page;
mod problem;
mod query;
mod replies;
mod request;
mod request_id;
mod routes;
mod server;
mod since;
mod trial;

pub use auth::{ApiToken, Scope};
pub use callbacks::{CallbackDoor, CallbackOptions};
pub use door::StartupGate;
pub use routes::openapi;
pub use server::{HttpOptions, Server};
pub use trial::RuleReader;
