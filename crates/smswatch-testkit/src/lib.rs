//! Suites that every store and every sink must pass, and the real servers on loopback they need.

pub mod alertmanager;
mod fake_clock;
pub mod memory_store;
pub mod proxy;
pub mod receiver;
pub mod redis_server;
pub mod sample;
pub mod sink_suite;
pub mod smtp_server;
pub mod socks_proxy;
pub mod store_suite;

pub use fake_clock::FakeClock;

/// Installs the TLS provider that the program installs at its start; more than once does no harm.
pub fn install_tls_provider() {
    // The only error is that another call was first, which is just as well.
    drop(rustls::crypto::ring::default_provider().install_default());
}
