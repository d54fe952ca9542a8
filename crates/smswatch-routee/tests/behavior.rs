//! The client against a simulated Routee on loopback: tokens, answers, and everything but answers.

use std::time::Duration;

use futures::future::join_all;
use routee_sim::{Endpoint, Fate, FaultKind, FaultRule, MessageSpec, RetryAfter, Sim, SimConfig};
use serde_json::json;
use smswatch_plugin::model::MessageId;
use smswatch_plugin::provider::{Poll, PollError, PollFailure, Provider};
use smswatch_plugin::{Proxy, Secret};
use smswatch_routee::{RouteeOptions, RouteeProvider};

struct Stage {
    sim: Sim,
    routee: RouteeProvider,
    message: MessageId,
}

/// How long a poll may take where none hangs: longer than a machine with much else to do takes.
const PATIENT: Duration = Duration::from_secs(20);

/// The same where one hangs for longer than that.
const IMPATIENT: Duration = Duration::from_secs(10);

fn provider(sim: &Sim, secret: &str, timeout: Duration) -> RouteeProvider {
    // Whichever test comes first installs it.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    RouteeProvider::new(RouteeOptions {
        application_id: "sim-app".to_owned(),
        application_secret: Secret::new(secret),
        api_url: sim.url().to_owned(),
        auth_url: sim.url().to_owned(),
        timeout,
        proxy: Proxy::None,
    })
    .expect("a client")
}

fn stage() -> Stage {
    stage_within(PATIENT)
}

/// The same, with so much time for a poll.
fn stage_within(timeout: Duration) -> Stage {
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let spec = MessageSpec {
        fate: Some(Fate::Queued),
        ..MessageSpec::default()
    };
    let message = MessageId::new(sim.register(spec).expect("a message")).expect("a valid id");
    Stage {
        routee: provider(&sim, "sim-secret", timeout),
        sim,
        message,
    }
}

impl Stage {
    async fn poll(&self) -> Result<Poll, PollError> {
        self.routee.poll(&self.message).await
    }

    fn next(&self, kind: FaultKind) {
        self.sim.add_fault(FaultRule {
            kind,
            next: Some(1),
            ..FaultRule::default()
        });
    }

    async fn failure(&self, kind: FaultKind) -> PollError {
        self.next(kind);
        self.poll().await.expect_err("the poll fails")
    }
}

#[tokio::test]
async fn a_known_message_is_seen_and_an_unknown_one_is_not() {
    let stage = stage();
    let Poll::Seen(report) = stage.poll().await.expect("an answer") else {
        panic!("not seen")
    };
    assert_eq!(report.parts[0].status.as_str(), "Queued");
    let unknown = MessageId::new("nobody/knows?this").expect("a valid id");
    assert_eq!(
        stage.routee.poll(&unknown).await.expect("an answer"),
        Poll::Unknown
    );
}

#[tokio::test]
async fn an_empty_array_is_no_information() {
    let stage = stage();
    let spec = MessageSpec {
        fate: Some(Fate::Empty),
        ..MessageSpec::default()
    };
    let empty = MessageId::new(stage.sim.register(spec).expect("a message")).expect("a valid id");
    assert_eq!(
        stage.routee.poll(&empty).await.expect("an answer"),
        Poll::Empty
    );
}

