//! Limits how often an address may send a wrong token.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many wrong tokens one address may try within [`WINDOW`].
const MOST: u32 = 10;

/// For how long wrong tokens count.
const WINDOW: Duration = Duration::from_secs(60);

/// How many addresses are remembered; beyond that all of them are taken for one.
const MOST_ADDRESSES: usize = 1000;

/// The wrong tokens of late, by address. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts(Arc<Mutex<HashMap<IpAddr, Wrong>>>);

#[derive(Debug, Clone, Copy)]
struct Wrong {
    since: Instant,
    count: u32,
}

impl Attempts {
    /// How long an address has to wait before it may try again; `None` if it need not.
    pub(crate) fn must_wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = known.get(&network(from)).or_else(|| known.get(&CROWD))?;
        let end = wrong.since + WINDOW;
        (wrong.count >= MOST && now < end).then(|| end - now)
    }

    /// Notes that an address tried a wrong token.
    pub(crate) fn was_wrong(&self, from: IpAddr, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, wrong| now < wrong.since + WINDOW);
        let mut from = network(from);
        if known.len() >= MOST_ADDRESSES && !known.contains_key(&from) {
            from = CROWD;
        }
        let none = Wrong {
            since: now,
            count: 0,
        };
        known.entry(from).or_insert(none).count += 1;
    }
}

/// In whose place those stand that are too many to be remembered.
const CROWD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// What one person has of addresses: one of IPv4, a network of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn who_was_wrong_too_often_waits_and_others_do_not() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..MOST {
            assert_eq!(attempts.must_wait(address("10.0.0.7"), now), None);
            attempts.was_wrong(address("10.0.0.7"), now);
        }
        let wait = |text, now| attempts.must_wait(address(text), now);
        assert_eq!(wait("10.0.0.7", now), Some(WINDOW));
        assert_eq!(wait("::ffff:10.0.0.7", now), Some(WINDOW));
        assert_eq!(wait("10.0.0.8", now), None);
        assert_eq!(wait("10.0.0.7", now + WINDOW), None);
    }

    #[test]
    fn many_addresses_are_taken_for_one() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for n in 0..u32::try_from(MOST_ADDRESSES).expect("few") + MOST {
            attempts.was_wrong(IpAddr::V4((0x0a00_0000 + n).into()), now);
        }
        assert!(attempts.must_wait(address("192.0.2.1"), now).is_some());
        let ours = attempts.0.lock().expect("nobody panicked").len();
        assert_eq!(ours, MOST_ADDRESSES + 1);
    }
}
