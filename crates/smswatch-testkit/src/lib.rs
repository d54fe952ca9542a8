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

/// Tries again what fails while that is passing, as a machine with much else to do makes it fail.
///
/// # Panics
///
/// It fails for good, or for longer than [`PATIENCE`].
pub async fn patiently<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
    mut attempt: impl FnMut() -> F,
    is_passing: impl Fn(&E) -> bool,
) -> T {
    let begun = tokio::time::Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(
                is_passing(&error) && begun.elapsed() < PATIENCE,
                "it does not pass: {error}"
            ),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Installs the TLS provider that the program installs at its start; more than once does no harm.
pub fn install_tls_provider() {
    // The only error is that another call was first, which is just as well.
    drop(rustls::crypto::ring::default_provider().install_default());
}
