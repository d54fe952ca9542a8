//! Finds the configuration file and reads it as text.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Source;
use crate::report::Failure;

/// Where the configuration is looked for by default.
const PLACES: [&str; 2] = ["smswatch.yaml", "config/smswatch.yaml"];

/// The most that is read of a file, in bytes; the largest file that is understood is smaller.
const MOST_BYTES: u64 = 2 << 20;

impl Source {
    /// A file, with the process's environment.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not in UTF-8.
    pub(super) fn of_file(file: &Path) -> io::Result<Self> {
        Ok(Self {
            file: file.to_owned(),
            text: text(file)?,
            environment: Box::new(crate::environment::variable),
        })
    }
}

/// The first of the usual places in which there is a file.
///
/// # Errors
///
/// There is none.
pub(crate) fn usual_place() -> Result<PathBuf, Failure> {
    let found = PLACES
        .iter()
        .map(PathBuf::from)
        .find(|place| place.is_file());
    found.ok_or_else(|| {
        Failure::Usage(format!(
            "there is no configuration: name one with --config or $SMSWATCH_CONFIG, or put it in {}",
            PLACES.join(" or ")
        ))
    })
}

/// The text of a file that an operator wrote.
///
/// # Errors
///
/// It cannot be read, or is not in UTF-8.
pub(crate) fn text(file: &Path) -> io::Result<String> {
    let opened = File::open(file)?;
    if opened.metadata()?.is_dir() {
        return Err(io::Error::other("it is a folder; name the file in it"));
    }
    let mut bytes = Vec::new();
    opened.take(MOST_BYTES).read_to_end(&mut bytes)?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(io::Error::other("it is in UTF-16; save it as UTF-8"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        io::Error::other(format!(
            "line {line} is not in UTF-8; save the file as UTF-8"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: &[u8]) -> String {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("smswatch.yaml");
        std::fs::write(&file, bytes).expect("it is written");
        text(&file).map_or_else(
            |error| error.to_string(),
            |text| format!("{} bytes", text.len()),
        )
    }

    #[test]
    fn what_is_not_text_is_told_in_words() {
        let utf_16: Vec<u8> = "\u{FEFF}a: 1\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        insta::assert_snapshot!(said(&utf_16), @"it is in UTF-16; save it as UTF-8");
        insta::assert_snapshot!(
            said(b"a: 1\nb: caf\xe9\n"),
            @"line 2 is not in UTF-8; save the file as UTF-8"
        );
        let directory = tempfile::tempdir().expect("a directory");
        let error = text(directory.path()).expect_err("it is a folder");
        insta::assert_snapshot!(error, @"it is a folder; name the file in it");
    }

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let endless = text(Path::new("/dev/zero")).expect("zeros are UTF-8");
        assert_eq!(endless.len() as u64, MOST_BYTES);
        assert_eq!(said(&vec![b'#'; 3 << 20]), format!("{MOST_BYTES} bytes"));
    }
}
