//! The names of things: what the provider names, checked, and what smswatch names, derived.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 200 visible ASCII characters")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes `text` as an id.
            ///
            /// # Errors
            ///
            /// The text is empty, longer than 200 characters, or holds anything but visible ASCII.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                let text = text.as_ref();
                let fits = (1..=200).contains(&text.len());
                if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId)
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(text).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 200,
                    "pattern": "^[!-~]+$",
                })
            }
        }
    };
}

macro_rules! compared_exactly {
    ($($name:ident),*) => {$(
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.cmp(&other.0)
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        ordered!($name);
    )*};
}

macro_rules! compared_without_case {
    ($($name:ident),*) => {$(
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                let lower = |byte: u8| byte.to_ascii_lowercase();
                self.0.bytes().map(lower).cmp(other.0.bytes().map(lower))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                for byte in self.0.bytes() {
                    state.write_u8(byte.to_ascii_lowercase());
                }
                state.write_u8(0xff);
            }
        }

        ordered!($name);

        impl $name {
            /// The id in lower case: the one spelling of all those that are equal to it.
            #[must_use]
            pub fn to_lowercase(&self) -> Self {
                if self.0.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    Self(self.0.to_ascii_lowercase().into())
                } else {
                    self.clone()
                }
            }
        }
    )*};
}

macro_rules! ordered {
    ($name:ident) => {
        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
    };
}

id! {
    /// A message's name at the provider (Routee's trackingId); all its parts share it. It keeps its
    /// spelling and is compared without case: a GUID is often printed in upper case and answered in
    /// lower case.
    MessageId
}
id! {
    /// A part's name at the provider, compared without case.
    SmsId
}
compared_without_case!(MessageId, SmsId);

impl SmsId {
    /// A name for the part at this place, from 1, of a message whose parts the provider does not name.
    ///
    /// It ends in a colon and the place. As soon as the provider names the part, that name replaces
    /// this one: see [`diff`](crate::diff).
    #[must_use]
    pub fn unnamed(message: &MessageId, place: u32) -> Self {
        let message = &message.0[..message.0.len().min(180)];
        Self(format!("{message}:{place}").into())
    }

    /// The place of a part that the provider has not named; `None` if it has.
    #[must_use]
    pub fn unnamed_place(&self) -> Option<u32> {
        self.0.rsplit_once(':')?.1.parse().ok()
    }
}

id! {
    /// An event's name, derived from what happened, so that finding it twice names it once.
    EventId
}
id! {
    /// A notification's name, derived from its rule and its events.
    NotificationId
}
id! {
    /// A delivery's name, derived from its sink, its rule and its events; a receiver's key against repeats.
    DeliveryId
}
compared_exactly!(EventId, NotificationId, DeliveryId);

/// Names a thing by `prefix` and 128 bits of a hash over `inputs`, each set apart from the next.
pub(crate) fn derive<'a>(prefix: &str, inputs: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update((input.len() as u64).to_be_bytes());
        hash.update(input);
    }
    let mut digits = [0; 32];
    hex::encode_to_slice(&hash.finalize()[..16], &mut digits).expect("two digits for each byte");
    let digits = std::str::from_utf8(&digits).expect("digits are ASCII");
    [prefix, digits].concat()
}

macro_rules! derived {
    ($name:ident, $prefix:literal) => {
        impl $name {
            pub(crate) fn derived<'a>(inputs: impl IntoIterator<Item = &'a [u8]>) -> Self {
                Self(derive($prefix, inputs).into())
            }
        }
    };
}

derived!(EventId, "evt_");
derived!(NotificationId, "ntf_");
derived!(DeliveryId, "dlv_");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_visible_ascii_of_bounded_length() {
        for text in [
            "a",
            "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01",
            &"x".repeat(200),
        ] {
            assert_eq!(MessageId::new(text).expect(text).as_str(), text);
        }
        for text in ["", "a b", "a\n", "é", &"x".repeat(201)] {
            assert_eq!(MessageId::new(text), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn names_of_the_provider_are_equal_whatever_their_case_and_keep_their_spelling() {
        let [upper, lower] =
            ["3D0C6A3E-B01", "3d0c6a3e-b01"].map(|id| MessageId::new(id).expect(id));
        assert_eq!(upper, lower);
        assert_eq!(upper.cmp(&lower), Ordering::Equal);
        let ids = std::collections::HashSet::from([upper.clone(), lower.clone()]);
        assert_eq!(ids.len(), 1);
        assert_eq!(upper.as_str(), "3D0C6A3E-B01");
        assert_eq!(upper.to_lowercase().as_str(), lower.as_str());
        let event = |id| EventId::new(id).expect(id);
        assert_ne!(event("evt_A"), event("evt_a"));
    }

    #[test]
    fn a_part_without_a_name_is_known_by_its_place() {
        let message = MessageId::new("m:".repeat(100)).expect("a valid id");
        let unnamed = SmsId::unnamed(&message, 255);
        assert_eq!(unnamed.unnamed_place(), Some(255));
        assert_eq!(SmsId::new(unnamed.as_str()), Ok(unnamed));
        let named = SmsId::new("7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01").expect("a valid id");
        assert_eq!(named.unnamed_place(), None);
    }

    #[test]
    fn inputs_do_not_run_into_each_other() {
        let joined = |inputs: &[&str]| derive("x_", inputs.iter().map(|input| input.as_bytes()));
        assert_ne!(joined(&["ab", "c"]), joined(&["a", "bc"]));
        assert_eq!(joined(&["ab", "c"]), joined(&["ab", "c"]));
    }
}
