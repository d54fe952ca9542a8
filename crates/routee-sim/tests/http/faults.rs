//! Faults: each kind as a client sees it, and when they strike.

use reqwest::StatusCode;
use routee_sim::{Endpoint, Fate, FaultKind, FaultRule, RetryAfter, SimConfig};
use serde_json::{Value, json};

use crate::{Stage, stage};

fn once(kind: FaultKind) -> FaultRule {
    FaultRule {
        kind,
        next: Some(1),
        ..FaultRule::default()
    }
}

/// A stage with one queued message, and the answer's body under `kind`.
async fn spoiled(stage: &Stage, id: &str, kind: FaultKind) -> (StatusCode, Vec<u8>) {
    stage.sim.add_fault(once(kind));
    let answer = stage.track(id).await;
    let status = answer.status();
    (status, answer.bytes().await.expect("a whole body").to_vec())
}

async fn scene() -> (Stage, String) {
    let stage = stage(SimConfig::default()).await;
    let id = stage.sim.register(Fate::Queued).expect("registered");
    (stage, id)
}

#[tokio::test]
async fn bodies_are_spoiled_in_every_way() {
    let (stage, id) = scene().await;
    let body = async |kind| {
        let (status, body) = spoiled(&stage, &id, kind).await;
        assert_eq!(status, StatusCode::OK);
        String::from_utf8(body).expect("text")
    };
    assert!(
        body(FaultKind::Html { status: 200 })
            .await
            .starts_with("<!doctype html>")
    );
    assert_eq!(body(FaultKind::EmptyBody).await, "");
    assert_eq!(body(FaultKind::EmptyArray).await, "[]");
    assert_eq!(body(FaultKind::NullBody).await, "null");
    for kind in [FaultKind::BrokenJson, FaultKind::TruncatedJson] {
        let text = body(kind).await;
        assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
    }
    let object: Value =
        serde_json::from_str(&body(FaultKind::ObjectInsteadOfArray).await).expect("JSON");
    assert!(object["smsId"].is_string());
    assert_eq!(
        body(FaultKind::DeepJson { depth: 5_000 }).await.len(),
        10_000
    );
    assert_eq!(
        stage.sim.message(&id).expect("known").changes_served,
        0,
        "nothing was readable"
    );

    let huge = body(FaultKind::HugeJson { mib: 3 }).await;
    assert!(huge.len() > 3 * 1024 * 1024);
    let huge: Value = serde_json::from_str(&huge).expect("valid, if large");
    assert_eq!(huge[0]["status"]["status"], "Queued");
    let stalled = body(FaultKind::StalledBody { ms: 1 }).await;
    assert!(serde_json::from_str::<Value>(&stalled).is_ok());
    assert_eq!(stage.sim.message(&id).expect("known").changes_served, 1);
}

#[tokio::test]
async fn statuses_and_retry_after_come_as_wished() {
    let (stage, id) = scene().await;
    let after = async |retry_after| {
        stage
            .sim
            .add_fault(once(FaultKind::TooManyRequests { retry_after }));
        let answer = stage.track(&id).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        let header = answer.headers().get("retry-after");
        header.map(|value| value.to_str().expect("text").to_owned())
    };
    assert_eq!(after(RetryAfter::Absent).await, None);
    assert_eq!(
        after(RetryAfter::Seconds(u64::MAX)).await,
        Some(u64::MAX.to_string())
    );
    assert_eq!(
        after(RetryAfter::Text("soon".to_owned())).await.as_deref(),
        Some("soon")
    );
    let date = after(RetryAfter::HttpDate(3)).await.expect("a header");
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");

    let (status, _) = spoiled(
        &stage,
        &id,
        FaultKind::Status {
            status: 503,
            body: None,
        },
    )
    .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        spoiled(&stage, &id, FaultKind::NotFound).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        spoiled(&stage, &id, FaultKind::Forbidden).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        spoiled(&stage, &id, FaultKind::InvalidToken).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        stage.track(&id).await.status(),
        StatusCode::OK,
        "each was for one request"
    );
}

#[tokio::test]
async fn connections_break_before_and_within_an_answer() {
    let (stage, id) = scene().await;
    // More than once: a client may repeat a request on a fresh connection by itself.
    for kind in [
        FaultKind::Reset,
        FaultKind::Close,
        FaultKind::Hang { ms: 1 },
    ] {
        stage.sim.clear_faults();
        stage.sim.add_fault(FaultRule {
            kind: kind.clone(),
            ..FaultRule::default()
        });
        let trouble = stage.request(&id).send().await.expect_err("no answer");
        let is_reset = format!("{trouble:?}").contains("ConnectionReset");
        assert_eq!(is_reset, kind == FaultKind::Reset, "{trouble:?}");
    }
    stage.sim.clear_faults();
    stage.sim.add_fault(FaultRule {
        kind: FaultKind::CutBody,
        ..FaultRule::default()
    });
    let answer = stage.track(&id).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.is_err());
    let requests = &stage.sim.stats().requests["tracking_single"];
    assert!(requests["none"] >= 3, "{requests:?}");
}

#[tokio::test]
async fn a_rule_strikes_only_what_it_is_meant_for() {
    let (stage, id) = scene().await;
    let other = stage.sim.register(Fate::Queued).expect("registered");
    stage.sim.add_fault(FaultRule {
        kind: FaultKind::NotFound,
        message: Some(id.clone()),
        ..FaultRule::default()
    });
    stage.sim.add_fault(FaultRule {
        kind: FaultKind::NotFound,
        on: Endpoint::Send,
        ..FaultRule::default()
    });
    assert_eq!(stage.track(&id).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stage.track(&other).await.status(), StatusCode::OK);
    let sent: Vec<u64> = stage
        .sim
        .stats()
        .faults
        .iter()
        .map(|fault| fault.served)
        .collect();
    assert_eq!(sent, [1, 0]);
}

#[tokio::test]
async fn a_probability_is_a_share_of_the_requests() {
    let (stage, id) = scene().await;
    stage.sim.add_fault(FaultRule {
        kind: FaultKind::Status {
            status: 500,
            body: Some("oops".to_owned()),
        },
        probability: 0.5,
        ..FaultRule::default()
    });
    for _ in 0..100 {
        stage.track(&id).await;
    }
    let served = stage.sim.stats().faults[0].served;
    assert!((20..=80).contains(&served), "{served}");
}

#[tokio::test]
async fn a_real_limit_answers_429_beyond_it() {
    let (stage, id) = scene().await;
    let limit = json!({"rate_limit": {"requests_per_second": 0.001, "burst": 3.0,
        "retry_after": {"seconds": 7}}});
    stage.sim.merge_switches(&limit).expect("known");
    for _ in 0..3 {
        assert_eq!(stage.track(&id).await.status(), StatusCode::OK);
    }
    let refused = stage.track(&id).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "7");
    assert_eq!(stage.sim.stats().rate_limited, 1);
}

#[tokio::test]
async fn latency_and_jitter_still_end_in_an_answer() {
    let (stage, id) = scene().await;
    stage
        .sim
        .merge_switches(&json!({"latency_ms": 2, "jitter_ms": 2}))
        .expect("known");
    stage.sim.add_fault(once(FaultKind::Slow { ms: 2 }));
    assert_eq!(stage.track(&id).await.status(), StatusCode::OK);
    assert_eq!(stage.parts(&id).await.len(), 1);
}
