//! Where a watch lives: its bucket, and its id in as few bytes as possible.

use smswatch_plugin::model::MessageId;

/// Into how many buckets a shard's watches are split: with a million watches in 16 shards, about
/// 120 share a bucket, which then still is a listpack.
pub(crate) const BUCKETS: u16 = 512;

/// Stands before the sixteen bytes of a UUID.
const UUID: u8 = b'u';
/// Stands before any other id.
const TEXT: u8 = b't';

/// The bucket of an id: another hash than the shard's, or shards would fill few buckets each.
pub(crate) fn bucket(id: &MessageId) -> u16 {
    let hash = id.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    u16::try_from((hash ^ (hash >> 16)) % u32::from(BUCKETS)).expect("less than the count")
}

/// An id as a field's name.
pub(crate) fn pack(id: &MessageId) -> Vec<u8> {
    match uuid(id.as_str()) {
        Some(bytes) => [&[UUID][..], &bytes].concat(),
        None => [&[TEXT][..], id.as_str().as_bytes()].concat(),
    }
}

/// An id as the lists of a shard hold it: its bucket in two bytes, then its field.
pub(crate) fn place(id: &MessageId) -> Vec<u8> {
    [&bucket(id).to_be_bytes()[..], &pack(id)].concat()
}

/// The id that a field's name stands for.
pub(crate) fn unpack(field: &[u8]) -> Option<MessageId> {
    let (tag, rest) = field.split_first()?;
    match *tag {
        UUID if rest.len() == 16 => MessageId::new(text(rest)).ok(),
        TEXT => MessageId::new(std::str::from_utf8(rest).ok()?).ok(),
        _ => None,
    }
}

/// The bytes of a UUID in its usual lower-case form.
fn uuid(id: &str) -> Option<[u8; 16]> {
    let id = id.as_bytes();
    if id.len() != 36 || [8, 13, 18, 23].iter().any(|place| id[*place] != b'-') {
        return None;
    }
    let mut digits = id
        .iter()
        .filter(|byte| **byte != b'-')
        .map(|byte| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        });
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    digits.next().is_none().then_some(bytes)
}

fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).expect("four bits"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_uuids_take_seventeen_bytes() {
        let ids = [
            ("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01", 17),
            ("3D0C6A3E-91D4-4D4E-8F6F-BBBBBBBBBB01", 37),
            ("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb-1", 37),
            ("m", 2),
        ];
        for (text, length) in ids {
            let id = MessageId::new(text).expect("a valid id");
            assert_eq!(pack(&id).len(), length, "{text}");
            assert_eq!(unpack(&pack(&id)), Some(id));
        }
    }

    #[test]
    fn other_bytes_are_no_field() {
        for field in [&b""[..], b"u123", b"t", b"x1", b"t\xff"] {
            assert_eq!(unpack(field), None, "{field:?}");
        }
    }
}
