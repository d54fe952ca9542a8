//! `smswatch check` and `smswatch schema`: what is right, and what is not.

use smswatch_outbound::Route;

use crate::cli::ConfigArgs;
use crate::output::{print, print_json, remark};
use crate::report::Failure;
use crate::settings;
use crate::sink_types::SinkTypes;
use crate::wiring;

pub(crate) fn check(types: &SinkTypes, args: &ConfigArgs) -> Result<(), Failure> {
    let loaded = settings::load(types, args.config.as_deref())?;
    loaded.warn();
    for unusable in Route::unusable() {
        remark(&format!("warning: {unusable}"));
    }
    wiring::outbound(&loaded.configuration)?;
    let plural = |count: usize, thing: &str| match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    };
    let summary = format!(
        "{}: {} and {}, no error\n",
        loaded.file.display(),
        plural(loaded.configuration.sinks.len(), "sink"),
        plural(loaded.configuration.rules.len(), "rule"),
    );
    Ok(print(&summary)?)
}

pub(crate) fn schema(types: &SinkTypes) -> anyhow::Result<()> {
    print_json(&settings::schema::published(types))
}
