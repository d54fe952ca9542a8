//! Holds that the generated files are fresh, ask for metrics that there are, and that the real `promtool` agrees with them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::staged::{BEGINNING, END, Fault, Series, faults, well};
use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `promtool` in a folder that has the rules; returns its output.
fn promtool(folder: &Path, arguments: &[&str]) -> String {
    let test = std::env::current_exe().expect("a path");
    let tools = test
        .ancestors()
        .map(|folder| folder.join("debian-tools/usr/bin/promtool"));
    let program = tools.into_iter().find(|program| program.exists());
    let output = Command::new(program.expect("`cargo xtask test` unpacks Prometheus"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}

/// What stands in `text` after each `smswatch_`, with it.
fn metrics_in(text: &str) -> impl Iterator<Item = String> {
    text.match_indices("smswatch_").map(|(start, _)| {
        let name = text[start..].chars();
        name.take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect()
    })
}

#[test]
fn the_generated_files_are_fresh() {
    for (path, text) in files() {
        let is_fresh = fs::read_to_string(root().join(path)).is_ok_and(|is| is == text);
        assert!(is_fresh, "{path} is stale: cargo xtask schema");
    }
}

#[test]
fn only_metrics_that_there_are_are_asked_for() {
    let rows = read(
        "crates/smswatch-core/src/snapshots/smswatch_core__metrics__tests__every_metric_has_a_name_a_kind_and_a_help.snap",
    );
    let mut known = BTreeSet::from(["smswatch_build_info".to_owned()]);
    for row in rows.lines().skip(4) {
        let (name, rest) = row.split_once(": ").expect("a name");
        let kind = rest.split(", ").take(2).collect::<Vec<_>>().join(", ");
        let endings: &[&str] = match &kind {
            kind if kind.contains("Histogram") => &["_bucket", "_sum", "_count"],
            kind if kind.contains("Counter") => &["_total"],
            _ => &[""],
        };
        known.extend(
            endings
                .iter()
                .map(|ending| format!("smswatch_{name}{ending}")),
        );
    }
    assert!(known.len() > 60, "{known:?}");
    let panels = panels::ROWS.iter().flat_map(|row| row.panels);
    let queries = panels
        .flat_map(|panel| panel.queries)
        .map(|query| query.expr);
    let alerts = alerts::ALERTS.iter().map(|alert| alert.expr);
    let mut n_asked = 0;
    for expr in queries.chain(alerts) {
        // A pattern of jobs is no metric.
        for name in metrics_in(&expr.replace(".*smswatch.*", "")) {
            assert!(known.contains(&name), "there is no {name}: {expr}");
            n_asked += 1;
        }
    }
    assert!(n_asked > 70, "only {n_asked} were found");
}

#[test]
fn every_alert_is_explained_in_its_runbook() {
    let page = read("docs/operation.md");
    let explained: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .filter(|heading| heading.starts_with("Smswatch"))
        .collect();
    let alerts: Vec<_> = alerts::ALERTS.iter().map(|alert| alert.name).collect();
    assert_eq!(
        explained, alerts,
        "docs/operation.md, a heading for each alert"
    );
}

#[test]
fn promtool_accepts_the_rules() {
    let folder = root().join("deploy/prometheus");
    let said = promtool(&folder, &["check", "rules", "smswatch.rules.yml"]);
    let found = format!("{} rules found", alerts::ALERTS.len());
    assert!(said.contains(&found), "{said}");
}

/// A test of `promtool`: none fires in the beginning, and at the end these.
fn staged(name: &str, fault: Option<&Fault>) -> String {
    let changed = fault.map_or(&[][..], |fault| &fault.series);
    let is_same = |series: &&Series| changed.iter().all(|(name, _)| *name != series.0);
    let well = well();
    let series = well.iter().filter(is_same).chain(changed);
    let mut text = format!("  - name: {name}\n    interval: 1m\n    input_series:\n");
    for (series, values) in series {
        let _written = writeln!(text, "      - {{series: '{series}', values: '{values}'}}");
    }
    text.push_str("    promql_expr_test:\n");
    for (time, alert) in [(BEGINNING, None), (END, fault.map(|fault| fault.alert))] {
        let samples =
            alert.map(|alert| format!("{{labels: '{{alertname=\"{alert}\"}}', value: 1}}"));
        let expr = r#"count by (alertname) (ALERTS{alertstate="firing"})"#;
        let samples = samples.unwrap_or_default();
        let _written = writeln!(
            text,
            "      - {{expr: '{expr}', eval_time: {time}, exp_samples: [{samples}]}}"
        );
    }
    text
}

#[test]
fn each_alert_fires_in_its_fault_alone_and_none_while_all_is_well() {
    let faults = faults();
    for alert in alerts::ALERTS {
        let has_fault = faults.iter().any(|fault| fault.alert == alert.name);
        assert!(has_fault, "{} has no fault", alert.name);
    }
    let mut text =
        String::from("rule_files: [smswatch.rules.yml]\nevaluation_interval: 1m\ntests:\n");
    text.push_str(&staged("well", None));
    for fault in &faults {
        text.push_str(&staged(fault.alert, Some(fault)));
    }
    let folder = std::env::temp_dir().join(format!("smswatch-rules-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let rules = rules::render(alerts::ALERTS);
    fs::write(folder.join("smswatch.rules.yml"), rules).expect("a file");
    fs::write(folder.join("staged.yml"), text).expect("a file");
    promtool(&folder, &["test", "rules", "staged.yml"]);
    fs::remove_dir_all(&folder).expect("it was made");
}
