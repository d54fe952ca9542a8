//! Pages of many messages, and callbacks, between the client and a simulated Routee.

use std::collections::BTreeSet;
use std::time::Duration;

use routee_sim::{
    Endpoint, Fate, FaultKind, FaultRule, MessageSpec, PopulationSpec, RetryAfter, Sim, SimConfig,
};
use serde_json::json;
use smswatch_plugin::model::{MessageId, Timestamp};
use smswatch_plugin::provider::{Filter, ListedPage, Listing, PollError, PollFailure, Provider};
use smswatch_plugin::{Proxy, Secret};
use smswatch_routee::{RouteeOptions, RouteeProvider};
use smswatch_testkit::receiver::Receiver;

struct Stage {
    sim: Sim,
    routee: RouteeProvider,
}

fn stage() -> Stage {
    stage_within(Duration::from_secs(20))
}

/// The same, with so much time for an answer.
fn stage_within(timeout: Duration) -> Stage {
    smswatch_testkit::install_tls_provider();
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let routee = RouteeProvider::new(RouteeOptions {
        application_id: "sim-app".to_owned(),
        application_secret: Secret::new("sim-secret"),
        api_url: sim.url().to_owned(),
        auth_url: sim.url().to_owned(),
        timeout,
        proxy: Proxy::None,
    });
    let routee = routee.expect("a client");
    Stage { sim, routee }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("it fits"))
}

/// The last hour, and some time to come.
fn window(filters: Vec<Filter>) -> Listing {
    Listing::Window {
        from: now() - Duration::from_secs(3600),
        to: now() + Duration::from_secs(60),
        filters,
    }
}

impl Stage {
    fn population(&self, count: u64) -> Vec<String> {
        let spec = PopulationSpec {
            name: "many".to_owned(),
            count,
            ..PopulationSpec::default()
        };
        self.sim.add_population(spec).expect("a population");
        self.sim
            .population_ids("many", 0, count)
            .expect("its messages")
    }

    async fn list(&self, number: u32, size: u32) -> Result<ListedPage, PollError> {
        self.routee.list(&window(Vec::new()), number, size).await
    }

    /// All pages of a listing.
    async fn pages(&self, listing: &Listing, size: u32) -> Vec<ListedPage> {
        let mut pages = Vec::new();
        loop {
            let number = u32::try_from(pages.len()).expect("few pages");
            let page = self.routee.list(listing, number, size).await;
            pages.push(page.expect("a page"));
            if pages.last().is_some_and(|page| page.is_last) {
                return pages;
            }
        }
    }

    fn next(&self, kind: FaultKind) {
        self.sim.add_fault(FaultRule {
            kind,
            on: Endpoint::TrackingRange,
            next: Some(1),
            ..FaultRule::default()
        });
    }
}

fn ids(pages: &[ListedPage]) -> BTreeSet<String> {
    let messages = pages.iter().flat_map(|page| &page.messages);
    messages.map(|(id, _)| id.to_string()).collect()
}

#[tokio::test]
async fn all_messages_of_a_window_are_found_in_pages_of_two_thousand() {
    let stage = stage();
    let known: BTreeSet<String> = stage.population(4500).into_iter().collect();
    let pages = stage.pages(&window(Vec::new()), 2000).await;
    let rows: Vec<u32> = pages.iter().map(|page| page.rows).collect();
    assert_eq!(rows, [2000, 2000, 500]);
    assert_eq!(ids(&pages), known);
    assert!(pages.iter().all(|page| page.total_rows == Some(4500)));
    let stats = serde_json::to_value(stage.sim.stats()).expect("stats");
    assert_eq!(stats["requests"]["tracking_range"]["200"], 3, "{stats}");
}

#[tokio::test]
async fn parts_of_one_message_come_as_one_even_across_the_form_of_ids() {
    let stage = stage();
    let spec = MessageSpec {
        id: Some("ABC-1".to_owned()),
        ..Fate::MultiPart.into()
    };
    stage.sim.register(spec).expect("a message");
    let page = stage.list(0, 100).await.expect("a page");
    assert_eq!((page.rows, page.messages.len(), page.is_last), (3, 1, true));
    let (id, report) = &page.messages[0];
    assert_eq!(*id, MessageId::new("abc-1").expect("an id"));
    assert_eq!((report.parts.len(), report.facts.part_count), (3, Some(3)));
}

