//! Suites that every store and every sink must pass, and the real servers on loopback they need.

pub mod receiver;
pub mod redis_server;
pub mod sink_suite;
pub mod smtp_server;
pub mod store_suite;
