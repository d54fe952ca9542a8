//! Name resolution that leaves out addresses that are not the public internet.
//!
//! The check stands here, between resolving and connecting, so that a name cannot be harmless when
//! it is checked and harmful when it is used.

use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::Guard;

/// Resolves names to addresses that may be connected to.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    guard: Guard,
    proxy: Option<String>,
}

impl GuardedResolver {
    /// Resolves the name of the `proxy`, whose address is usually private, to whatever it has.
    pub(crate) fn new(guard: Guard, proxy: Option<String>) -> Self {
        Self { guard, proxy }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let proxy = self.proxy.as_deref();
        let guard = self.guard;
        let is_proxy = proxy.is_some_and(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let resolved: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if is_proxy {
                return Ok(Box::new(resolved.into_iter()) as Addrs);
            }
            let open = allowed(guard, resolved)?;
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// Those of `addresses` that may be connected to.
///
/// A name with addresses of both kinds keeps the public ones: nothing forbidden is connected to,
/// and split-horizon names keep working.
fn allowed(
    guard: Guard,
    mut addresses: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let mut refusal = None;
    addresses.retain(|address| match guard.check(address.ip()) {
        Ok(()) => true,
        Err(forbidden) => {
            refusal = Some(forbidden);
            false
        }
    });
    match refusal {
        Some(forbidden) if addresses.is_empty() => Err(forbidden.into()),
        _ if addresses.is_empty() => Err(io::Error::other("the name has no address").into()),
        _ => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Forbidden;

    const CLOSED: Guard = Guard::Closed { has_option: true };

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts
            .iter()
            .map(|text| SocketAddr::new(text.parse().expect(text), 0))
            .collect()
    }

    #[test]
    fn only_public_addresses_are_left() {
        let mixed = addresses(&["127.0.0.1", "1.1.1.1", "::1"]);
        assert_eq!(
            allowed(CLOSED, mixed).expect("one is public"),
            addresses(&["1.1.1.1"])
        );
        let error = allowed(CLOSED, addresses(&["10.0.0.1"])).expect_err("none is public");
        assert!(error.is::<Forbidden>(), "{error}");
        let error = allowed(CLOSED, Vec::new()).expect_err("there is none");
        assert!(!error.is::<Forbidden>(), "{error}");
    }
}