#[tokio::test]
async fn filters_are_sent_as_routee_writes_them() {
    let stage = stage();
    for (label, fate) in [
        ("otp-1", Fate::Failed),
        ("otp-2", Fate::Queued),
        ("news", Fate::Failed),
    ] {
        let spec = MessageSpec {
            label: Some(label.to_owned()),
            accepted_ms_ago: 60_000,
            ..fate.into()
        };
        stage.sim.register(spec).expect("a message");
    }
    let filter = |field: &str, operator: Option<&str>, term: &str| Filter {
        field: field.to_owned(),
        term: term.to_owned(),
        operator: operator.map(str::to_owned),
    };
    let filters = vec![
        filter("status.status", None, "Failed"),
        filter("label", Some("starts_with"), "otp-"),
    ];
    let page = stage.routee.list(&window(filters), 0, 100).await;
    let page = page.expect("a page");
    assert_eq!(page.messages.len(), 1);
    assert_eq!(page.messages[0].1.facts.label.as_deref(), Some("otp-1"));
}

#[tokio::test]
async fn a_campaign_is_listed_by_its_id() {
    let stage = stage();
    let spec = PopulationSpec {
        name: "campaign".to_owned(),
        count: 30,
        campaign_name: Some("summer".to_owned()),
        campaign_tracking_id: Some("c-1".to_owned()),
        ..PopulationSpec::default()
    };
    stage.sim.add_population(spec).expect("a population");
    stage.population(10);
    let campaign = |id: &str| Listing::Campaign(MessageId::new(id).expect("an id"));
    let pages = stage.pages(&campaign("c-1"), 20).await;
    assert_eq!((pages.len(), ids(&pages).len()), (2, 30));
    let (_, report) = &pages[0].messages[0];
    assert_eq!(report.facts.campaign.as_deref(), Some("summer"));
    let none = stage.routee.list(&campaign("c-2"), 0, 20).await;
    let none = none.expect("a page");
    assert_eq!((none.rows, none.is_last), (0, true));
    let none = stage.routee.list(&campaign(".."), 0, 20).await;
    assert!(none.expect("an answer").is_unknown);
}

