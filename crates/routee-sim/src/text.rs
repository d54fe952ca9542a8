//! A short string on the stack: ids, dates and numbers are made without an allocation.

use std::fmt;
use std::ops::Deref;

const CAPACITY: usize = 40;

/// Up to 40 bytes of text; what does not fit is refused by [`fmt::Write`].
#[derive(Clone, Copy)]
pub(crate) struct ShortText {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl ShortText {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; CAPACITY],
            length: 0,
        }
    }

    /// Formats `arguments`, which must fit.
    pub(crate) fn format(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self::new();
        fmt::write(&mut text, arguments).expect("short texts are made from bounded values");
        text
    }
}

impl fmt::Write for ShortText {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let end = self.length + piece.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(piece.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("only whole strings are written")
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}
