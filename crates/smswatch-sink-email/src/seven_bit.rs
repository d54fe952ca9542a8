//! HTML as a mail carries it most plainly: ASCII in lines that every relay passes on as they are.

use std::fmt::Write as _;

use lettre::message::Body;
use lettre::message::header::ContentTransferEncoding;

/// How long a line of a mail may be, without its end (RFC 5322, section 2.1.1).
const LONGEST_LINE: usize = 998;

/// `html` as the body of a mail. Other characters than ASCII stand there as references, so that nothing is to be encoded
/// and whoever looks at the mail as it is can read it. What does not fit into lines is encoded as usual.
pub(crate) fn body(html: String) -> Body {
    match seven_bit(&html) {
        Some(text) => {
            Body::dangerous_pre_encoded(text.into_bytes(), ContentTransferEncoding::SevenBit)
        }
        None => Body::new(html),
    }
}

/// `html` in ASCII, with whole ends of lines; `None` if a line is too long, or if something is in it that is no text.
fn seven_bit(html: &str) -> Option<String> {
    let mut text = String::with_capacity(html.len() + html.len() / 16);
    for line in html.lines() {
        let begin = text.len();
        for piece in line.split_inclusive(|letter: char| !letter.is_ascii()) {
            let other = piece.chars().next_back().filter(|last| !last.is_ascii());
            let plain = &piece[..piece.len() - other.map_or(0, char::len_utf8)];
            if plain
                .bytes()
                .any(|byte| byte.is_ascii_control() && byte != b'\t')
            {
                return None;
            }
            text.push_str(plain);
            if let Some(other) = other {
                write!(text, "&#{};", u32::from(other)).ok()?;
            }
        }
        if text.len() - begin > LONGEST_LINE {
            return None;
        }
        text.push_str("\r\n");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_letters_stand_as_references() {
        let html = "<p>Sent \u{2192} \u{1f4a5}</p>\n<p>\tö</p>\r\n";
        let expected = "<p>Sent &#8594; &#128165;</p>\r\n<p>\t&#246;</p>\r\n";
        assert_eq!(seven_bit(html).as_deref(), Some(expected));
    }

    #[test]
    fn what_fits_into_no_line_is_encoded_as_usual() {
        let longest = "x".repeat(LONGEST_LINE);
        assert!(seven_bit(&longest).is_some());
        for html in [
            &format!("{longest}x"),
            &"ö".repeat(200),
            "a\rb",
            "a\0b",
            "\u{7f}",
        ] {
            assert_eq!(seven_bit(html), None, "{html:?}");
            let encoding = body(html.to_owned()).encoding();
            assert_ne!(encoding, ContentTransferEncoding::EightBit);
        }
        assert_eq!(body(longest).encoding(), ContentTransferEncoding::SevenBit);
    }
}
