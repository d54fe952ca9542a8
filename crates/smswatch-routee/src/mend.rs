//! Turns what is almost JSON into JSON, so that one odd byte hides nothing that stands beside it.
//!
//! It runs only after the strict reader has failed. What it writes is always JSON: text keeps its
//! characters except those that are none, a number that cannot be held becomes `null`, and whatever
//! stands where nothing belongs is skipped. Containers that were still open when the bytes ended get
//! the field [`CUT`], so that half a row is never taken for a whole one.

/// The name of the field that marks an object of which the end is missing.
pub(crate) const CUT: &str = "\0cut";

/// How deeply values may be nested; deeper ones become `null`.
const MAX_DEPTH: usize = 48;

/// What a body was turned into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mended {
    /// JSON.
    pub(crate) json: Vec<u8>,
    /// The body ended before its containers did.
    pub(crate) is_cut: bool,
}

/// Reads `body` as JSON as far as it goes; `None` if no list and no object begins in it.
pub(crate) fn mend(body: &[u8]) -> Option<Mended> {
    let decoded = from_utf16(body);
    let mut mender = Mender {
        bytes: decoded.as_deref().unwrap_or(body),
        at: 0,
        json: Vec::with_capacity(body.len() + 16),
        open: Vec::new(),
        is_cut: false,
    };
    if !mender.skip_to_container() {
        return None;
    }
    let is_object = mender.peek() == Some(b'{');
    // Objects may follow one another without a list around them.
    mender.json.push(b'[');
    mender.value();
    let mut count = 1;
    while is_object && mender.skip_to_container() {
        mender.json.push(b',');
        mender.value();
        count += 1;
    }
    let mut json = mender.json;
    if count == 1 {
        json.remove(0);
    } else {
        json.push(b']');
    }
    let is_cut = mender.is_cut;
    Some(Mended { json, is_cut })
}

/// UTF-8 made of a body that begins with the byte order mark of UTF-16.
fn from_utf16(body: &[u8]) -> Option<Vec<u8>> {
    let (unit, rest): (fn([u8; 2]) -> u16, _) = match body {
        [0xff, 0xfe, rest @ ..] => (u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return None,
    };
    let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Some(text.into_bytes())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    List,
    Object,
}

struct Mender<'a> {
    bytes: &'a [u8],
    at: usize,
    json: Vec<u8>,
    open: Vec<Container>,
    is_cut: bool,
}

