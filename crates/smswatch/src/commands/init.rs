//! `smswatch init`: writes a configuration to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use anyhow::Context as _;

use super::print;
use crate::cli::InitArgs;

/// What stands in it.
const STARTER: &str = include_str!("init/starter.yaml");

/// Writes the file; one that is there is left as it is.
pub(crate) fn init(args: &InitArgs) -> anyhow::Result<()> {
    let path = args.file.display();
    let mut options = OpenOptions::new();
    // It holds no secrets, so it needs no stricter permissions than its folder.
    let mut file = match options.write(true).create_new(true).open(&args.file) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            anyhow::bail!("{path} exists already, and stays as it is: name another file")
        }
        Err(error) => return Err(error).with_context(|| format!("could not make {path}")),
    };
    file.write_all(STARTER.as_bytes())
        .with_context(|| format!("could not write {path}"))?;
    print(&format!(
        "{path} is written. Set ROUTEE_APPLICATION_ID and ROUTEE_APPLICATION_SECRET, then try \
         `smswatch check --online --config {path}`.\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Source, read};

    fn loaded(text: String, environment: fn(&str) -> Option<String>) -> crate::settings::Loaded {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let source = Source {
            file: "smswatch.yaml".into(),
            text,
            environment: Box::new(environment),
        };
        read(&crate::App::new().into_types(), source).expect("it makes sense")
    }

    #[test]
    fn what_is_written_needs_the_credentials_and_nothing_else() {
        let credentials = |name: &str| name.starts_with("ROUTEE_").then(|| "x".to_owned());
        let loaded = loaded(STARTER.to_owned(), credentials);
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }

    #[test]
    fn the_parts_that_are_comments_work_once_they_are_none() {
        let is_key = |name: &str| {
            name.trim_start()
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '-')
        };
        let uncommented = STARTER.lines().map(|line| {
            let commented = line.trim_start().strip_prefix("# ");
            let key = commented.and_then(|commented| commented.split_once(':'));
            match key {
                Some((name, _)) if is_key(name) => line.replacen("# ", "", 1),
                _ => line.to_owned(),
            }
        });
        let text: Vec<_> = uncommented.collect();
        loaded(text.join("\n"), |name| {
            let value = match name {
                "SLACK_WEBHOOK_URL" => "https://hooks.slack.com/services/x",
                _ => "x",
            };
            Some(value.to_owned())
        });
    }
}
