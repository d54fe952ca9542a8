//! How the effective configuration shows what is secret.

use serde::{Serialize, Serializer};
use smswatch_plugin::Secret;

/// What is shown in place of a secret.
pub(crate) const HIDDEN: &str = "[hidden]";

pub(super) fn hidden<S: Serializer>(_: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(HIDDEN)
}

pub(super) fn hidden_if_any<S: Serializer>(
    secret: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| HIDDEN).serialize(serializer)
}

pub(super) fn without_login<S: Serializer>(url: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(url))
}

pub(super) fn proxy_without_login<S: Serializer>(
    url: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    url.as_ref().map(shown).serialize(serializer)
}

/// A URL whose login and query are hidden.
pub(crate) fn shown(url: &Secret) -> String {
    let url = url.reveal();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let rest = match rest.rsplit_once('@') {
        Some((_, address)) => format!("{HIDDEN}@{address}"),
        None => rest.to_owned(),
    };
    match rest.split_once('?') {
        Some((address, _)) => format!("{scheme}://{address}?{HIDDEN}"),
        None => format!("{scheme}://{rest}"),
    }
}
