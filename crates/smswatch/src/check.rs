//! `smswatch check`, `config show` and `schema`: what is right, what is not, and what takes effect.

mod online;

use anyhow::Context as _;
use serde_json::json;

use crate::cli::{CheckArgs, ConfigArgs, SchemaArgs};
use crate::output::{print, print_json, remark};
use crate::report::Failure;
use crate::settings;
use crate::sink_types::SinkTypes;
use crate::wiring;

pub(crate) async fn check(types: &SinkTypes, args: &CheckArgs) -> Result<(), Failure> {
    let loaded = settings::load(types, args.config.config.as_deref())?;
    loaded.warn();
    settings::try_folder(&loaded.configuration.store)
        .context("no file can be made in the folder of `store.url`")?;
    for unusable in wiring::unusable_proxies(&loaded.configuration) {
        remark(&format!("warning: {unusable}"));
    }
    wiring::outbound(&loaded.configuration)?;
    let (n_sinks, n_rules) = (
        loaded.configuration.sinks.len(),
        loaded.configuration.rules.len(),
    );
    if args.output.json {
        let mut found = json!({
            "file": loaded.file.display().to_string(),
            "sinks": n_sinks,
            "rules": n_rules,
        });
        let tried = match args.online {
            true => online::try_all(loaded.configuration).await,
            false => Vec::new(),
        };
        if args.online {
            found["parts"] = online::as_json(&tried);
        }
        print_json(&found)?;
        return online::judge(&tried);
    }
    let plural = |count: usize, thing: &str| match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    };
    let summary = format!(
        "{}: {} and {}, no error\n",
        loaded.file.display(),
        plural(n_sinks, "sink"),
        plural(n_rules, "rule"),
    );
    print(&summary)?;
    match args.online {
        true => {
            let tried = online::try_all(loaded.configuration).await;
            online::print(&tried)?;
            online::judge(&tried)
        }
        false => Ok(()),
    }
}

/// Prints the configuration that takes effect.
pub(crate) fn show(types: &SinkTypes, args: &ConfigArgs) -> Result<(), Failure> {
    let loaded = settings::load(types, args.config.as_deref())?;
    loaded.warn();
    let yaml = serde_yaml::to_string(&loaded.effective).context("could not write YAML")?;
    Ok(print(&yaml)?)
}

pub(crate) fn schema(types: &SinkTypes, args: &SchemaArgs) -> anyhow::Result<()> {
    match args.scenarios {
        true => print_json(&crate::rules::scenario::schema()),
        false => print_json(&settings::schema::published(types)),
    }
}
