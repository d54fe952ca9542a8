//! The switches: one for each thing that the provider's contract leaves open, and for its moods.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::callback::CallbackSwitches;
use crate::fault::{FaultRule, RetryAfter};
use crate::shape::Shape;

/// Everything that can be changed while the simulator runs. The default is the documented Routee.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Every answer (the admin calls excepted) takes at least this long, in milliseconds.
    pub latency_ms: u64,
    /// A random addition to `latency_ms`, up to this many milliseconds.
    pub jitter_ms: u64,
    /// A limit of requests per second over all endpoints but the token's; beyond it: 429.
    pub rate_limit: Option<RateLimit>,
    /// Tokens.
    pub auth: AuthSwitches,
    /// When ids are visible, and for how long.
    pub tracking: TrackingSwitches,
    /// The searches that answer pages.
    pub list: ListSwitches,
    /// Callbacks.
    pub callbacks: CallbackSwitches,
    /// How answers and callbacks are written.
    pub shape: Shape,
    /// Answers that go wrong; the first rule that applies to a request is taken.
    pub faults: Vec<FaultRule>,
}

/// A real limit: a bucket that fills at `requests_per_second`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests per second.
    pub requests_per_second: f64,
    /// How many may come at once; by default one second's worth.
    #[serde(default)]
    pub burst: Option<f64>,
    /// The `Retry-After` of the 429.
    #[serde(default)]
    pub retry_after: RetryAfter,
}

/// How tokens are given and taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSwitches {
    /// What the answer says as `expires_in`: any JSON value, `"absent"` for no field, and
    /// `"remaining"` for the truth.
    pub expires_in: Value,
    /// How long a token really lives, in milliseconds.
    pub lifetime_ms: u64,
    /// After this many uses a token is dead, whatever was promised.
    pub dies_after_uses: Option<u64>,
    /// Hands back the same live token, as the documentation's sample suggests.
    pub same_token: bool,
    /// The text of `token_type`; `null` leaves it out.
    pub token_type: Option<String>,
    /// The token endpoint answers this status, even to the right credentials.
    pub refuse: Option<u16>,
    /// The status for wrong credentials.
    pub wrong_credentials_status: u16,
    /// The token endpoint takes this much longer, in milliseconds.
    pub latency_ms: u64,
    /// The status for a missing, dead or unknown bearer on a resource.
    pub bad_bearer_status: u16,
    /// Every bearer is refused, also a fresh one, with `bad_bearer_status`.
    pub reject_all: bool,
    /// Off: resources do not look at the bearer at all.
    pub check_bearer: bool,
}

impl Default for AuthSwitches {
    fn default() -> Self {
        Self {
            expires_in: json!("remaining"),
            lifetime_ms: 3_600_000,
            dies_after_uses: None,
            same_token: false,
            token_type: Some("bearer".to_owned()),
            refuse: None,
            wrong_credentials_status: 401,
            latency_ms: 0,
            bad_bearer_status: 401,
            reject_all: false,
            check_bearer: true,
        }
    }
}

/// When a message can be tracked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackingSwitches {
    /// A message that was just accepted is not found for this long, in milliseconds.
    pub not_visible_ms: u64,
    /// A message older than this is not found any more, in milliseconds; `null`: kept for ever.
    pub retention_ms: Option<u64>,
    /// The status for an id that is no UUID and not registered: 404 or 400.
    pub malformed_id_status: u16,
}

impl Default for TrackingSwitches {
    fn default() -> Self {
        Self {
            not_visible_ms: 0,
            retention_ms: None,
            malformed_id_status: 404,
        }
    }
}

/// How the searches treat what the documentation leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListSwitches {
    /// The page size without `size`; 20 today, 10 in 2017.
    pub default_size: usize,
    /// The largest page.
    pub max_size: usize,
    /// A larger `size` is answered 400 instead of being cut to the largest.
    pub reject_oversize: bool,
    /// A window that begins more than this many milliseconds ago is answered 400.
    pub window_ms: u64,
    /// Off: a window that begins too early is cut instead of refused.
    pub reject_old_window: bool,
    /// The window is compared with the date of the last status, not with that of the acceptance.
    pub window_by_status: bool,
    /// Several filters: one is enough, instead of all being required.
    pub any_filter: bool,
    /// Rows move between two pages: how many rows after the end of the page before it a page begins
    /// (these are on no page) or, below 0, earlier (these are on two).
    pub shift: i64,
}

impl Default for ListSwitches {
    fn default() -> Self {
        Self {
            default_size: 20,
            max_size: 2_000,
            reject_oversize: false,
            window_ms: 7 * 24 * 3_600_000,
            reject_old_window: true,
            window_by_status: false,
            any_filter: false,
            shift: 0,
        }
    }
}

impl Switches {
    /// The switches after a merge patch (RFC 7386): what is not named stays, `null` is the default.
    ///
    /// # Errors
    ///
    /// Names the key or the value that is not known.
    pub fn merged(&self, patch: &Value) -> Result<Self, serde_json::Error> {
        let mut document = serde_json::to_value(self)?;
        merge(&mut document, patch);
        serde_json::from_value(document)
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().expect("made an object above");
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.as_str()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_changes_what_it_names_and_null_is_the_default() {
        let slow = Switches::default()
            .merged(&json!({"latency_ms": 5, "auth": {"same_token": true, "lifetime_ms": 9}}))
            .expect("known keys");
        assert_eq!((slow.latency_ms, slow.auth.lifetime_ms), (5, 9));
        let back = slow
            .merged(&json!({"auth": {"lifetime_ms": null}}))
            .expect("known keys");
        assert_eq!((back.latency_ms, back.auth.lifetime_ms), (5, 3_600_000));
        assert!(back.auth.same_token);
        assert!(back.merged(&json!({"latncy_ms": 1})).is_err());
    }

    #[test]
    fn the_readme_names_every_switch() {
        let readme = include_str!("../README.md");
        let Ok(Value::Object(switches)) = serde_json::to_value(Switches::default()) else {
            panic!("switches are an object");
        };
        for (name, value) in switches {
            let names = match value {
                Value::Object(fields) => fields
                    .keys()
                    .map(|field| format!("`{name}.{field}`"))
                    .collect(),
                _ => vec![format!("`{name}`")],
            };
            for name in names {
                assert!(readme.contains(&name), "{name}");
            }
        }
    }
}
