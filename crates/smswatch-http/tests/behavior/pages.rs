//! Pages show what the API tells, to those who may see it, and do what buttons say, for those who may.

use std::sync::Arc;

use serde_json::Value;
use smswatch_http::{ApiToken, Scope};
use smswatch_plugin::Secret;

use crate::house::{Answer, House};
use crate::parts::BrokenSink;
use crate::visitor::Visitor;

fn tokens() -> Vec<ApiToken> {
    let token = |name: &str, scope| ApiToken {
        name: name.to_owned(),
        token: Secret::new(format!("token-of-{name}")),
        scope,
    };
    vec![token("reader", Scope::Read), token("writer", Scope::Write)]
}

/// Where an answer leads on to.
fn leads_to(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").expect("a location")
}

const PAGES: [&str; 8] = [
    "/",
    "/messages",
    "/deliveries",
    "/deliveries?state=dead",
    "/sinks",
    "/silences",
    "/rules",
    "/campaigns",
];

#[tokio::test]
async fn without_tokens_every_page_just_opens_and_lets_nothing_else_run() {
    let house = House::open().await;
    house.add(&["failed-1"]).await;
    house
        .wait_for("/v1/deliveries?state=delivered", |page| {
            page["items"][0]["id"].is_string()
        })
        .await;
    let mut visitor = Visitor::of(&house);
    for path in PAGES {
        let page = visitor.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for foreign in ["http://", "https://", "<style", " style="] {
            assert!(!page.body.contains(foreign), "{path}: {foreign}");
        }
        for link in page.body.split("href=\"").skip(1) {
            let link = link.split('"').next().expect("an address");
            if !link.starts_with('#') {
                let status = visitor.get(&link.replace("&amp;", "&")).await.status;
                assert_eq!(status, 200, "{path}: {link}");
            }
        }
    }
    let story = visitor.get("/messages/failed-1").await;
    for told in ["Carrier Violation", "it tells of everything", "taken"] {
        assert!(story.body.contains(told), "{told}: {}", story.body);
    }
    house.close().await;
}

#[tokio::test]
async fn programs_that_ask_for_the_first_page_get_the_calls_of_the_api() {
    let house = House::with_tokens(tokens()).await;
    for accept in ["*/*", "application/json", "text/plain"] {
        let answer = house.send("GET", "/", &[("accept", accept)], "").await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("GET /v1/watches"), "{accept}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert!(house.get("/api").await.body.contains("GET /v1/watches"));
    house.close().await;
}

#[tokio::test]
async fn files_of_pages_are_kept_for_long_and_under_no_other_name() {
    let house = House::open().await;
    let page = Visitor::of(&house).get("/").await.body;
    let mut n_files = 0;
    for path in page.split('"').filter(|text| text.starts_with("/assets/")) {
        let file = house.get(path).await;
        assert_eq!(file.status, 200, "{path}");
        let kept = file.header("cache-control").expect("it says so");
        assert!(kept.contains("immutable"), "{kept}");
        n_files += 1;
    }
    assert_eq!(n_files, 3, "{page}");
    assert_eq!(house.get("/assets/style.css").await.status, 404);
    house.close().await;
}

#[tokio::test]
async fn who_has_a_token_logs_in_and_out() {
    let house = House::with_tokens(tokens()).await;
    let mut visitor = Visitor::of(&house);
    let login = leads_to(&visitor.get("/deliveries?state=dead").await).to_owned();
    assert_eq!(login, "/login?next=%2Fdeliveries%3Fstate%3Ddead");
    let wrong = visitor
        .submit(&login, "/login", &[("token", "guess")])
        .await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.body.contains("not accepted"), "{}", wrong.body);
    let next = "/deliveries?state=dead";
    let fields = [("token", "token-of-writer"), ("next", next)];
    let entered = visitor.submit(&login, "/login", &fields).await;
    assert_eq!(leads_to(&entered), next);
    assert!(!visitor.cookies().contains("token-of-writer"));
    assert_eq!(visitor.get(next).await.status, 200);
    assert_eq!(leads_to(&visitor.get(&login).await), next, "once is enough");
    let left = visitor.submit("/", "/logout", &[]).await;
    assert_eq!(leads_to(&left), "/login");
    assert_eq!(visitor.get("/").await.status, 303);
    house.close().await;
}

