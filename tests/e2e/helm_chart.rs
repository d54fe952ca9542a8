//! The chart in `deploy/helm` renders with the real Helm, and the configuration in it is one that the program takes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize as _;
use serde_yaml::Value;

use crate::process::check_in;

fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/helm/smswatch")
}

fn helm(arguments: &[&str]) -> Output {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../helm-tools");
    let mut command = Command::new(tools.join("helm"));
    let output = command.args(arguments).output();
    output.expect("`cargo xtask test` installs Helm")
}

/// What the chart becomes with these values.
fn rendered(values: &[&str]) -> Vec<Value> {
    let chart = chart().display().to_string();
    let mut arguments = vec!["template", "night", &chart];
    for value in values {
        arguments.extend(["--set", value]);
    }
    let output = helm(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let documents = serde_yaml::Deserializer::from_str(&text);
    let values = documents.map(|document| Value::deserialize(document).expect("YAML"));
    values.filter(|value| !value.is_null()).collect()
}

/// The one document of this kind, by its name.
fn of_kind<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |value: &&Value| value["kind"] == kind && value["metadata"]["name"] == name;
    let found = documents.iter().find(is_it);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// What the program says of the configuration in the chart.
#[track_caller]
fn assert_is_taken(documents: &[Value]) {
    let config = of_kind(documents, "ConfigMap", "night-smswatch");
    let text = config["data"]["smswatch.yaml"].as_str().expect("a text");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("smswatch.yaml");
    // The volume of the file.
    let volume = directory.path().display().to_string();
    let text = text.replace("/var/lib/smswatch", &volume);
    std::fs::write(&path, &text).expect("a file");
    let environment = [
        ("ROUTEE_APPLICATION_ID", "a"),
        ("ROUTEE_APPLICATION_SECRET", "b"),
        ("SMSWATCH_TOKEN", "a-token-of-this-test"),
        ("REDIS_URL", "redis://redis:6379"),
    ];
    let checked = check_in(&path, &[], &environment);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{said}\n{text}");
}

#[test]
fn helm_finds_nothing_wrong_with_the_chart() {
    let output = helm(&["lint", "--strict", &chart().display().to_string()]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("[WARNING]"), "{said}");
}

#[test]
fn replicas_on_redis_are_a_deployment_that_keeps_one_while_nodes_go() {
    let documents = rendered(&["replicas=3", "callbacks.enabled=true"]);
    assert_is_taken(&documents);
    let workload = of_kind(&documents, "Deployment", "night-smswatch");
    assert_eq!(workload["spec"]["replicas"], 3);
    let container = &workload["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["envFrom"][0]["secretRef"]["name"], "smswatch");
    of_kind(&documents, "PodDisruptionBudget", "night-smswatch");
    let service = of_kind(&documents, "Service", "night-smswatch");
    let selects = &service["spec"]["selector"];
    assert_eq!(selects, &workload["spec"]["selector"]["matchLabels"]);
    assert_eq!(service["spec"]["ports"][1]["name"], "callbacks");
}

#[test]
fn sqlite_is_a_stateful_set_of_one() {
    let documents = rendered(&["replicas=1", "store.type=sqlite"]);
    assert_is_taken(&documents);
    let workload = of_kind(&documents, "StatefulSet", "night-smswatch");
    let claim = &workload["spec"]["volumeClaimTemplates"][0];
    assert_eq!(claim["metadata"]["name"], "state");
    assert!(
        !documents
            .iter()
            .any(|document| document["kind"] == "PodDisruptionBudget")
    );

    let refused = helm(&[
        "template",
        &chart().display().to_string(),
        "--set",
        "store.type=sqlite",
    ]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("sqlite serves one replica"), "{said}");
}

#[test]
fn alerts_and_the_dashboard_come_whole() {
    let documents = rendered(&[
        "serviceMonitor.enabled=true",
        "prometheusRule.enabled=true",
        "dashboard.enabled=true",
        "serviceMonitor.labels.team=messaging",
    ]);
    let monitor = of_kind(&documents, "ServiceMonitor", "night-smswatch");
    assert_eq!(monitor["metadata"]["labels"]["team"], "messaging");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("a file");
    let rules: Value = serde_yaml::from_str(&read("prometheus/smswatch.rules.yml")).expect("YAML");
    let rendered = of_kind(&documents, "PrometheusRule", "night-smswatch");
    assert_eq!(rendered["spec"], rules);
    let dashboard = of_kind(&documents, "ConfigMap", "night-smswatch-dashboard");
    let text = dashboard["data"]["smswatch.json"].as_str().expect("a text");
    assert_eq!(text.trim(), read("grafana/smswatch.json").trim());
}