#[tokio::test]
async fn many_polls_at_once_ask_for_one_token() {
    let stage = stage();
    let polls = join_all((0..50).map(|_| stage.poll())).await;
    assert!(polls.iter().all(Result::is_ok));
    assert_eq!(stage.sim.stats().tokens_issued, 1);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_once_and_the_poll_repeated() {
    let stage = stage();
    stage.poll().await.expect("an answer");
    stage.sim.revoke_tokens();
    let polls = join_all((0..20).map(|_| stage.poll())).await;
    assert!(polls.iter().all(Result::is_ok));
    assert_eq!(stage.sim.stats().tokens_issued, 2);
}

#[tokio::test]
async fn wrong_credentials_are_refused_without_hammering_the_token_endpoint() {
    let stage = stage();
    let wrong = provider(&stage.sim, "hunter2-wrong", PATIENT);
    for _ in 0..10 {
        let error = wrong.poll(&stage.message).await.expect_err("it is refused");
        assert_eq!(error.kind(), PollFailure::Refused);
        assert!(error.retry_after().is_some());
        assert!(!format!("{error} {error:?} {wrong:?}").contains("hunter2"));
    }
    let stats = serde_json::to_value(stage.sim.stats()).expect("stats");
    assert_eq!(stats["requests"]["token"]["401"], 1, "{stats}");
}

#[tokio::test]
async fn polls_that_wait_for_a_token_share_the_failure_of_the_one_request() {
    let stage = stage_within(IMPATIENT);
    let hang = FaultRule {
        kind: FaultKind::Hang { ms: 60_000 },
        on: Endpoint::Token,
        ..FaultRule::default()
    };
    stage.sim.add_fault(hang);
    for poll in join_all((0..32).map(|_| stage.poll())).await {
        let error = poll.expect_err("there is no token");
        assert_eq!(error.kind(), PollFailure::Failed);
    }
    assert_eq!(stage.sim.stats().faults[0].served, 1);

    stage.sim.clear_faults();
    // The failure is remembered for a moment.
    while stage.poll().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.sim.stats().tokens_issued, 1);
}

#[tokio::test]
async fn refusals_and_pauses_are_shared_by_the_polls_that_waited() {
    for (kind, expected) in [
        (
            FaultKind::TooManyRequests {
                retry_after: RetryAfter::Seconds(7),
            },
            PollFailure::Throttled,
        ),
        (FaultKind::Forbidden, PollFailure::Refused),
    ] {
        let stage = stage();
        stage.sim.add_fault(FaultRule {
            kind,
            on: Endpoint::Token,
            ..FaultRule::default()
        });
        for poll in join_all((0..32).map(|_| stage.poll())).await {
            let error = poll.expect_err("there is no token");
            assert_eq!(error.kind(), expected);
            assert!(error.retry_after().is_some());
        }
        assert_eq!(stage.sim.stats().faults[0].served, 1);
    }
}

