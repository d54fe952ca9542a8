//! Words of the API, of which another version may have more.

/// Declares an enum of words that keeps those which it does not know.
///
/// On the wire each is a string. [`From`] reads any string, so that a word is never an error.
macro_rules! words {
    (
        $(#[$docs:meta])*
        $name:ident {
            $($(#[$variant_docs:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_docs])* $variant,)+
            /// A word that only another version knows, as it was received.
            Other(String),
        }

        impl $name {
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    word => Self::Other(word.to_owned()),
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({
                    "type": "string",
                    "x-extensible-enum": [$($word),+],
                })
            }
        }

        impl $name {
            /// The schema of a word that is asked for: one of those that this version knows, or none.
            #[allow(dead_code, reason = "most words are only told")]
            pub(crate) fn known(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({ "type": ["string", "null"], "enum": [$($word,)+ null] })
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|word| Self::from(&*word))
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::deliveries::DeliveryState;

    #[test]
    fn a_word_of_another_version_is_kept_as_it_is() {
        for (json, expected) in [
            (r#""dead""#, DeliveryState::Dead),
            (r#""grouped""#, DeliveryState::Other("grouped".to_owned())),
        ] {
            let word: DeliveryState = serde_json::from_str(json).expect("any word is read");
            assert_eq!(word, expected);
            let told = serde_json::to_string(&word).expect("words are JSON");
            assert_eq!(
                (told.as_str(), format!("\"{word}\"").as_str()),
                (json, json)
            );
        }
        assert!(serde_json::from_str::<DeliveryState>("7").is_err());
    }
}
