//! Series of metrics on which each alert is to fire, and series on which none is.

/// Series of a service that is well, a sample a minute for longer than any alert waits.
pub(super) const WELL: &[(&str, &str)] = &[
    (r#"up{job="smswatch",instance="a"}"#, "1+0x200"),
    (
        r#"smswatch_build_info{job="smswatch",instance="a",version="1.0.0"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_part_ok{job="smswatch",instance="a",part="store"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_part_ok{job="smswatch",instance="a",part="provider"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_part_ok{job="smswatch",instance="a",part="callbacks"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_part_ok{job="smswatch",instance="a",part="contents"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_part_ok{job="smswatch",instance="a",part="heartbeat"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_part_ok{job="smswatch",instance="a",part="sink:crm"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_polls_total{job="smswatch",instance="a",result="seen"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_poll_lag_seconds_bucket{job="smswatch",instance="a",le="0.1"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_poll_lag_seconds_bucket{job="smswatch",instance="a",le="60"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_poll_lag_seconds_bucket{job="smswatch",instance="a",le="300"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_poll_lag_seconds_bucket{job="smswatch",instance="a",le="+Inf"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_observations_total{job="smswatch",instance="a",source="poll",result="same"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_watches{job="smswatch",instance="a",state="watching"}"#,
        "1000+0x200",
    ),
    (
        r#"smswatch_route_lag_seconds_bucket{job="smswatch",instance="a",le="0.1"}"#,
        "0+60x200",
    ),
    (
        r#"smswatch_route_lag_seconds_bucket{job="smswatch",instance="a",le="30"}"#,
        "0+60x200",
    ),
    (
        r#"smswatch_route_lag_seconds_bucket{job="smswatch",instance="a",le="60"}"#,
        "0+60x200",
    ),
    (
        r#"smswatch_route_lag_seconds_bucket{job="smswatch",instance="a",le="+Inf"}"#,
        "0+60x200",
    ),
    (
        r#"smswatch_unrouted{job="smswatch",instance="a"}"#,
        "3+0x200",
    ),
    (
        r#"smswatch_queue_oldest_seconds{job="smswatch",instance="a",sink="crm"}"#,
        "2+0x200",
    ),
    (
        r#"smswatch_queue_depth{job="smswatch",instance="a",sink="crm"}"#,
        "5+0x200",
    ),
    (
        r#"smswatch_breaker_open{job="smswatch",instance="a",sink="crm"}"#,
        "0+0x200",
    ),
    (
        r#"smswatch_deliveries_total{job="smswatch",instance="a",sink="crm",result="delivered"}"#,
        "0+60x200",
    ),
    (
        r#"smswatch_deliveries_total{job="smswatch",instance="a",sink="crm",result="dead"}"#,
        "4+0x200",
    ),
    (
        r#"smswatch_set_aside_total{job="smswatch",instance="a"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_template_failures_total{job="smswatch",instance="a",rule="old"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_callbacks_total{job="smswatch",instance="a",result="stored"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_callbacks_total{job="smswatch",instance="a",result="unavailable"}"#,
        "0+6x200",
    ),
    (
        r#"smswatch_callbacks_total{job="smswatch",instance="a",result="wrong_secret"}"#,
        "0+6x200",
    ),
    (
        r#"smswatch_callback_seconds_bucket{job="smswatch",instance="a",le="0.1"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_callback_seconds_bucket{job="smswatch",instance="a",le="1.0"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_callback_seconds_bucket{job="smswatch",instance="a",le="2.5"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_callback_seconds_bucket{job="smswatch",instance="a",le="+Inf"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_sweeps_total{job="smswatch",instance="a",result="done"}"#,
        "0+2x200",
    ),
    (
        r#"smswatch_part_ok{job="smswatch",instance="a",part="sweep"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_store_seconds_bucket{job="smswatch",instance="a",op="commit",le="0.01"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_store_seconds_bucket{job="smswatch",instance="a",op="commit",le="0.5"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_store_seconds_bucket{job="smswatch",instance="a",op="commit",le="1.0"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_store_seconds_bucket{job="smswatch",instance="a",op="commit",le="+Inf"}"#,
        "0+600x200",
    ),
    (
        r#"smswatch_config_last_reload_successful{job="smswatch",instance="a"}"#,
        "1+0x200",
    ),
    (
        r#"smswatch_config_hash{job="smswatch",instance="a"}"#,
        "17+0x200",
    ),
    (
        r#"smswatch_config_hash{job="smswatch",instance="b"}"#,
        "17+0x200",
    ),
    (
        r#"smswatch_process_start_time_seconds{job="smswatch",instance="a"}"#,
        "1000+0x200",
    ),
];

/// What is otherwise while something is wrong: until [`BEGINNING`] all is well.
pub(super) struct Fault {
    pub(super) alert: &'static str,
    /// The series that are others than in [`WELL`], or not there.
    pub(super) series: &'static [(&'static str, &'static str)],
}

/// When all is still well, and when each alert has fired.
pub(super) const BEGINNING: &str = "30m";
pub(super) const END: &str = "180m";

/// A fault for each alert.
pub(super) const FAULTS: &[Fault] = &[
    Fault {
        alert: "SmswatchDown",
        series: &[(r#"up{job="smswatch",instance="a"}"#, "1+0x30 0+0x170")],
    },
    Fault {
        alert: "SmswatchAbsent",
        series: &[(
            r#"smswatch_build_info{job="smswatch",instance="a",version="1.0.0"}"#,
            "1+0x30 _x170",
        )],
    },
    Fault {
        alert: "SmswatchStoreAway",
        series: &[(
            r#"smswatch_part_ok{job="smswatch",instance="a",part="store"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchProviderRefusesCredentials",
        series: &[
            (
                r#"smswatch_polls_total{job="smswatch",instance="a",result="seen"}"#,
                "0+600x30 18000+0x170",
            ),
            (
                r#"smswatch_polls_total{job="smswatch",instance="a",result="refused"}"#,
                "0+0x30 0+2x170",
            ),
        ],
    },
    Fault {
        alert: "SmswatchProviderDown",
        series: &[(
            r#"smswatch_part_ok{job="smswatch",instance="a",part="provider"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchPollsLate",
        series: &[
            (
                r#"smswatch_poll_lag_seconds_bucket{job="smswatch",instance="a",le="0.1"}"#,
                "0+600x30 18000+300x170",
            ),
            (
                r#"smswatch_poll_lag_seconds_bucket{job="smswatch",instance="a",le="60"}"#,
                "0+600x30 18000+300x170",
            ),
        ],
    },
    Fault {
        alert: "SmswatchSeesNothing",
        series: &[(
            r#"smswatch_observations_total{job="smswatch",instance="a",source="poll",result="same"}"#,
            "0+600x30 18000+0x170",
        )],
    },
    // It has never seen anything since it started.
    Fault {
        alert: "SmswatchSeesNothing",
        series: &[(
            r#"smswatch_observations_total{job="smswatch",instance="a",source="poll",result="same"}"#,
            "0+600x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchRoutingLate",
        series: &[
            (
                r#"smswatch_route_lag_seconds_bucket{job="smswatch",instance="a",le="0.1"}"#,
                "0+60x30 1800+0x170",
            ),
            (
                r#"smswatch_route_lag_seconds_bucket{job="smswatch",instance="a",le="30"}"#,
                "0+60x30 1800+0x170",
            ),
        ],
    },
    Fault {
        alert: "SmswatchUnrouted",
        series: &[(
            r#"smswatch_unrouted{job="smswatch",instance="a"}"#,
            "3+0x30 0+100x170",
        )],
    },
    Fault {
        alert: "SmswatchQueueOld",
        series: &[(
            r#"smswatch_queue_oldest_seconds{job="smswatch",instance="a",sink="crm"}"#,
            "2+0x30 0+60x170",
        )],
    },
    Fault {
        alert: "SmswatchQueueLong",
        series: &[(
            r#"smswatch_queue_depth{job="smswatch",instance="a",sink="crm"}"#,
            "5+0x30 0+200x170",
        )],
    },
    Fault {
        alert: "SmswatchSinkDown",
        series: &[(
            r#"smswatch_breaker_open{job="smswatch",instance="a",sink="crm"}"#,
            "0+0x30 1+0x170",
        )],
    },
    Fault {
        alert: "SmswatchSinkTrouble",
        series: &[(
            r#"smswatch_part_ok{job="smswatch",instance="a",part="sink:crm"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchDeadLetters",
        series: &[(
            r#"smswatch_deliveries_total{job="smswatch",instance="a",sink="crm",result="dead"}"#,
            "4+0x172 5+0x28",
        )],
    },
    Fault {
        alert: "SmswatchSetAside",
        series: &[(
            r#"smswatch_set_aside_total{job="smswatch",instance="a"}"#,
            "1+0x172 2+0x28",
        )],
    },
    Fault {
        alert: "SmswatchTemplateFails",
        series: &[(
            r#"smswatch_template_failures_total{job="smswatch",instance="a",rule="new"}"#,
            "_x172 1+0x28",
        )],
    },
    Fault {
        alert: "SmswatchTemplateFails",
        series: &[(
            r#"smswatch_template_failures_total{job="smswatch",instance="a",rule="old"}"#,
            "1+0x172 2+0x28",
        )],
    },
    Fault {
        alert: "SmswatchCallbacksSilent",
        series: &[(
            r#"smswatch_part_ok{job="smswatch",instance="a",part="callbacks"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchCallbacksFail",
        series: &[(
            r#"smswatch_callbacks_total{job="smswatch",instance="a",result="unavailable"}"#,
            "0+6x30 180+60x170",
        )],
    },
    Fault {
        alert: "SmswatchCallbacksRefused",
        series: &[(
            r#"smswatch_callbacks_total{job="smswatch",instance="a",result="wrong_secret"}"#,
            "0+6x30 180+300x170",
        )],
    },
    Fault {
        alert: "SmswatchCallbacksSlow",
        series: &[
            (
                r#"smswatch_callback_seconds_bucket{job="smswatch",instance="a",le="0.1"}"#,
                "0+600x30 18000+300x170",
            ),
            (
                r#"smswatch_callback_seconds_bucket{job="smswatch",instance="a",le="1.0"}"#,
                "0+600x30 18000+300x170",
            ),
        ],
    },
    Fault {
        alert: "SmswatchSweepsFail",
        series: &[(
            r#"smswatch_part_ok{job="smswatch",instance="a",part="sweep"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchSweepsFail",
        series: &[(
            r#"smswatch_part_ok{job="smswatch",instance="a",part="sweep:2"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchSweepsBehind",
        series: &[(
            r#"smswatch_sweeps_total{job="smswatch",instance="a",result="done"}"#,
            "0+2x30 60+0x170",
        )],
    },
    Fault {
        alert: "SmswatchStoreSlow",
        series: &[
            (
                r#"smswatch_store_seconds_bucket{job="smswatch",instance="a",op="commit",le="0.01"}"#,
                "0+600x30 18000+300x170",
            ),
            (
                r#"smswatch_store_seconds_bucket{job="smswatch",instance="a",op="commit",le="0.5"}"#,
                "0+600x30 18000+300x170",
            ),
        ],
    },
    Fault {
        alert: "SmswatchContentsUnreadable",
        series: &[(
            r#"smswatch_part_ok{job="smswatch",instance="a",part="contents"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchConfigRefused",
        series: &[(
            r#"smswatch_config_last_reload_successful{job="smswatch",instance="a"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchConfigDiffers",
        series: &[(
            r#"smswatch_config_hash{job="smswatch",instance="b"}"#,
            "17+0x30 18+0x170",
        )],
    },
    Fault {
        alert: "SmswatchHeartbeatFails",
        series: &[(
            r#"smswatch_part_ok{job="smswatch",instance="a",part="heartbeat"}"#,
            "1+0x30 0+0x170",
        )],
    },
    Fault {
        alert: "SmswatchRestarts",
        series: &[(
            r#"smswatch_process_start_time_seconds{job="smswatch",instance="a"}"#,
            "1000+0x30 2000+60x170",
        )],
    },
];
