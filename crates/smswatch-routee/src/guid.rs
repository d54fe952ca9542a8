//! The one spelling of a GUID, of the many in which programs print it.

/// The digits of each group of a GUID.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// `text` in lower case, with dashes and nothing around it; `None` if it is not a GUID.
///
/// Some programs print GUIDs in upper case, in braces, without dashes, or as a URN.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let bare = lower.strip_prefix("urn:uuid:").unwrap_or(&lower);
    let inside = |open, close| bare.strip_prefix(open)?.strip_suffix(close);
    let bare = inside('{', '}').or(inside('(', ')')).unwrap_or(bare);
    let groups: Vec<&str> = bare.split('-').collect();
    let has_dashes = groups.iter().map(|group| group.len()).eq(GROUPS);
    let digits = groups.concat();
    let is_guid = (has_dashes || groups.len() == 1)
        && digits.len() == 32
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_guid {
        return None;
    }
    let mut rest = digits.as_str();
    let groups = GROUPS.map(|length| {
        let (group, behind) = rest.split_at(length);
        rest = behind;
        group
    });
    Some(groups.join("-"))
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
