//! Messages that come in from a handset: they are told once, and never tracked.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::agenda::Post;
use super::figures::count;
use crate::clock::{DateForm, format_date};
use crate::error::SimError;
use crate::ids;
use crate::world::World;

/// A message that comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbound {
    /// The handset.
    pub from: String,
    /// The rented number.
    pub to: String,
    /// The text.
    pub message: String,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            from: "+306900000009".to_owned(),
            to: "306900000000".to_owned(),
            message: "STOP".to_owned(),
        }
    }
}

impl World {
    /// Tells of a message that came in; says whether there is a URL to tell it at.
    pub(crate) fn receive(&self, inbound: &Inbound) -> Result<bool, SimError> {
        let active = self.active();
        let Some(callback) = active.switches.callbacks.default_callback() else {
            return Ok(false);
        };
        let now_ms = self.clock.now_ms();
        let id = ids::uuid(self.random(), self.random());
        let body = json!({
            "from": inbound.from,
            "to": inbound.to,
            "messageId": &*id,
            "message": inbound.message,
            "parts": 1,
            "receivedDate": format_date(now_ms, DateForm::Seconds).as_deref(),
            "direction": "Inbound",
            "originatingService": "Sms",
            "price": 0.006,
        });
        let key = ids::mix(self.random());
        let post = Post::new(&callback.url, body.to_string().into(), key)
            .ok_or_else(|| SimError::Invalid(format!("`{}` is no URL", callback.url)))?;
        count(&self.callbacks.figures.told);
        self.callbacks.post([(now_ms, post)]);
        Ok(true)
    }
}