impl Mender<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes to where a list or an object begins; returns whether one does. Markup is no JSON, whatever
    /// brackets stand in it.
    fn skip_to_container(&mut self) -> bool {
        while let Some(byte) = self.peek() {
            match byte {
                b'{' | b'[' => return true,
                b'<' => return false,
                _ => self.at += 1,
            }
        }
        false
    }

    /// Skips what may stand between two tokens: spaces, comments, a byte order mark, control
    /// characters.
    fn skip_space(&mut self) {
        loop {
            let rest = &self.bytes[self.at..];
            self.at += match rest {
                [0..=b' ' | 0x7f.., ..] => 1,
                [b'/', b'*', ..] => rest
                    .windows(2)
                    .position(|pair| pair == b"*/")
                    .map_or(rest.len(), |end| end + 2),
                [b'/', b'/', ..] => rest
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .unwrap_or(rest.len()),
                _ => return,
            };
        }
    }

    /// Writes exactly one value.
    fn value(&mut self) {
        match self.peek() {
            Some(b'{' | b'[') if self.open.len() >= MAX_DEPTH => {
                self.skip_nested();
                self.json.extend_from_slice(b"null");
            }
            Some(b'[') => self.list(),
            Some(b'{') => self.object(),
            Some(quote @ (b'"' | b'\'')) => match self.text(quote) {
                Some(text) => self.write_text(&text),
                None => self.json.extend_from_slice(b"null"),
            },
            _ => self.bare_word(),
        }
    }

    fn list(&mut self) {
        self.begin(Container::List);
        let mut is_first = true;
        loop {
            self.skip_space();
            match self.peek() {
                None => {
                    self.is_cut = true;
                    break;
                }
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                Some(b'}') if self.open.contains(&Container::Object) => break,
                Some(b',' | b':' | b'}') => self.at += 1,
                Some(_) => {
                    if !std::mem::take(&mut is_first) {
                        self.json.push(b',');
                    }
                    self.value();
                }
            }
        }
        self.end(b']');
    }

    fn object(&mut self) {
        self.begin(Container::Object);
        let mut is_first = true;
        loop {
            self.skip_space();
            let length = self.json.len();
            match self.peek() {
                None => {
                    self.is_cut = true;
                    self.separate(&mut is_first);
                    self.write_text(CUT);
                    self.json.extend_from_slice(b":true");
                    break;
                }
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(b']') if self.open.contains(&Container::List) => break,
                Some(b',' | b':' | b']') => self.at += 1,
                Some(b'{' | b'[') => self.skip_nested(),
                Some(_) => {
                    let was_first = is_first;
                    if let Some(name) = self.name() {
                        self.separate(&mut is_first);
                        self.write_text(&name);
                        self.json.push(b':');
                        if self.field_value() {
                            continue;
                        }
                    }
                    // No value belongs to it: it is as if it were not there.
                    self.json.truncate(length);
                    is_first = was_first;
                }
            }
        }
        self.end(b'}');
    }

    fn begin(&mut self, container: Container) {
        self.at += 1;
        self.open.push(container);
        self.json.push(match container {
            Container::List => b'[',
            Container::Object => b'{',
        });
    }

    fn end(&mut self, bracket: u8) {
        self.open.pop();
        self.json.push(bracket);
    }

    fn separate(&mut self, is_first: &mut bool) {
        if !std::mem::take(is_first) {
            self.json.push(b',');
        }
    }

    /// A field's name, with or without quotes.
    fn name(&mut self) -> Option<String> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.text(quote),
            _ => Some(String::from_utf8_lossy(self.word()).into_owned()),
        }
    }

    /// Writes the value behind a name; returns false if there is none.
    fn field_value(&mut self) -> bool {
        self.skip_space();
        if self.peek() != Some(b':') {
            return false;
        }
        self.at += 1;
        self.skip_space();
        match self.peek() {
            None | Some(b',' | b'}' | b']' | b':') => false,
            Some(_) => {
                self.value();
                true
            }
        }
    }

    /// The bytes up to the next that may end a word; at least one.
    fn word(&mut self) -> &[u8] {
        let rest = &self.bytes[self.at..];
        let ends = |byte: &u8| {
            matches!(
                byte,
                0..=b' ' | b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"' | b'\''
            )
        };
        let length = rest
            .iter()
            .position(ends)
            .unwrap_or(rest.len())
            .max(1)
            .min(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A truth value or a number that can be held; any other word becomes `null`.
    fn bare_word(&mut self) {
        let word = String::from_utf8_lossy(self.word()).into_owned();
        let written = if serde_json::from_str::<serde_json::Number>(&word).is_ok() {
            word
        } else if let Some(number) = word.parse().ok().and_then(serde_json::Number::from_f64) {
            number.to_string()
        } else {
            match word.to_ascii_lowercase().as_str() {
                known @ ("true" | "false") => known.to_owned(),
                _ => "null".to_owned(),
            }
        };
        self.json.extend_from_slice(written.as_bytes());
    }

    /// A text up to its closing quote; `None` if the body ends before it.
    fn text(&mut self, quote: u8) -> Option<String> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek()? {
                byte if byte == quote => {
                    self.at += 1;
                    return Some(String::from_utf8_lossy(&bytes).into_owned());
                }
                b'\\' => {
                    self.at += 1;
                    let character = self.escaped()?;
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => {
                    self.at += 1;
                    match byte {
                        b'\n' | b'\r' | b'\t' | b' '.. => bytes.push(byte),
                        _ => bytes.extend_from_slice("\u{fffd}".as_bytes()),
                    }
                }
            }
        }
    }

    /// The character that an escape stands for; `None` if the body ends before it does.
    fn escaped(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let Some(unit) = self.unit() else {
                    return Some(char::REPLACEMENT_CHARACTER);
                };
                self.character(unit)
            }
            ascii @ (b'"' | b'\\' | b'/' | b'\'') => char::from(ascii),
            _ => {
                // It may be the first byte of a longer character, or the end of a line.
                self.at -= 1;
                char::REPLACEMENT_CHARACTER
            }
        })
    }

    /// The character of a UTF-16 unit, together with the one behind it where two make one.
    fn character(&mut self, unit: u16) -> char {
        let mut units = vec![unit];
        let before = self.at;
        if (0xd800..0xdc00).contains(&unit) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            match self.unit() {
                Some(low) if (0xdc00..0xe000).contains(&low) => units.push(low),
                _ => self.at = before,
            }
        }
        let decoded = char::decode_utf16(units).next();
        decoded
            .and_then(Result::ok)
            .unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u16> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let text = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
        let unit = u16::from_str_radix(text, 16).ok()?;
        self.at += 4;
        Some(unit)
    }

    /// Skips a list or an object with all that is in it.
    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let _skipped = self.text(byte);
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn write_text(&mut self, text: &str) {
        serde_json::to_writer(&mut self.json, text).expect("text is JSON, and a vector takes it");
    }
}

#[cfg(test)]
mod tests;
