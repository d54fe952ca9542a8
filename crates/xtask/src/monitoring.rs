//! What watches smswatch, for Prometheus and Grafana: written by `cargo xtask schema`, from tables in this folder.

mod alerts;
mod dashboard;
mod panels;
mod rules;
#[cfg(test)]
mod staged;

/// Each generated file by its path from the root of the workspace.
pub(crate) fn files() -> [(&'static str, String); 4] {
    let rules = rules::render(alerts::ALERTS);
    let dashboard = dashboard::render(panels::ROWS);
    [
        // Files of a chart lie within it.
        (
            "deploy/helm/smswatch/files/smswatch.rules.yml",
            rules.clone(),
        ),
        (
            "deploy/helm/smswatch/files/smswatch.json",
            dashboard.clone(),
        ),
        ("deploy/prometheus/smswatch.rules.yml", rules),
        ("deploy/grafana/smswatch.json", dashboard),
    ]
}

#[cfg(test)]
mod tests;
