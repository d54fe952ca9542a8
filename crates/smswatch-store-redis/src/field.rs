//! Where a watch lives: its bucket, and its id in as few bytes as possible.

use smswatch_plugin::model::MessageId;
use uuid::Uuid;

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
        UUID => MessageId::new(Uuid::from_slice(rest).ok()?.to_string()).ok(),
        TEXT => MessageId::new(std::str::from_utf8(rest).ok()?).ok(),
        _ => None,
    }
}

/// The bytes of a UUID in its usual lower-case form; `None` for any other text, UUIDs in other spellings
/// included, because the text must come back as it was.
fn uuid(id: &str) -> Option<[u8; 16]> {
    let uuid = Uuid::try_parse(id).ok()?;
    let is_usual = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == id;
    is_usual.then(|| uuid.into_bytes())
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