#[tokio::test]
async fn the_old_token_will_do_while_the_new_one_does_not_come() {
    let stage = stage();
    let patch = json!({"auth": {"expires_in": 20}});
    stage.sim.merge_switches(&patch).expect("a switch");
    stage.poll().await.expect("an answer");
    stage.sim.add_fault(FaultRule {
        kind: FaultKind::Hang { ms: 60_000 },
        on: Endpoint::Token,
        ..FaultRule::default()
    });
    while stage.sim.stats().faults[0].served == 0 {
        stage.poll().await.expect("an answer");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_time_for_a_poll_holds_for_its_token_and_its_answer_together() {
    let stage = stage_within(Duration::from_secs(12));
    for on in [Endpoint::Token, Endpoint::TrackingSingle] {
        // More than half of the time that a poll has.
        let kind = FaultKind::Slow { ms: 6_500 };
        stage.sim.add_fault(FaultRule {
            kind,
            on,
            ..FaultRule::default()
        });
    }
    let error = stage.poll().await.expect_err("it takes too long");
    assert_eq!(error.kind(), PollFailure::Failed);
    stage.poll().await.expect("the token is there by now");
}

#[tokio::test]
async fn too_many_requests_are_told_apart_and_the_wait_is_bounded() {
    let stage = stage();
    let kind = FaultKind::TooManyRequests {
        retry_after: RetryAfter::Seconds(7),
    };
    let error = stage.failure(kind).await;
    assert_eq!(error.kind(), PollFailure::Throttled);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let kind = FaultKind::TooManyRequests {
        retry_after: RetryAfter::Seconds(31_536_000),
    };
    let error = stage.failure(kind).await;
    assert!(error.retry_after().expect("a wait") <= Duration::from_secs(300));
}

#[tokio::test]
async fn whatever_is_no_tracking_is_a_failed_poll_and_the_next_one_works() {
    let stage = stage();
    let status = |status, body: &str| FaultKind::Status {
        status,
        body: Some(body.to_owned()),
    };
    for (kind, expected) in [
        (FaultKind::Html { status: 200 }, PollFailure::Failed),
        (FaultKind::Html { status: 404 }, PollFailure::Failed),
        (FaultKind::Html { status: 502 }, PollFailure::Failed),
        (status(404, ""), PollFailure::Failed),
        (status(404, "404 page not found"), PollFailure::Failed),
        (
            status(404, r#"{"error":"Not Found","status":404,"path":"/"}"#),
            PollFailure::Failed,
        ),
        (status(400, ""), PollFailure::Failed),
        (status(302, ""), PollFailure::Failed),
        (status(405, "{}"), PollFailure::Failed),
        (status(410, r#"{"code":"410005000"}"#), PollFailure::Failed),
        (
            status(200, r#"{"error":"Internal Server Error","status":500}"#),
            PollFailure::Failed,
        ),
        (FaultKind::Reset, PollFailure::Failed),
        (FaultKind::BrokenJson, PollFailure::Unreadable),
        (FaultKind::EmptyBody, PollFailure::Unreadable),
        (FaultKind::NullBody, PollFailure::Unreadable),
        (FaultKind::TruncatedJson, PollFailure::Unreadable),
        (FaultKind::HugeJson { mib: 3 }, PollFailure::Unreadable),
        (
            FaultKind::DeepJson { depth: 100_000 },
            PollFailure::Unreadable,
        ),
    ] {
        let error = stage.failure(kind.clone()).await;
        assert_eq!(error.kind(), expected, "{kind:?}: {error}");
        assert!(
            !format!("{error} {error:?}").contains("306900"),
            "{error:?}"
        );
        stage.poll().await.expect("the next one works");
    }
}

#[tokio::test]
async fn one_that_gives_no_answer_is_a_failed_poll_and_the_next_one_works() {
    let stage = stage_within(IMPATIENT);
    stage.poll().await.expect("an answer");
    let error = stage.failure(FaultKind::Hang { ms: 60_000 }).await;
    assert_eq!(error.kind(), PollFailure::Failed, "{error}");
    assert!(
        !format!("{error} {error:?}").contains("306900"),
        "{error:?}"
    );
    stage.poll().await.expect("the next one works");
}

#[tokio::test]
async fn routees_own_404_and_400_are_told_apart() {
    let stage = stage();
    stage.next(FaultKind::NotFound);
    assert_eq!(stage.poll().await.expect("an answer"), Poll::Unknown);
    stage.next(FaultKind::Status {
        status: 400,
        body: None,
    });
    assert_eq!(stage.poll().await.expect("an answer"), Poll::Invalid);
}

#[tokio::test]
async fn a_guid_is_found_however_it_is_spelled() {
    let stage = stage();
    let guid = stage.message.as_str();
    for spelled in [
        guid.to_uppercase(),
        format!("{{{guid}}}"),
        guid.replace('-', ""),
    ] {
        assert_ne!(spelled, guid);
        let spelled = MessageId::new(spelled).expect("a valid id");
        let poll = stage.routee.poll(&spelled).await.expect("an answer");
        assert!(matches!(poll, Poll::Seen(_)), "{spelled}: {poll:?}");
    }
}

#[tokio::test]
async fn a_token_is_read_leniently_too() {
    let body = "\u{feff}{\"access_token\": \"sim-token-of-nobody\", \"expires_in\": NaN, \"scope\": \"\\ud83d\",}";
    for status in [200, 201] {
        let stage = stage();
        stage.sim.add_fault(FaultRule {
            kind: FaultKind::Status {
                status,
                body: Some(body.to_owned()),
            },
            on: Endpoint::Token,
            next: Some(1),
            ..FaultRule::default()
        });
        // The simulator does not know that token; the next one it gave out itself.
        stage
            .poll()
            .await
            .expect("the token was read, refused, and replaced");
        assert_eq!(stage.sim.stats().tokens_issued, 1);
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    let options = |url: &str| RouteeOptions {
        application_id: "a".to_owned(),
        application_secret: Secret::new("s"),
        api_url: url.to_owned(),
        auth_url: "https://auth.routee.net".to_owned(),
        timeout: Duration::from_secs(1),
        proxy: Proxy::None,
    };
    for url in ["", "routee", "ftp://example.com", "mailto:a@example.com"] {
        assert!(RouteeProvider::new(options(url)).is_err(), "{url}");
    }
}

#[tokio::test]
async fn an_id_that_no_url_can_name_is_unknown_and_not_asked_for() {
    let stage = stage();
    for id in [".", ".."] {
        let id = MessageId::new(id).expect("a valid id");
        let poll = stage.routee.poll(&id).await.expect("a poll");
        assert!(matches!(poll, Poll::Unknown), "{poll:?}");
    }
}
