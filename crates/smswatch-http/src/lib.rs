//! The HTTP door of smswatch: the API under `/v1`, health, metrics and the front page.
//!
//! Everything is asked of [`smswatch_core::Service`]; here is only what HTTP itself needs: who may
//! call, what a request says, what an answer looks like.

mod address;
mod auth;
mod callbacks;
mod connections;
mod door;
mod guard;
mod problem;
mod query;
mod replies;
mod request;
mod routes;
mod server;
mod since;

pub use auth::{ApiToken, Scope};
pub use callbacks::{CallbackDoor, CallbackOptions};
pub use door::StartupGate;
pub use server::{HttpOptions, Server};
