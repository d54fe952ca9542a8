//! A text as it reads once its escapes are resolved, with the place that each byte came from.

use std::ops::Range;

/// How often escapes may be escaped again.
const DEPTH: usize = 2;

/// One way to read a text.
pub(super) struct View {
    bytes: Vec<u8>,
    /// Where each byte begins in the text, and the end of the text.
    from: Vec<usize>,
}

/// What stands at the beginning of some bytes once it is unescaped, and how many bytes that was.
type Unescape = fn(&[u8]) -> Option<(Vec<u8>, usize)>;

impl View {
    /// The text as it is, and as it reads in every way that changes it.
    pub(super) fn all_of(text: &str) -> Vec<Self> {
        let plain = Self {
            bytes: text.as_bytes().to_vec(),
            from: (0..=text.len()).collect(),
        };
        let mut views = vec![plain];
        let mut latest = 0;
        for _ in 0..DEPTH {
            let begin = std::mem::replace(&mut latest, views.len());
            let deeper: Vec<Self> = views[begin..]
                .iter()
                .flat_map(|view| [percent, json, html].map(|unescape| view.unescaped(unescape)))
                .flatten()
                .collect();
            views.extend(deeper);
        }
        views
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where these bytes stand in the text.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        self.from[range.start]..self.from[range.end]
    }

    /// Where `needle` stands in the text; it is not empty.
    pub(super) fn find(&self, needle: &str) -> impl Iterator<Item = Range<usize>> {
        let windows = self.bytes.windows(needle.len()).enumerate();
        let found = windows.filter(move |(_, window)| *window == needle.as_bytes());
        found.map(move |(at, _)| self.origin(at..at + needle.len()))
    }

    /// `None` if nothing is escaped in this way.
    fn unescaped(&self, unescape: Unescape) -> Option<Self> {
        let (mut bytes, mut from) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < self.bytes.len() {
            let (unescaped, length) =
                unescape(&self.bytes[at..]).unwrap_or_else(|| (vec![self.bytes[at]], 1));
            from.extend(unescaped.iter().map(|_| self.from[at]));
            bytes.extend(unescaped);
            at += length;
        }
        if bytes.len() == self.bytes.len() {
            return None;
        }
        from.push(self.from[self.bytes.len()]);
        Some(Self { bytes, from })
    }
}

/// `%2F`, as in URLs and forms.
fn percent(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let digits = text.strip_prefix(b"%")?.get(..2)?;
    let digits = std::str::from_utf8(digits).ok()?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    Some((vec![byte], 3))
}

/// `\"` and `\u0022`, as in JSON.
fn json(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (escape, rest) = text.strip_prefix(b"\\")?.split_first()?;
    let byte = match escape {
        b'"' | b'\\' | b'/' | b'\'' => *escape,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let digits = std::str::from_utf8(rest.get(..4)?).ok()?;
            let code = u32::from_str_radix(digits, 16).ok()?;
            return Some((encoded(code)?, 6));
        }
        _ => return None,
    };
    Some((vec![byte], 2))
}

/// `&quot;` and `&#34;`, as in pages.
fn html(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let rest = text.strip_prefix(b"&")?;
    let end = rest.iter().take(10).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&rest[..end]).ok()?;
    let code = match name {
        "amp" => u32::from('&'),
        "lt" => u32::from('<'),
        "gt" => u32::from('>'),
        "quot" => u32::from('"'),
        "apos" => u32::from('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            }
        }
    };
    Some((encoded(code)?, end + 2))
}

fn encoded(code: u32) -> Option<Vec<u8>> {
    Some(char::from_u32(code)?.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `needle` is found in `text`, whatever it is escaped with, as exactly `origin`.
    fn check(text: &str, needle: &str, origin: &str) {
        let views = View::all_of(text);
        let mut found = views.iter().flat_map(|view| view.find(needle));
        let found = found.next().unwrap_or_else(|| panic!("not in {text}"));
        assert_eq!(&text[found], origin);
    }

    #[test]
    fn what_is_escaped_is_found_where_it_stands() {
        let needle = "a\"b/c";
        check("<a\"b/c>", needle, "a\"b/c");
        check("x a%22b%2fc y", needle, "a%22b%2fc");
        check("x a%2522b%252Fc y", needle, "a%2522b%252Fc");
        check(r#"{"e":"a\"b\/c"}"#, needle, r#"a\"b\/c"#);
        check(r"a\u0022b\u002fc", needle, r"a\u0022b\u002fc");
        check("<p>a&quot;b&#47;c", needle, "a&quot;b&#47;c");
        check("<p>a&#x22;b%2Fc", needle, "a&#x22;b%2Fc");
    }

    #[test]
    fn what_is_no_escape_is_left_alone() {
        for text in [
            "100 %", "%", "%zz", "\\", "\\u12", "&", "&&amp", "&bogus;", "&#;",
        ] {
            assert_eq!(View::all_of(text).len(), 1, "{text}");
        }
    }
}
