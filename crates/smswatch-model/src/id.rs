//! The names of things: what the provider names, checked, and what smswatch names, derived.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

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
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
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
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(text).map_err(D::Error::custom)
            }
        }
    };
}

id! {
    /// A message's name at the provider (Routee's trackingId); all its parts share it.
    MessageId
}
id! {
    /// A part's name at the provider.
    SmsId
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

/// Names a thing by `prefix` and 128 bits of a hash over `inputs`, each set apart from the next.
pub(crate) fn derive<'a>(prefix: &str, inputs: impl IntoIterator<Item = &'a [u8]>) -> String {
    use fmt::Write as _;

    let mut hash = Sha256::new();
    for input in inputs {
        hash.update((input.len() as u64).to_be_bytes());
        hash.update(input);
    }
    let mut id = String::with_capacity(prefix.len() + 32);
    id.push_str(prefix);
    for byte in &hash.finalize()[..16] {
        write!(id, "{byte:02x}").expect("writing to a string does not fail");
    }
    id
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
    fn inputs_do_not_run_into_each_other() {
        let joined = |inputs: &[&str]| derive("x_", inputs.iter().map(|input| input.as_bytes()));
        assert_ne!(joined(&["ab", "c"]), joined(&["a", "bc"]));
        assert_eq!(joined(&["ab", "c"]), joined(&["ab", "c"]));
    }
}
