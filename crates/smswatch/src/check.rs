//! `smswatch check` and `smswatch schema`: what is right, and what is not.

use std::io::Write as _;

use anyhow::Context as _;

use crate::cli::ConfigArgs;
use crate::report::Failure;
use crate::settings;
use crate::sink_types::SinkTypes;

pub(crate) fn check(types: &SinkTypes, args: &ConfigArgs) -> Result<(), Failure> {
    let loaded = settings::load(types, args.config.as_deref())?;
    loaded.warn();
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
    Ok(())
}

pub(crate) fn schema(types: &SinkTypes) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, &settings::schema::published(types))?;
    writeln!(stdout)?;
    Ok(())
}
