//! The files that pages name: a style, a script, a picture. Each has a hash of itself in its name, so that browsers keep
//! it for as long as it stays the same.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// A file that pages name.
#[derive(Debug)]
pub struct Asset {
    /// The media type, with the character set.
    pub media_type: &'static str,
    /// What it holds.
    pub body: &'static str,
    path: String,
}

/// The folder of all files.
const FOLDER: &str = "/assets/";

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_str!("assets/style.css");
    Asset::new("style", "css", "text/css; charset=utf-8", body)
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_str!("assets/live.js");
    Asset::new("live", "js", "text/javascript; charset=utf-8", body)
});

static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_str!("assets/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", body)
});

impl Asset {
    fn new(stem: &str, ending: &str, media_type: &'static str, body: &'static str) -> Self {
        let hash = hex::encode(Sha256::digest(body));
        Self {
            media_type,
            body,
            path: format!("{FOLDER}{stem}-{}.{ending}", &hash[..12]),
        }
    }
}

/// The path of the style.
pub(crate) fn style() -> &'static str {
    &STYLE.path
}

/// The path of the script.
pub(crate) fn script() -> &'static str {
    &SCRIPT.path
}

/// The path of the picture that browsers show beside the title.
pub(crate) fn icon() -> &'static str {
    &ICON.path
}

/// The file called `name` in `/assets/`; `None` if this version has no such file.
#[must_use]
pub fn asset(name: &str) -> Option<&'static Asset> {
    let all: [&'static Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let is_named = |asset: &&&Asset| asset.path.strip_prefix(FOLDER) == Some(name);
    all.iter().find(is_named).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_under_its_own_hash_alone() {
        let name = style().strip_prefix(FOLDER).expect("it lies there");
        assert!(asset(name).is_some_and(|found| found.media_type.starts_with("text/css")));
        assert!(asset("style-000000000000.css").is_none());
        assert!(asset("style.css").is_none());
    }

    #[test]
    fn the_script_is_small_and_names_nobody_else() {
        assert!(SCRIPT.body.len() < 15_000, "{}", SCRIPT.body.len());
        for file in [&*STYLE, &*SCRIPT] {
            assert!(!file.body.contains("http"), "{}", file.path);
            assert!(!file.body.contains("@import"), "{}", file.path);
        }
    }
}
