//! What the dashboard shows, in the order of the questions after an alert.

/// A row of panels that answers one question.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: &'static [Panel],
}

/// One panel.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What it shows, and what is well.
    pub(super) description: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) queries: &'static [Query],
}

/// A query, and how what it returns is called.
pub(super) struct Query {
    pub(super) expr: &'static str,
    pub(super) legend: &'static str,
}

/// How a panel looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line over time.
    Lines,
    /// Areas on top of each other.
    Areas,
    /// The latest figure, red from this on.
    Figure(Option<u32>),
    /// The latest figure, red where it is 0.
    Health,
}

/// In what the figures are.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    PerSecond,
    Count,
    Bytes,
    /// A date, from seconds since 1970.
    Ago,
    /// Of one core.
    Share,
}

use Kind::{Areas, Figure, Health, Lines};
use Unit::{Ago, Bytes, Count, PerSecond, Seconds, Share};

/// A panel over time with one query.
const fn one(
    title: &'static str,
    description: &'static str,
    kind: Kind,
    unit: Unit,
    queries: &'static [Query],
) -> Panel {
    Panel {
        title,
        description,
        kind,
        unit,
        queries,
    }
}

const fn query(expr: &'static str, legend: &'static str) -> Query {
    Query { expr, legend }
}

/// The median and the 99th percentile of a histogram, by one label or by none.
macro_rules! quantiles {
    ($metric:literal) => {
        &[
            query(
                concat!(
                    "histogram_quantile(0.5, sum by (le) (rate(",
                    $metric,
                    "_bucket{job=~\"$job\"}[$__rate_interval])))"
                ),
                "p50",
            ),
            query(
                concat!(
                    "histogram_quantile(0.99, sum by (le) (rate(",
                    $metric,
                    "_bucket{job=~\"$job\"}[$__rate_interval])))"
                ),
                "p99",
            ),
        ]
    };
    ($metric:literal by $label:literal) => {
        &[
            query(
                concat!(
                    "histogram_quantile(0.5, sum by (le, ",
                    $label,
                    ") (rate(",
                    $metric,
                    "_bucket{job=~\"$job\"}[$__rate_interval])))"
                ),
                concat!("{{", $label, "}} p50"),
            ),
            query(
                concat!(
                    "histogram_quantile(0.99, sum by (le, ",
                    $label,
                    ") (rate(",
                    $metric,
                    "_bucket{job=~\"$job\"}[$__rate_interval])))"
                ),
                concat!("{{", $label, "}} p99"),
            ),
        ]
    };
}

/// How often a second something is counted, by one or more labels.
macro_rules! rate {
    ($metric:literal by $labels:literal as $legend:literal) => {
        &[query(
            concat!(
                "sum by (",
                $labels,
                ") (rate(",
                $metric,
                "{job=~\"$job\"}[$__rate_interval]))"
            ),
            $legend,
        )]
    };
}

/// A gauge of the whole store, which is equal on every replica.
macro_rules! shared {
    ($metric:literal by $label:literal) => {
        &[query(
            concat!("max by (", $label, ") (", $metric, "{job=~\"$job\"})"),
            concat!("{{", $label, "}}"),
        )]
    };
    ($metric:literal as $legend:literal) => {
        &[query(concat!("max(", $metric, "{job=~\"$job\"})"), $legend)]
    };
}

