//! Whom a client may connect to: the public internet alone, unless the operator allows more.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::Url;

use crate::address::not_public;

/// Whether addresses are open that are not of the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// All are.
    Open,
    /// They are not.
    Closed {
        /// Whether the sink has an option that opens them.
        has_option: bool,
    },
}

/// The receiver's address is one that must not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forbidden {
    kind: &'static str,
    has_option: bool,
}

impl Guard {
    /// Refuses `address` unless it may be connected to.
    pub(crate) fn check(self, address: IpAddr) -> Result<(), Forbidden> {
        match (self, not_public(address)) {
            (Self::Closed { has_option }, Some(kind)) => Err(Forbidden { kind, has_option }),
            _ => Ok(()),
        }
    }

    /// Refuses a URL that names an address itself: no resolver ever sees that one.
    pub(crate) fn check_url(self, url: &Url) -> Result<(), Forbidden> {
        known_address(url).map_or(Ok(()), |address| self.check(address))
    }
}

impl std::fmt::Display for Forbidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kind;
        let a = match kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
            true => "an",
            false => "a",
        };
        match self.has_option {
            true => write!(
                formatter,
                "the receiver has {a} {kind} address, which is reached only with `allow_private: true`"
            ),
            false => write!(
                formatter,
                "the receiver has {a} {kind} address, and this sink connects to public ones only"
            ),
        }
    }
}

impl std::error::Error for Forbidden {}

/// The address that is known without looking up a name.
fn known_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let name = host.trim_end_matches('.');
    // A proxy would look it up on its own machine.
    if name == "localhost" || name.ends_with(".localhost") {
        return Some(IpAddr::from(Ipv4Addr::LOCALHOST));
    }
    bare.unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_said_in_good_english() {
        let guard = Guard::Closed { has_option: true };
        for (address, begin) in [
            ("0.0.0.0", "the receiver has an unspecified address,"),
            ("10.0.0.1", "the receiver has a private address,"),
            ("127.0.0.1", "the receiver has a loopback address,"),
        ] {
            let checked = guard.check(address.parse().expect("an address"));
            let said = checked.expect_err("it is not public").to_string();
            assert!(said.starts_with(begin), "{said}");
        }
    }
}
