//! `smswatch rules test`: plays scenarios with a fixed clock, and shows where the rules do something else than was
//! expected.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

use super::compare::{Notified, compare};
use super::play::{Stage, begin, play};
use super::tested::Tested;
use super::{junit, scenario};
use crate::cli::TestRulesArgs;
use crate::output::{print, print_json};
use crate::plain::plain;
use crate::report::Failure;
use crate::settings;
use crate::sink_types::SinkTypes;

pub(crate) fn test(types: &SinkTypes, args: &TestRulesArgs) -> Result<(), Failure> {
    let file = scenario::read(&args.file)?;
    let beside = args.file.parent().map(PathBuf::from).unwrap_or_default();
    let named = file.config.as_ref().map(|config| beside.join(config));
    let usual = || crate::environment::variable("SMSWATCH_CONFIG").map(PathBuf::from);
    let config = args.config.clone().or(named).or_else(usual);
    let loaded = settings::load(types, config.as_deref())?;
    loaded.warn();
    let configuration = &loaded.configuration;
    let stage = Stage {
        rules: &configuration.rules,
        settings: &configuration.settings.watch,
        privacy: &configuration.privacy,
    };
    let tested = file.tests.iter().map(|scenario| {
        let notified = play(&stage, scenario).into_iter();
        let notified = notified.map(|made| Notified::new(made, begin(scenario)));
        let notified: Vec<Notified> = notified.collect();
        let differences = compare(&scenario.expect, &notified);
        Tested {
            name: scenario.name.clone(),
            passed: differences.is_empty(),
            notified,
            differences,
        }
    });
    let tested: Vec<Tested> = tested.collect();
    if let Some(path) = &args.junit {
        let written = std::fs::write(path, junit::report(&args.file, &tested));
        written.with_context(|| format!("could not write `{}`", path.display()))?;
    }
    match args.output.json {
        true => print_json(&serde_json::json!({ "items": tested }))?,
        false => print(&render(&tested))?,
    }
    match tested.iter().filter(|tested| !tested.passed).count() {
        0 => Ok(()),
        1 => Err(Failure::Failed(anyhow::anyhow!("1 test failed"))),
        failed => Err(Failure::Failed(anyhow::anyhow!("{failed} tests failed"))),
    }
}

fn render(tested: &[Tested]) -> String {
    let mut text = String::new();
    for tested in tested {
        let verdict = if tested.passed { "ok    " } else { "FAILED" };
        let _written = writeln!(text, "{verdict}  {}", plain(&tested.name));
        if !tested.passed {
            text.push_str(&tested.told());
        }
    }
    let n_passed = tested.iter().filter(|tested| tested.passed).count();
    let n_failed = tested.len() - n_passed;
    let _written = writeln!(text, "{n_passed} passed, {n_failed} failed");
    text
}