/// The dashboard.
pub(super) const ROWS: &[Row] = &[
    Row {
        title: "Is news being told?",
        panels: &[
            one(
                "Parts that work",
                "What `/readyz` says of each part, on the replica that is worst off. 0 is trouble.",
                Health,
                Count,
                &[query(
                    r#"min by (part) (smswatch_part_ok{job=~"$job"})"#,
                    "{{part}}",
                )],
            ),
            one(
                "Oldest waiting alert",
                "The age of the delivery that has waited longest. Minutes mean that alerts do not arrive.",
                Figure(Some(300)),
                Seconds,
                &[query(
                    r#"max(smswatch_queue_oldest_seconds{job=~"$job"})"#,
                    "oldest",
                )],
            ),
            one(
                "Unrouted events",
                "Log entries that the rules have not seen yet. Usually 0.",
                Figure(Some(1000)),
                Count,
                shared!("smswatch_unrouted" as "unrouted"),
            ),
            one(
                "From detection to delivery",
                "How long after a change was noticed its alert had arrived. Groups wait on purpose.",
                Lines,
                Seconds,
                quantiles!("smswatch_detect_to_deliver_seconds" by "sink"),
            ),
            one(
                "Deliveries",
                "Attempts by what came of them, and what was held back.",
                Areas,
                PerSecond,
                rate!("smswatch_deliveries_total" by "result" as "{{result}}"),
            ),
            one(
                "From detection to the rules",
                "How long an event waits until rules see it.",
                Lines,
                Seconds,
                quantiles!("smswatch_route_lag_seconds"),
            ),
        ],
    },
    Row {
        title: "Messages",
        panels: &[
            one(
                "Watches",
                "Watched messages by state.",
                Areas,
                Count,
                shared!("smswatch_watches" by "state"),
            ),
            one(
                "Events",
                "Facts that rules see, by type.",
                Areas,
                PerSecond,
                rate!("smswatch_events_total" by "type" as "{{type}}"),
            ),
            one(
                "Observations",
                "What polls, sweeps and callbacks told, and whether it was new.",
                Areas,
                PerSecond,
                rate!("smswatch_observations_total" by "source, result" as "{{source}} {{result}}"),
            ),
        ],
    },
    Row {
        title: "Provider",
        panels: &[
            one(
                "Polls",
                "Polls by what came of them. `refused`, `throttled`, `failed` and `unreadable` are trouble.",
                Areas,
                PerSecond,
                rate!("smswatch_polls_total" by "result" as "{{result}}"),
            ),
            one(
                "How late polls start",
                "From a poll's due time to its start. Growing means that there is more to ask than the limit allows.",
                Lines,
                Seconds,
                quantiles!("smswatch_poll_lag_seconds"),
            ),
            one(
                "How long a poll takes",
                "The provider's answers, as smswatch waits for them.",
                Lines,
                Seconds,
                quantiles!("smswatch_poll_seconds"),
            ),
            one(
                "Calls",
                "Calls that count towards `routee.requests_per_second`: of all replicas those that were made, and those that were left in the last minute.",
                Lines,
                PerSecond,
                &[
                    query(
                        r#"sum(rate(smswatch_provider_calls_total{job=~"$job"}[$__rate_interval]))"#,
                        "made",
                    ),
                    query(
                        r#"max(smswatch_provider_calls_left{job=~"$job"}) / 60"#,
                        "left",
                    ),
                ],
            ),
        ],
    },
    Row {
        title: "Callbacks and sweeps",
        panels: &[
            one(
                "Callbacks",
                "Callbacks by what became of them.",
                Areas,
                PerSecond,
                rate!("smswatch_callbacks_total" by "result" as "{{result}}"),
            ),
            one(
                "How long a callback takes",
                "Until it is stored. Routee waits for 2 seconds.",
                Lines,
                Seconds,
                quantiles!("smswatch_callback_seconds"),
            ),
            one(
                "Sweeps",
                "Sweeps that had all their pages, and those that had not.",
                Areas,
                PerSecond,
                rate!("smswatch_sweeps_total" by "result" as "{{result}}"),
            ),
            one(
                "How long a sweep takes",
                "All its pages together.",
                Lines,
                Seconds,
                quantiles!("smswatch_sweep_seconds"),
            ),
        ],
    },
    Row {
        title: "Sinks",
        panels: &[
            one(
                "Open breakers",
                "1 while the sink is down.",
                Figure(Some(1)),
                Count,
                shared!("smswatch_breaker_open" by "sink"),
            ),
            one(
                "Dead letters",
                "Deliveries that were given up and are kept.",
                Figure(Some(1)),
                Count,
                shared!("smswatch_dead_letters" by "sink"),
            ),
            one(
                "Queues",
                "Deliveries that wait or are attempted.",
                Lines,
                Count,
                shared!("smswatch_queue_depth" by "sink"),
            ),
            one(
                "Attempts",
                "Attempts of each sink by what came of them.",
                Areas,
                PerSecond,
                rate!("smswatch_deliveries_total" by "sink, result" as "{{sink}} {{result}}"),
            ),
            one(
                "How long an attempt takes",
                "The receivers' answers, as smswatch waits for them.",
                Lines,
                Seconds,
                quantiles!("smswatch_delivery_seconds" by "sink"),
            ),
        ],
    },
    Row {
        title: "Store",
        panels: &[
            one(
                "How long the store takes",
                "The 99th percentile by operation.",
                Lines,
                Seconds,
                &[query(
                    r#"histogram_quantile(0.99, sum by (le, op) (rate(smswatch_store_seconds_bucket{job=~"$job"}[$__rate_interval])))"#,
                    "{{op}}",
                )],
            ),
            one(
                "Calls of the store",
                "By operation.",
                Areas,
                PerSecond,
                rate!("smswatch_store_seconds_count" by "op" as "{{op}}"),
            ),
            one(
                "Set aside and unreadable",
                "Log entries that could not be routed, and stored bodies that could not be read. Usually 0.",
                Lines,
                Count,
                &[
                    query(r#"sum(smswatch_set_aside_total{job=~"$job"})"#, "set aside"),
                    query(
                        r#"sum(smswatch_unreadable_total{job=~"$job"})"#,
                        "unreadable",
                    ),
                ],
            ),
        ],
    },
    Row {
        title: "Process",
        panels: &[
            one(
                "Memory",
                "Resident memory of each replica.",
                Lines,
                Bytes,
                &[query(
                    r#"smswatch_process_resident_memory_bytes{job=~"$job"}"#,
                    "{{instance}}",
                )],
            ),
            one(
                "Processor",
                "Cores that each replica keeps busy.",
                Lines,
                Share,
                &[query(
                    r#"rate(smswatch_process_cpu_seconds_total{job=~"$job"}[$__rate_interval])"#,
                    "{{instance}}",
                )],
            ),
            one(
                "Started",
                "When each replica started.",
                Figure(None),
                Ago,
                &[query(
                    r#"smswatch_process_start_time_seconds{job=~"$job"} * 1000"#,
                    "{{instance}}",
                )],
            ),
            one(
                "Configuration was loaded",
                "0 where a changed file has mistakes and the configuration before goes on.",
                Health,
                Count,
                &[query(
                    r#"smswatch_config_last_reload_successful{job=~"$job"}"#,
                    "{{instance}}",
                )],
            ),
            one(
                "Configurations",
                "More than one: replicas run with different files.",
                Figure(Some(2)),
                Count,
                &[query(
                    r#"count(count_values("hash", smswatch_config_hash{job=~"$job"}))"#,
                    "configurations",
                )],
            ),
            one(
                "Versions",
                "Replicas by version.",
                Figure(None),
                Count,
                &[query(
                    r#"count by (version) (smswatch_build_info{job=~"$job"})"#,
                    "{{version}}",
                )],
            ),
        ],
    },
];
