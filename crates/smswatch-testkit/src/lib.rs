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

/// How long a test waits for what must come, be it by the end of a lease of 40 s, on a machine that does much else. Where
/// all is well, nobody waits for so long.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

/// Installs the TLS provider that the program installs at its start; more than once does no harm.
pub fn install_tls_provider() {
    // The only error is that another call was first, which is just as well.
    drop(rustls::crypto::ring::default_provider().install_default());
}
