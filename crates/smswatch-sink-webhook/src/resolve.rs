//! Name resolution that leaves out addresses that are not the public internet.
//!
//! The check stands here, between resolving and connecting, so that a name cannot be harmless when
//! it is checked and harmful when it is used.

use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::not_public;

/// The receiver's address is one that webhooks may not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forbidden {
    kind: &'static str,
}

impl Forbidden {
    /// Refuses `address` unless it is of the public internet.
    pub(crate) fn check(address: IpAddr) -> Result<(), Self> {
        not_public(address).map_or(Ok(()), |kind| Err(Self { kind }))
    }
}

impl std::fmt::Display for Forbidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "the receiver has a {} address, which webhooks reach only with `allow_private: true`",
            self.kind
        )
    }
}

impl std::error::Error for Forbidden {}

/// Resolves names to public addresses only.
#[derive(Debug, Clone)]
pub(crate) struct PublicOnly {
    proxy: Option<String>,
}

impl PublicOnly {
    /// With any address for the name of the `proxy`, which is usually a private one.
    pub(crate) fn except(proxy: Option<String>) -> Self {
        Self { proxy }
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let proxy = self.proxy.as_deref();
        let is_proxy = proxy.is_some_and(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let resolved: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if is_proxy {
                return Ok(Box::new(resolved.into_iter()) as Addrs);
            }
            let public = public_only(resolved)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Those of `addresses` that are public.
///
/// A name with addresses of both kinds keeps the public ones: nothing forbidden is connected to,
/// and split-horizon names keep working.
fn public_only(
    mut addresses: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let mut refusal = None;
    addresses.retain(|address| match Forbidden::check(address.ip()) {
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
            public_only(mixed).expect("one is public"),
            addresses(&["1.1.1.1"])
        );
        let error = public_only(addresses(&["10.0.0.1"])).expect_err("none is public");
        assert!(error.is::<Forbidden>(), "{error}");
        let error = public_only(Vec::new()).expect_err("there is none");
        assert!(!error.is::<Forbidden>(), "{error}");
    }
}