async fn logged_in<'h>(house: &'h House, name: &str) -> Visitor<'h> {
    let mut visitor = Visitor::of(house);
    let token = format!("token-of-{name}");
    let entered = visitor
        .submit(
            "/login",
            "/login",
            &[("token", &token), ("next", "//evil.example")],
        )
        .await;
    assert_eq!(leads_to(&entered), "/", "nobody is led to another server");
    visitor
}

#[tokio::test]
async fn a_browser_that_logged_in_reads_the_api_and_changes_nothing_without_its_forms_key() {
    let house = House::with_tokens(tokens()).await;
    let mut visitor = logged_in(&house, "writer").await;
    let cookies = visitor.cookies();
    let cookie = ("cookie", &*cookies);
    assert_eq!(
        house.send("GET", "/v1/status", &[cookie], "").await.status,
        200
    );
    let pause = "/v1/sinks/crm/pause";
    let refused = house.send("POST", pause, &[cookie], "").await;
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (403, "forbidden")
    );
    let page = visitor.get("/sinks").await.body;
    let key = page
        .split("name=\"form_key\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let key = ("x-form-key", key.expect("a key"));
    assert_eq!(
        house.send("POST", pause, &[cookie, key], "").await.status,
        200
    );
    let reader = logged_in(&house, "reader").await.cookies();
    let refused = house
        .send("POST", pause, &[("cookie", &reader), key], "")
        .await;
    assert_eq!(refused.status, 403);
    house.close().await;
}

#[tokio::test]
async fn a_form_of_another_page_does_nothing() {
    let house = House::open().await;
    let mut visitor = Visitor::of(&house);
    let key = {
        let page = visitor.get("/sinks").await.body;
        let key = page
            .split("name=\"form_key\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        key.expect("a key").to_owned()
    };
    let pause = "/sinks/crm/pause";
    let mut stranger = Visitor::of(&house);
    for answer in [
        visitor.post(pause, &[], &[]).await,
        visitor.post(pause, &[("form_key", "guess")], &[]).await,
        visitor
            .post(
                pause,
                &[("form_key", &key)],
                &[("sec-fetch-site", "cross-site")],
            )
            .await,
        stranger.post(pause, &[("form_key", &key)], &[]).await,
    ] {
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains("too old"), "{}", answer.body);
    }
    assert_eq!(
        house.get("/v1/sinks").await.json()["items"][0]["state"],
        "delivering"
    );
    let done = visitor
        .post(
            pause,
            &[("form_key", &key)],
            &[("sec-fetch-site", "same-origin")],
        )
        .await;
    assert_eq!(leads_to(&done), "/sinks?done=paused");
    assert!(
        visitor
            .get("/sinks?done=paused")
            .await
            .body
            .contains("The sink is paused.")
    );
    house.close().await;
}

#[tokio::test]
async fn who_may_only_read_sees_no_buttons_and_presses_none() {
    let house = House::with_tokens(tokens()).await;
    house.add_as("token-of-writer", &["failed-1"]).await;
    let mut visitor = logged_in(&house, "reader").await;
    for path in PAGES {
        let page = visitor.get(path).await.body;
        let posts = page.matches("method=\"post\"").count();
        let expected = 1 + usize::from(
            path.starts_with("/deliveries") && page.contains("/deliveries/confirm"),
        );
        assert_eq!(posts, expected, "{path}: to log out, {page}");
    }
    let refused = visitor.submit("/", "/sinks/crm/pause", &[]).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    house.close().await;
}

#[tokio::test]
async fn a_stranger_who_guesses_has_to_wait_while_right_tokens_log_in() {
    let house = House::with_tokens(tokens()).await;
    let mut stranger = Visitor::of(&house);
    for _ in 0..10 {
        let wrong = stranger
            .submit("/login", "/login", &[("token", "guess")])
            .await;
        assert_eq!(wrong.status, 403);
    }
    let refused = stranger
        .submit("/login", "/login", &[("token", "another guess")])
        .await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(stranger.get("/").await.status, 303);
    // Behind a proxy all come from one address.
    let mut colleague = logged_in(&house, "reader").await;
    assert_eq!(colleague.get("/").await.status, 200);
    house.close().await;
}

