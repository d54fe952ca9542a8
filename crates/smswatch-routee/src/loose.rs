//! JSON values that are taken whatever they turn out to be: Routee does not document which fields may
//! be null, absent, or numbers written as text.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// How many texts of one list are kept: far more groups than a recipient has.
const MAX_TEXTS: usize = 1000;

/// Text, or a number or truth value as text; anything else is nothing.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Text(pub(crate) Option<String>);

/// A number, or text that reads as one; anything else is nothing.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Numeric(pub(crate) Option<Number>);

/// A list of texts, or one text or number alone; anything else is empty.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Texts(pub(crate) Vec<String>);

/// Reads an object's fields one by one; whatever is no object leaves everything as it was.
pub(crate) trait Fields: Default {
    /// Takes one field's value, or skips it.
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error>;

    /// Takes the value where it is a text instead of an object.
    fn text(&mut self, _: &str) {}

    /// Whether anything of use was among the fields.
    fn tells(&self) -> bool;
}

/// An object of which every field may be missing or strange; of a list, the first object that tells
/// something.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Object<T>(pub(crate) T);

macro_rules! ignore_the_rest {
    () => {
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("anything")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

macro_rules! ignore_scalars {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

macro_rules! ignore_maps {
    () => {
        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

macro_rules! ignore_lists {
    () => {
        fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Text;
            ignore_the_rest!();
            ignore_maps!();
            ignore_lists!();

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                let text = text.trim();
                Ok(Text((!text.is_empty()).then(|| text.to_owned())))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Numeric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Numeric;
            ignore_the_rest!();
            ignore_maps!();
            ignore_lists!();

            fn visit_str<E>(self, text: &str) -> Result<Numeric, E> {
                Ok(Numeric(text.trim().parse().ok()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Numeric, E> {
                Ok(Numeric(None))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Numeric, E> {
                Ok(Numeric(Some(value.into())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Numeric, E> {
                Ok(Numeric(Some(value.into())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Numeric, E> {
                Ok(Numeric(Number::from_f64(value)))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Texts;
            ignore_the_rest!();
            ignore_maps!();

            fn visit_bool<E>(self, _: bool) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Texts, E> {
                Ok(Texts(vec![value.to_string()]))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Texts, E> {
                Ok(Texts(vec![value.to_string()]))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Texts, E> {
                Ok(Texts(vec![value.to_string()]))
            }

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(if text.trim().is_empty() {
                    Vec::new()
                } else {
                    vec![text.to_owned()]
                }))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Texts, S::Error> {
                let mut texts = Vec::new();
                while let Some(Text(text)) = list.next_element()? {
                    texts.extend(text.filter(|_| texts.len() < MAX_TEXTS));
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Text {
    /// Takes a field's value. Where a name stands twice, one that tells nothing hides no other.
    pub(crate) fn take<'de, M: MapAccess<'de>>(&mut self, map: &mut M) -> Result<(), M::Error> {
        let told: Self = map.next_value()?;
        if told.0.is_some() {
            *self = told;
        }
        Ok(())
    }
}

impl Numeric {
    /// Takes a field's value, as [`Text::take`] does.
    pub(crate) fn take<'de, M: MapAccess<'de>>(&mut self, map: &mut M) -> Result<(), M::Error> {
        let told: Self = map.next_value()?;
        if told.0.is_some() {
            *self = told;
        }
        Ok(())
    }
}

impl Texts {
    /// Takes a field's value, as [`Text::take`] does.
    pub(crate) fn take<'de, M: MapAccess<'de>>(&mut self, map: &mut M) -> Result<(), M::Error> {
        let told: Self = map.next_value()?;
        if !told.0.is_empty() {
            *self = told;
        }
        Ok(())
    }
}

impl<T: Fields> Object<T> {
    /// Takes a field's value, as [`Text::take`] does.
    pub(crate) fn take<'de, M: MapAccess<'de>>(&mut self, map: &mut M) -> Result<(), M::Error> {
        let told: Self = map.next_value()?;
        if told.0.tells() {
            *self = told;
        }
        Ok(())
    }
}

/// The name of a field, without a copy where it holds no escape.
#[derive(Debug, Deserialize)]
pub(crate) struct FieldName<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The documented spelling of a field's name; names are compared without case and underscores.
pub(crate) fn documented<'a>(name: &'a str, names: &[&'static str]) -> &'a str {
    if names.contains(&name) {
        return name;
    }
    let plain = |name: &'a str| {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase())
    };
    let same = |known: &&&'static str| plain(known).eq(plain(name));
    names.iter().find(same).copied().unwrap_or(name)
}

/// A text without the characters that nobody sees or that stand for none, and with single spaces:
/// words, ids and dates are compared, and must not differ by these.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let is_odd = |(at, byte): (usize, u8)| {
        !byte.is_ascii_graphic() && (byte != b' ' || text[..at].ends_with(' '))
    };
    let text = text.trim();
    if !text.bytes().enumerate().any(is_odd) {
        return Cow::Borrowed(text);
    }
    let is_seen = |character: &char| {
        let is_invisible = matches!(
            character,
            '\u{fffd}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
        );
        !is_invisible && (character.is_whitespace() || !character.is_control())
    };
    let seen: String = text.chars().filter(is_seen).collect();
    let words: Vec<&str> = seen.split_whitespace().collect();
    Cow::Owned(words.join(" "))
}

impl<'de, T: Fields> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<T>(std::marker::PhantomData<T>);
        impl<'de, T: Fields> Visitor<'de> for Any<T> {
            type Value = Object<T>;
            ignore_the_rest!();
            ignore_scalars!();

            fn visit_str<E>(self, text: &str) -> Result<Object<T>, E> {
                let mut fields = T::default();
                fields.text(text);
                Ok(Object(fields))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<T>, M::Error> {
                let mut fields = T::default();
                while let Some(FieldName(name)) = map.next_key()? {
                    fields.field(&name, &mut map)?;
                }
                Ok(Object(fields))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Object<T>, S::Error> {
                let mut first = Object::<T>::default();
                while let Some(object) = list.next_element::<Object<T>>()? {
                    if !first.0.tells() {
                        first = object;
                    }
                }
                Ok(first)
            }
        }
        deserializer.deserialize_any(Any(std::marker::PhantomData))
    }
}
