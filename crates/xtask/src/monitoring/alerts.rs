//! What is an alert about smswatch itself, for Prometheus.

/// An alert of Prometheus.
pub(super) struct Alert {
    /// Its name, of which its heading in `docs/operation.md` is made.
    pub(super) name: &'static str,
    /// What fires.
    pub(super) expr: &'static str,
    /// For how long it must have been so.
    pub(super) wait: &'static str,
    pub(super) severity: Severity,
    /// What is wrong, in one line. Templates of Prometheus fill in labels and values.
    pub(super) summary: &'static str,
    /// What that means, and for whom.
    pub(super) description: &'static str,
}

/// How urgent an alert is.
#[derive(Clone, Copy)]
pub(super) enum Severity {
    /// It needs attention now: alerts about messages are late or lost.
    Critical,
    /// It needs attention today.
    Warning,
}

impl Severity {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

use Severity::{Critical, Warning};

/// All alerts, the most urgent questions first.
pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "SmswatchDown",
        expr: r#"up{job=~".*smswatch.*"} == 0"#,
        wait: "2m",
        severity: Critical,
        summary: "smswatch at {{ $labels.instance }} does not answer",
        description: "Prometheus cannot read the metrics of this process. If it is the only one, no alerts are sent.",
    },
    Alert {
        name: "SmswatchAbsent",
        expr: "absent(smswatch_build_info)",
        wait: "5m",
        severity: Critical,
        summary: "No smswatch is known to Prometheus",
        description: "Prometheus has no metrics of any smswatch: none runs, or none is scraped.",
    },
    Alert {
        name: "SmswatchStoreAway",
        expr: r#"smswatch_part_ok{part="store"} == 0"#,
        wait: "1m",
        severity: Critical,
        summary: "The store of smswatch at {{ $labels.instance }} cannot be used",
        description: "Nothing is polled, recorded or delivered while the store is away, and registrations and callbacks are answered 503.",
    },
    Alert {
        name: "SmswatchProviderRefusesCredentials",
        expr: r#"sum by (job) (rate(smswatch_polls_total{result="refused"}[5m])) > 0 unless sum by (job) (rate(smswatch_polls_total{result=~"seen|empty|unknown"}[5m])) > 0"#,
        wait: "2m",
        severity: Critical,
        summary: "Routee refuses the credentials of smswatch",
        description: "No poll succeeds. Changes of status are only noticed by callbacks, if there are any.",
    },
    Alert {
        name: "SmswatchProviderDown",
        expr: r#"smswatch_part_ok{part="provider"} == 0"#,
        wait: "5m",
        severity: Critical,
        summary: "Routee fails for smswatch at {{ $labels.instance }}",
        description: "Routee cannot be reached, throttles, or refuses the credentials. Changes of status are noticed late.",
    },
    Alert {
        name: "SmswatchPollsLate",
        expr: "histogram_quantile(0.99, sum by (job, le) (rate(smswatch_poll_lag_seconds_bucket[5m]))) > 60",
        wait: "5m",
        severity: Warning,
        summary: "Polls start {{ $value | humanizeDuration }} after their time",
        description: "One poll in a hundred starts at least this late, so changes of status are noticed late.",
    },
    Alert {
        name: "SmswatchSeesNothing",
        expr: r#"sum by (job) (rate(smswatch_observations_total[10m])) == 0 and on (job) max by (job) (smswatch_watches{state="watching"}) > 0"#,
        wait: "90m",
        severity: Warning,
        summary: "smswatch watches messages and learns nothing of them",
        description: "No poll, sweep or callback has told anything of a message for more than an hour and a half, although messages are watched.",
    },
    Alert {
        name: "SmswatchRoutingLate",
        expr: "histogram_quantile(0.99, sum by (job, le) (rate(smswatch_route_lag_seconds_bucket[5m]))) > 30",
        wait: "5m",
        severity: Critical,
        summary: "Rules see events {{ $value | humanizeDuration }} late",
        description: "One event in a hundred comes to the rules at least this long after it was detected. All alerts are late.",
    },
    Alert {
        name: "SmswatchUnrouted",
        expr: "max by (job) (smswatch_unrouted) > 1000",
        wait: "10m",
        severity: Critical,
        summary: "{{ $value }} log entries wait for the rules",
        description: "Events are recorded faster than they are routed, or are not routed at all. When too many wait, polling pauses and callbacks are answered 503.",
    },
    Alert {
        name: "SmswatchQueueOld",
        expr: "max by (job, sink) (smswatch_queue_oldest_seconds) > 300",
        wait: "1m",
        severity: Critical,
        summary: "An alert for sink {{ $labels.sink }} has waited for {{ $value | humanizeDuration }}",
        description: "Alerts do not reach this sink, or not all of them.",
    },
    Alert {
        name: "SmswatchQueueLong",
        expr: "max by (job, sink) (smswatch_queue_depth) > 10000",
        wait: "5m",
        severity: Warning,
        summary: "{{ $value }} deliveries wait for sink {{ $labels.sink }}",
        description: "Beyond the sink's `queue.max` (100,000 by default) the oldest below critical become dead letters.",
    },
    Alert {
        name: "SmswatchSinkDown",
        expr: "max by (job, sink) (smswatch_breaker_open) == 1",
        wait: "5m",
        severity: Critical,
        summary: "Sink {{ $labels.sink }} is down",
        description: "The sink's breaker is open: deliveries wait, and one at a time is tried.",
    },
    Alert {
        name: "SmswatchSinkTrouble",
        expr: r#"smswatch_part_ok{part=~"sink:.+"} == 0"#,
        wait: "15m",
        severity: Warning,
        summary: "{{ $labels.part }} is in trouble at {{ $labels.instance }}",
        description: "The sink, or one of the destinations that rules choose on it, fails.",
    },
    Alert {
        name: "SmswatchDeadLetters",
        expr: r#"sum by (job, sink) (increase(smswatch_deliveries_total{result="dead"}[15m])) > 0"#,
        wait: "0m",
        severity: Critical,
        summary: "Alerts for sink {{ $labels.sink }} were given up",
        description: "These deliveries were not sent and are not tried again unless you ask for it. They are kept as dead letters.",
    },
    Alert {
        name: "SmswatchSetAside",
        expr: "sum by (job) (increase(smswatch_set_aside_total[15m])) > 0",
        wait: "0m",
        severity: Critical,
        summary: "Events could not be routed and were set aside",
        description: "The rules failed on these events, so no one was notified of them.",
    },
    Alert {
        name: "SmswatchTemplateFails",
        expr: "sum by (job, rule) (increase(smswatch_template_failures_total[15m])) > 0 or (sum by (job, rule) (smswatch_template_failures_total) unless sum by (job, rule) (smswatch_template_failures_total offset 15m))",
        wait: "0m",
        severity: Warning,
        summary: "The template of rule {{ $labels.rule }} fails",
        description: "Alerts of this rule go out in default words.",
    },
    Alert {
        name: "SmswatchCallbacksSilent",
        expr: r#"smswatch_part_ok{part="callbacks"} == 0"#,
        wait: "5m",
        severity: Warning,
        summary: "No callback tells of messages that become final",
        description: "Routee's callbacks do not arrive. Polls and sweeps notice what they would have told, later.",
    },
    Alert {
        name: "SmswatchCallbacksFail",
        expr: r#"sum by (job) (rate(smswatch_callbacks_total{result=~"unavailable|too_slow|too_many_new"}[5m])) > 0.05 * sum by (job) (rate(smswatch_callbacks_total[5m]))"#,
        wait: "5m",
        severity: Critical,
        summary: "smswatch does not take callbacks",
        description: "More than one callback in twenty is not stored: the store is away or slow, too much is unrouted, or too many tell of unknown messages. Routee repeats a callback only for a while.",
    },
    Alert {
        name: "SmswatchCallbacksRefused",
        expr: r#"sum by (job) (rate(smswatch_callbacks_total{result=~"invalid|too_large|wrong_secret|foreign"}[15m])) > 0.2 * sum by (job) (rate(smswatch_callbacks_total[15m]))"#,
        wait: "15m",
        severity: Warning,
        summary: "smswatch refuses callbacks",
        description: "More than one callback in five has a wrong secret, comes from a network that may not call, or cannot be read.",
    },
    Alert {
        name: "SmswatchCallbacksSlow",
        expr: "histogram_quantile(0.99, sum by (job, le) (rate(smswatch_callback_seconds_bucket[5m]))) > 1",
        wait: "10m",
        severity: Warning,
        summary: "Callbacks take {{ $value | humanizeDuration }}",
        description: "Routee waits for 2 seconds. One callback in a hundred takes at least this long.",
    },
    Alert {
        name: "SmswatchSweepsFail",
        expr: r#"smswatch_part_ok{part=~"sweep(:.+)?"} == 0"#,
        wait: "10m",
        severity: Warning,
        summary: "Sweeps do not get all their pages: {{ $labels.part }} at {{ $labels.instance }}",
        description: "Messages that only sweeps find are noticed late or not at all.",
    },
    Alert {
        name: "SmswatchSweepsBehind",
        expr: r#"sum by (job) (increase(smswatch_sweeps_total{result="done"}[1h])) == 0"#,
        wait: "10m",
        severity: Warning,
        summary: "No sweep was done for an hour",
        description: "Sweeps have ended before, and none has for an hour. Messages that only sweeps find are not noticed.",
    },
    Alert {
        name: "SmswatchStoreSlow",
        expr: "histogram_quantile(0.99, sum by (job, le) (rate(smswatch_store_seconds_bucket[5m]))) > 0.5",
        wait: "10m",
        severity: Warning,
        summary: "Calls of the store take {{ $value | humanizeDuration }}",
        description: "One call of the store in a hundred takes at least this long, which slows everything.",
    },
    Alert {
        name: "SmswatchContentsUnreadable",
        expr: r#"smswatch_part_ok{part="contents"} == 0"#,
        wait: "15m",
        severity: Warning,
        summary: "The store holds what smswatch at {{ $labels.instance }} cannot read",
        description: "A newer version wrote it, or it is damaged. This process leaves it alone.",
    },
    Alert {
        name: "SmswatchConfigRefused",
        expr: "smswatch_config_last_reload_successful == 0",
        wait: "1m",
        severity: Warning,
        summary: "The configuration of smswatch at {{ $labels.instance }} has mistakes",
        description: "The file has changed and was refused. The process goes on with the configuration before, but would not start with this file.",
    },
    Alert {
        name: "SmswatchConfigDiffers",
        expr: r#"count by (job) (count_values by (job) ("hash", smswatch_config_hash)) > 1"#,
        wait: "15m",
        severity: Warning,
        summary: "Replicas of smswatch run with different configurations",
        description: "What a message leads to depends on which replica is at it.",
    },
    Alert {
        name: "SmswatchHeartbeatFails",
        expr: r#"smswatch_part_ok{part="heartbeat"} == 0"#,
        wait: "10m",
        severity: Warning,
        summary: "The heartbeat of smswatch at {{ $labels.instance }} does not arrive",
        description: "The dead man's switch is not told that all is well, and soon says that smswatch is dead.",
    },
    Alert {
        name: "SmswatchRestarts",
        expr: "changes(smswatch_process_start_time_seconds[30m]) > 2",
        wait: "0m",
        severity: Warning,
        summary: "smswatch at {{ $labels.instance }} started {{ $value }} times in half an hour",
        description: "It ends soon after each start. What was in flight is repeated, so alerts may come twice.",
    },
];