#[tokio::test]
async fn dead_letters_are_sent_again_after_it_was_said_how_many() {
    let sink = Arc::new(BrokenSink::default());
    let house = House::with_sink(Arc::clone(&sink) as _).await;
    house.add(&["failed-1", "failed-2", "failed-3"]).await;
    let count = |page: &Value| page["items"].as_array().map_or(0, Vec::len);
    let dead = "/v1/deliveries?state=dead";
    let page = house.wait_for(dead, |page| count(page) == 3).await;
    let first = page["items"][0]["id"].as_str().expect("an id").to_owned();
    let mut visitor = Visitor::of(&house);
    let now = visitor.get("/").await.body;
    assert!(now.contains("3 dead letters for"), "{now}");
    let list = "/deliveries?state=dead&sink=crm";
    let page = visitor.get(list).await.body;
    assert!(page.contains("3 ×</strong>"), "{page}");
    assert!(page.contains("it is broken"), "{page}");
    sink.mend();

    let chosen = [
        ("what", "drop"),
        ("id", &*first),
        ("state", "dead"),
        ("sink", "crm"),
    ];
    let asked = visitor.submit(list, "/deliveries/confirm", &chosen).await;
    assert!(asked.body.contains("Drop 1 delivery?"), "{}", asked.body);
    assert_eq!(
        count(&house.get(dead).await.json()),
        3,
        "nothing is done yet"
    );
    let done = visitor.submit(list, "/deliveries/do", &chosen).await;
    assert_eq!(
        leads_to(&done),
        "/deliveries?state=dead&sink=crm&done=dropped.1"
    );

    let all = [("what", "retry-all"), ("state", "dead"), ("sink", "crm")];
    let asked = visitor.submit(list, "/deliveries/confirm", &all).await;
    assert!(
        asked.body.contains("Send 2 deliveries again?"),
        "{}",
        asked.body
    );
    let done = visitor.submit(list, "/deliveries/do", &all).await;
    let told = visitor.get(leads_to(&done)).await.body;
    assert!(
        told.contains("2 deliveries are on the way again."),
        "{told}"
    );
    house
        .wait_for("/v1/deliveries?state=delivered", |page| count(page) >= 2)
        .await;
    assert_eq!(
        visitor.get(&format!("/deliveries/{first}")).await.status,
        404
    );
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_is_said_where_it_was_typed() {
    let house = House::open().await;
    let mut visitor = Visitor::of(&house);
    let fields = [
        ("match", "country GR"),
        ("until", "2h"),
        ("comment", "<b>why</b>"),
    ];
    let refused = visitor.submit("/silences/new", "/silences", &fields).await;
    assert_eq!(refused.status, 200);
    assert!(
        refused.body.contains("expected a key, a colon and a value"),
        "{}",
        refused.body
    );
    assert!(
        refused.body.contains("&lt;b&gt;why&lt;/b&gt;"),
        "what was typed stays"
    );
    let tried = visitor
        .submit("/rules", "/rules/try", &[("event", "{}")])
        .await;
    assert!(tried.body.contains("this is no event"), "{}", tried.body);
    for path in [
        "/messages/unknown",
        "/deliveries/dlv_none",
        "/messages/%20",
        "/deliveries?since=yesterday",
    ] {
        let answer = visitor.get(path).await;
        assert!((400..500).contains(&answer.status), "{path}");
        assert!(answer.body.contains("<h1>"), "{path}: {}", answer.body);
    }
    house.close().await;
}

#[tokio::test]
async fn an_event_that_is_pasted_is_tried_on_all_rules() {
    let house = House::open().await;
    house.add(&["failed-1"]).await;
    let events = house
        .wait_for("/v1/events", |page| page["items"][0].is_object())
        .await;
    let event = events["items"][0].to_string();
    let mut visitor = Visitor::of(&house);
    let tried = visitor
        .submit("/rules", "/rules/try", &[("event", &event)])
        .await;
    assert!(
        tried.body.contains("it tells of everything"),
        "{}",
        tried.body
    );
    house.close().await;
}

#[tokio::test]
async fn a_search_finds_messages_by_what_happened_to_them() {
    let house = House::open().await;
    house.add(&["failed-1", "other"]).await;
    house
        .wait_for("/v1/events", |page| page["items"][0].is_object())
        .await;
    let mut visitor = Visitor::of(&house);
    for (query, finds) in [
        ("status=carrier+violation", true),
        ("outcome=failed&tag=team%3Dcrm", true),
        ("tag=team%3Dbilling", false),
        ("country=GR", false),
    ] {
        let page = visitor.get(&format!("/messages?{query}")).await.body;
        assert_eq!(
            page.contains("/messages/failed-1"),
            finds,
            "{query}: {page}"
        );
    }
    let led = visitor.get("/messages?id=failed-1").await;
    assert_eq!(leads_to(&led), "/messages/failed-1");
    house.close().await;
}
