//! `smswatch check`, `config show` and `schema`: what is right, what is not, and what takes effect.

mod online;

use std::io::Write as _;

use anyhow::Context as _;

use crate::cli::{CheckArgs, ConfigArgs};
use crate::report::Failure;
use crate::settings;
use crate::sink_types::SinkTypes;

pub(crate) async fn check(types: &SinkTypes, args: &CheckArgs) -> Result<(), Failure> {
    let loaded = settings::load(types, args.config.config.as_deref())?;
    loaded.warn();
    settings::try_folder(&loaded.configuration.store)
        .context("no file can be made in the folder of `store.url`")?;
    let plural = |count: usize, thing: &str| match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    };
    writeln!(
        anstream::stdout(),
        "{}: {} and {}, no error",
        loaded.file.display(),
        plural(loaded.configuration.sinks.len(), "sink"),
        plural(loaded.configuration.rules.len(), "rule"),
    )
    .context("could not print")?;
    match args.online {
        true => online::check(loaded.configuration).await,
        false => Ok(()),
    }
}

/// Prints the configuration that takes effect.
pub(crate) fn show(types: &SinkTypes, args: &ConfigArgs) -> Result<(), Failure> {
    let loaded = settings::load(types, args.config.as_deref())?;
    loaded.warn();
    let yaml = serde_yaml::to_string(&loaded.effective).context("could not write YAML")?;
    write!(anstream::stdout(), "{yaml}").context("could not print")?;
    Ok(())
}

pub(crate) fn schema(types: &SinkTypes) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, &settings::schema::published(types))?;
    writeln!(stdout)?;
    Ok(())
}
