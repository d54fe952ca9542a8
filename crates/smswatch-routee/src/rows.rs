//! Reads the rows of an answer one by one: of a list, of a page, or of one object alone.
//!
//! No more than one row is in memory besides what its taker keeps. The strict reader comes first, since
//! nearly all answers are JSON; what it refuses is mended and read again.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::loose::{FieldName, Fields, Object, documented};
use crate::mend::mend;

/// The fields that hold rows: of a page, and of the report on a failover flow.
const CONTENT: &[&str] = &["content", "messages"];

/// What an object that was read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// One row.
    Row,
    /// What stands around rows, such as the number of a page.
    AroundRows,
}

/// What was read besides the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    /// How many elements its lists have, rows or not.
    pub(crate) elements: usize,
    /// There is a list or a page, and nothing in it.
    pub(crate) is_empty_list: bool,
    /// It is not quite JSON.
    pub(crate) is_mended: bool,
    /// It ends before it is complete.
    pub(crate) is_cut: bool,
}

/// The body holds neither a list nor an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRows;

/// Reads every object of `body` into a collection.
pub(crate) fn read<T: Fields, C: Default>(
    body: &[u8],
    take: impl Fn(&mut C, T, Place),
) -> Result<(C, Shape), NoRows> {
    if let Ok(read) = read_strictly(body, &take) {
        return Ok(read);
    }
    let mended = mend(body).ok_or(NoRows)?;
    let (rows, shape) = read_strictly(&mended.json, &take).map_err(|_| NoRows)?;
    let shape = Shape {
        is_mended: true,
        is_cut: mended.is_cut,
        ..shape
    };
    Ok((rows, shape))
}

/// Reads one object; `None` if the body is none or is cut.
pub(crate) fn read_object<T: Fields>(body: &[u8]) -> Option<T> {
    let read = |json: &[u8]| serde_json::from_slice(json).ok();
    let Object(object) = read(body).or_else(|| {
        let mended = mend(body).filter(|mended| !mended.is_cut)?;
        read(&mended.json)
    })?;
    Some(object)
}

fn read_strictly<T: Fields, C: Default>(
    json: &[u8],
    take: &impl Fn(&mut C, T, Place),
) -> Result<(C, Shape), serde_json::Error> {
    let mut collection = C::default();
    let mut count = Count::default();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let rows = Rows {
        take: &mut |row, place| take(&mut collection, row, place),
        count: &mut count,
        row: PhantomData,
    };
    rows.deserialize(&mut reader)?;
    reader.end()?;
    let shape = Shape {
        elements: count.elements,
        is_empty_list: count.lists > 0 && count.elements == 0,
        ..Shape::default()
    };
    Ok((collection, shape))
}

#[derive(Debug, Default)]
struct Count {
    lists: usize,
    elements: usize,
}

struct Rows<'a, T, F> {
    take: &'a mut F,
    count: &'a mut Count,
    row: PhantomData<T>,
}

impl<T, F> Rows<'_, T, F> {
    fn again(&mut self) -> Rows<'_, T, F> {
        Rows {
            take: self.take,
            count: self.count,
            row: PhantomData,
        }
    }
}

impl<'de, T: Fields, F: FnMut(T, Place)> DeserializeSeed<'de> for Rows<'_, T, F> {
    /// Whether the value can hold rows.
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Fields, F: FnMut(T, Place)> Visitor<'de> for Rows<'_, T, F> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut list: S) -> Result<bool, S::Error> {
        self.count.lists += 1;
        while list.next_element_seed(self.again())?.is_some() {
            self.count.elements += 1;
        }
        Ok(true)
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<bool, M::Error> {
        let mut row = T::default();
        let mut is_page = false;
        while let Some(FieldName(name)) = map.next_key()? {
            if CONTENT.contains(&documented(&name, CONTENT)) {
                is_page |= map.next_value_seed(self.again())?;
            } else {
                row.field(&name, &mut map)?;
            }
        }
        // What tells something itself is a row, whatever is in it.
        let place = if is_page && !row.tells() {
            Place::AroundRows
        } else {
            Place::Row
        };
        (self.take)(row, place);
        Ok(true)
    }
}