#[tokio::test]
async fn only_routees_own_words_say_that_there_is_no_such_campaign() {
    let stage = stage();
    let campaign = Listing::Campaign(MessageId::new("c-1").expect("an id"));
    for (status, body, is_unknown) in [
        (
            404,
            r#"{"code": "404009000", "developerMessage": "x"}"#,
            true,
        ),
        (404, r#"{"code": 404005000}"#, true),
        (
            400,
            r#"{"code": "400000000", "developerMessage": "x"}"#,
            true,
        ),
        (
            400,
            r#"{"code": "400000000", "properties": {"campaignTrackingId": "x"}}"#,
            true,
        ),
        (
            400,
            r#"{"code": "400000000", "properties": {"size": "x"}}"#,
            false,
        ),
        (404, "<html>Not Found</html>", false),
        (404, "{}", false),
        (404, "", false),
    ] {
        stage.sim.add_fault(FaultRule {
            kind: FaultKind::Status {
                status,
                body: Some(body.to_owned()),
            },
            on: Endpoint::TrackingCampaign,
            next: Some(1),
            ..FaultRule::default()
        });
        let listed = stage.routee.list(&campaign, 0, 20).await;
        match listed {
            Ok(page) => assert!(is_unknown && page.is_unknown && page.is_last, "{body}"),
            Err(error) => assert!(!is_unknown, "{body}: {error}"),
        }
    }
    for status in [404, 400] {
        let body = format!(r#"{{"code": "{status}005000", "developerMessage": "x"}}"#);
        stage.next(FaultKind::Status {
            status,
            body: Some(body),
        });
        assert!(stage.list(0, 20).await.is_err(), "a search hides nothing");
    }
}

#[tokio::test]
async fn a_token_that_died_is_replaced_and_the_page_asked_for_once_more() {
    let stage = stage();
    stage.population(3);
    stage.list(0, 10).await.expect("a page");
    stage.sim.revoke_tokens();
    assert_eq!(stage.list(0, 10).await.expect("a page").rows, 3);
    assert_eq!(stage.sim.stats().tokens_issued, 2);
}

#[tokio::test]
async fn a_window_that_is_too_old_and_a_page_that_is_too_large_are_told_as_such() {
    let stage = stage();
    let old = Listing::Window {
        from: now() - Duration::from_secs(8 * 24 * 3600),
        to: now(),
        filters: Vec::new(),
    };
    let error = stage.routee.list(&old, 0, 20).await;
    let error = error.expect_err("too old");
    assert_eq!(error.kind(), PollFailure::Failed);
    assert_eq!(
        error.to_string(),
        "Routee refuses the search (400) because of `dateStart`: a search reaches back seven days, and a page has at most 2000 rows"
    );
    let switches = json!({"list": {"reject_oversize": true}});
    stage.sim.merge_switches(&switches).expect("a switch");
    let error = stage.list(0, 2001).await.expect_err("too large");
    assert!(error.to_string().contains("because of `size`"), "{error}");
}

#[tokio::test]
async fn whatever_happens_to_a_page_the_next_one_is_read() {
    let stage = stage();
    stage.population(40);
    let status = |status, body: &str| FaultKind::Status {
        status,
        body: Some(body.to_owned()),
    };
    let wait = RetryAfter::Seconds(7);
    for (kind, expected) in [
        (status(503, ""), PollFailure::Failed),
        (status(404, "{}"), PollFailure::Failed),
        (status(302, ""), PollFailure::Failed),
        (status(200, r#"{"error":"x"}"#), PollFailure::Failed),
        (status(200, "{}"), PollFailure::Unreadable),
        (FaultKind::Html { status: 200 }, PollFailure::Failed),
        (FaultKind::EmptyBody, PollFailure::Unreadable),
        (FaultKind::NullBody, PollFailure::Unreadable),
        (FaultKind::HugeJson { mib: 9 }, PollFailure::Unreadable),
        (FaultKind::CutBody, PollFailure::Failed),
        (FaultKind::Reset, PollFailure::Failed),
        (
            FaultKind::TooManyRequests { retry_after: wait },
            PollFailure::Throttled,
        ),
    ] {
        stage.next(kind.clone());
        let error = stage.list(0, 20).await.expect_err("it fails");
        assert_eq!(error.kind(), expected, "{kind:?}: {error}");
        assert!(!format!("{error:?}").contains("306900"), "{error:?}");
        let page = stage.list(0, 20).await.expect("the next one works");
        assert_eq!((page.rows, page.is_last), (20, false));
    }
}

#[tokio::test]
async fn a_bad_row_and_a_page_cut_in_half_hide_only_themselves() {
    let stage = stage();
    stage.population(20);
    stage.next(FaultKind::BadRow);
    let page = stage.list(0, 20).await.expect("a page");
    assert_eq!(
        (page.rows, page.messages.len(), page.is_last),
        (21, 20, true)
    );
    assert_eq!((page.oddities.rows, page.oddities.answers), (1, 1));

    stage.next(FaultKind::TruncatedJson);
    let page = stage.list(0, 20).await.expect("half a page");
    assert!(
        (5..15).contains(&page.messages.len()),
        "{}",
        page.messages.len()
    );
    assert!(!page.is_last);
}

#[tokio::test]
async fn a_page_that_never_comes_fails_in_the_time_of_a_poll() {
    let stage = stage_within(Duration::from_secs(5));
    stage.next(FaultKind::Hang { ms: 60_000 });
    let error = stage.list(0, 20).await.expect_err("it takes too long");
    assert!(
        error.to_string().contains("did not answer in time"),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_simulator_pushes_is_read_as_what_a_poll_tells() {
    let stage = stage();
    let receiver = Receiver::start().await;
    let switches = json!({"callbacks": {"url": receiver.url("/")}});
    stage.sim.merge_switches(&switches).expect("a switch");
    let spec = MessageSpec {
        hold: true,
        ..Fate::CarrierViolation.into()
    };
    let id = stage.sim.register(spec).expect("a message");
    stage.sim.advance_message(&id).expect("it is there");
    stage.sim.advance_message(&id).expect("it is there");
    while receiver.requests().len() < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let id = MessageId::new(id).expect("an id");
    let polled = stage.routee.poll(&id).await.expect("an answer");
    let smswatch_plugin::provider::Poll::Seen(polled) = polled else {
        panic!("{polled:?}")
    };
    let pushed: Vec<_> = receiver
        .requests()
        .iter()
        .map(|request| stage.routee.read_push(&request.body).expect("a callback"))
        .collect();
    let told = pushed.iter().find(|pushed| {
        let part = &pushed.messages[0].1.parts[0];
        part.status == polled.parts[0].status
    });
    let told = told.expect("the last change was told");
    assert_eq!(told.messages, [(id, *polled)]);
}
