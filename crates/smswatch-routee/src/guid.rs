//! The one spelling of a GUID, of the many in which programs print it.

use uuid::Uuid;

/// `text` in lower case, with dashes and nothing around it; `None` if it is not a GUID.
///
/// Some programs print GUIDs in upper case, in braces, without dashes, or as a URN.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let bare = lower.strip_prefix("urn:uuid:").unwrap_or(&lower);
    let inside = |open, close| bare.strip_prefix(open)?.strip_suffix(close);
    let bare = inside('{', '}').or(inside('(', ')')).unwrap_or(bare);
    Some(Uuid::try_parse(bare).ok()?.to_string())
}

/// Whether two ids mean the same, however they are spelled.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || canonical(one).is_some_and(|guid| canonical(other) == Some(guid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01";

    #[test]
    fn a_guid_is_the_same_however_it_is_spelled() {
        for text in [
            GUID,
            "3D0C6A3E-91D4-4D4E-8F6F-BBBBBBBBBB01",
            "{3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01}",
            "(3D0C6A3E-91D4-4D4E-8F6F-BBBBBBBBBB01)",
            "3d0c6a3e91d44d4e8f6fbbbbbbbbbb01",
            "urn:uuid:3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01",
        ] {
            assert_eq!(canonical(text).as_deref(), Some(GUID), "{text}");
            assert!(is_same(text, GUID), "{text}");
        }
    }

    #[test]
    fn other_ids_are_compared_as_they_are() {
        for text in [
            "",
            "m-1",
            "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb0",
            "3d0c6a3e91d4-4d4e-8f6f-bbbbbbbbbb01",
            "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbbxx",
            "{3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01",
        ] {
            assert_eq!(canonical(text), None, "{text}");
            assert!(is_same(text, &text.to_uppercase()), "{text}");
            assert!(!is_same(text, GUID), "{text}");
        }
        assert!(!is_same("m-1", "m1"));
    }
}
