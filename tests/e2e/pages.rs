//! The pages in a real browser, on a night on which an operator fails and a receiver refuses everything.

mod browser;
mod figures;
mod hostile;
mod looks;
mod night;

use routee_sim::Fate;
use serde_json::Value;
use smswatch_testkit::receiver::Answer;

use self::browser::Browser;
use self::figures::Figures;
use self::hostile::Hostile;
use self::night::{Night, TOKEN};
use crate::ask::{self, until};

/// The pages, each with the name that its picture has.
const PAGES: [(&str, &str); 8] = [
    ("now", "/"),
    ("messages", "/messages"),
    ("dead-letters", "/deliveries?state=dead"),
    ("sinks", "/sinks"),
    ("silences", "/silences"),
    ("rules", "/rules"),
    ("campaigns", "/campaigns"),
    ("preview", "/sinks/ops-slack/preview"),
];

/// Fails if the page that is shown is wider than the screen, or if something on it lies on something else.
async fn fits(browser: &Browser, path: &str, width: u32) {
    let beyond = browser
        .run("return document.documentElement.scrollWidth - window.innerWidth")
        .await;
    assert!(
        beyond.as_i64().is_some_and(|beyond| beyond <= 0),
        "{path} at {width}: {beyond}"
    );
    let collisions = figures::collisions(browser).await;
    assert!(collisions.is_empty(), "{path} at {width}: {collisions:?}");
}

/// Opens the first page and lets itself in.
async fn let_in(browser: &Browser, night: &Night) {
    browser.goto(&night.page("/")).await;
    browser.reads("Log in to smswatch").await;
    browser.type_into("Token", TOKEN).await;
    browser.click("Log in").await;
    browser.reads("The last 24 hours").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_night_one_sees_what_is_wrong_silences_it_sends_the_dead_again_and_follows_a_message() {
    let night = Night::fall().await;
    let browser = Browser::open().await;
    let_in(&browser, &night).await;
    assert_eq!(browser.path().await, "/");
    let now = browser.text().await;
    for told in [
        "failing-by-operator fires",
        "Example Mobile",
        "14 of 14, 100.0 %",
        "dead letters for crm",
    ] {
        assert!(now.contains(told), "{told}: {now}");
    }

    // Its matchers are filled in.
    browser.begin(&night.page("/")).await;
    browser.click("Silence it").await;
    browser.reads("What it matches").await;
    browser.click("Silence it").await;
    browser.reads("The silence begins within a second.").await;
    assert!(browser.clicks() <= 3, "silenced");
    let (_, silences) = ask::json(&night.process, "/v1/silences").await;
    let silence = &silences["items"][0];
    assert_eq!(silence["match"]["rule"], "failing-by-operator");
    assert_eq!(silence["match"]["operator"], "Example Mobile");
    assert_eq!(silence["author"], "ann");

    // Once the receiver takes what it is told.
    night.stage.webhook.answer_always(Answer::status(200));
    browser.begin(&night.page("/")).await;
    browser.click("See why, and send again").await;
    browser.reads("Why they were given up").await;
    browser.click("Send all of these again").await;
    browser.reads("They keep their ids").await;
    browser.click("again").await;
    browser.reads("on the way again.").await;
    assert!(browser.clicks() <= 3, "sent again");
    until("they are delivered", async || night.dead().await == 0).await;

    // One message, from the alert to its story, and what the rules make of its last event.
    browser.begin(&night.page("/")).await;
    browser.click("Messages that failed").await;
    browser.reads("Search").await;
    browser.click(&night.failed).await;
    browser.reads("What happened").await;
    assert!(browser.clicks() <= 3, "found");
    let story = browser.text().await;
    for told in [
        "Carrier Violation",
        "registered",
        "undelivered",
        "crm",
        "team=crm",
        "<b>sale</b>",
    ] {
        assert!(story.contains(told), "{told}: {story}");
    }
    assert!(!story.contains("+306900000001"), "the number is masked");
    browser.click("try this event on the rules").await;
    browser.reads("undelivered fires:").await;

    // The same message by its id.
    browser.begin(&night.page("/")).await;
    browser.click("Messages").await;
    browser.type_into("Message id", &night.failed).await;
    browser.click("Show its story").await;
    browser.reads("What happened").await;
    assert!(browser.clicks() <= 3, "found by its id");

    // Other rules, on what has happened.
    browser.begin(&night.page("/rules")).await;
    browser
        .type_into(
            "Rules as YAML",
            "- {name: all-of-it, match: {status: Undelivered}, notify: [crm]}",
        )
        .await;
    browser.click("Try them").await;
    browser.reads("all-of-it").await;
    browser.reads("+14").await;
    browser
        .type_into(
            "Rules as YAML",
            "- {name: all-of-it, match: {stat: Undelivered}, notify: [crm]}",
        )
        .await;
    browser.click("Try them").await;
    browser.reads("line 1: ").await;

    browser.click("Log out").await;
    browser.reads("Log in to smswatch").await;
    browser.close().await;
    assert_eq!(night.process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_follows_what_happens_and_keeps_what_somebody_opened() {
    let night = Night::fall().await;
    let browser = Browser::open().await;
    let_in(&browser, &night).await;
    browser
        .run("window.isSame = true; document.querySelector('details').open = true")
        .await;
    night.send(10, Fate::CarrierViolation, "Example Mobile");
    browser.reads("24 of 24, 100.0 %").await;
    assert_eq!(
        browser.run("return window.isSame").await,
        Value::Bool(true),
        "nobody loaded it again"
    );
    let is_open = browser
        .run("return document.querySelector('details').open")
        .await;
    assert_eq!(is_open, Value::Bool(true));
    let utc = browser
        .run("return document.querySelector('main time').title")
        .await;
    assert!(
        utc.as_str().is_some_and(|title| title.ends_with("UTC")),
        "{utc}"
    );
    browser.close().await;
    assert_eq!(night.process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_every_screen_and_stands_in_nobodys_way() {
    let night = Night::fall().await;
    let browser = Browser::open().await;
    browser.goto(&night.page("/login")).await;
    assert_eq!(browser.barriers().await, Vec::<String>::new(), "/login");
    let_in(&browser, &night).await;
    let (_, dead) = ask::json(&night.process, "/v1/deliveries?state=dead").await;
    let dead = dead["items"][0]["id"].as_str().expect("an id");
    let story = format!("/messages/{}", night.failed);
    let (delivery, silence) = (
        format!("/deliveries/{dead}"),
        format!("/silences/new?delivery={dead}"),
    );
    let more = [
        ("story", &*story),
        ("delivery", &*delivery),
        ("new-silence", &*silence),
    ];
    for (name, path) in PAGES.into_iter().chain(more) {
        for (width, schemes) in [
            (1280, &["light", "dark"][..]),
            (360, &["light", "dark"]),
            (3840, &["light"]),
        ] {
            browser.be_wide(width).await;
            browser.goto(&night.page(path)).await;
            browser.reads("Calls of the API").await;
            for scheme in schemes {
                browser.prefer(scheme).await;
                fits(&browser, path, width).await;
                if width == 3840 {
                    continue;
                }
                assert_eq!(
                    browser.barriers().await,
                    Vec::<String>::new(),
                    "{path}, {scheme}, {width}"
                );
                let size = if width == 360 { "narrow" } else { "wide" };
                browser.picture(&format!("{name}-{size}-{scheme}")).await;
            }
        }
    }
    browser.close().await;
    assert_eq!(night.process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_small_stands_still_and_asks_nobody_else() {
    let night = Night::fall().await;
    let browser = Browser::open().await;
    let_in(&browser, &night).await;
    let (_, dead) = ask::json(&night.process, "/v1/deliveries?state=dead").await;
    let dead = dead["items"][0]["id"].as_str().expect("an id");
    let pages = PAGES.map(|(name, path)| (name, path.to_owned()));
    let more = [
        ("story", format!("/messages/{}", night.failed)),
        ("delivery", format!("/deliveries/{dead}")),
        ("new-silence", format!("/silences/new?delivery={dead}")),
    ];
    let mut measured = Vec::new();
    for (name, path) in pages.into_iter().chain(more) {
        let figures = Figures::of(&browser, &night.page(&path)).await;
        // The page itself, its style, its script, its icon, and a mail in a frame.
        assert!(figures.requests <= 5, "{path}: {figures:?}");
        assert!(figures.bytes <= 200_000, "{path}: {figures:?}");
        assert!(figures.foreign.is_empty(), "{path}: {figures:?}");
        assert!(figures.shift < 0.001, "{path}: {figures:?}");
        measured.push((name.to_owned(), figures));
    }
    figures::keep(&measured);
    browser.close().await;
    assert_eq!(night.process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_others_say_nothing_runs_overlaps_or_scrolls_sideways() {
    let night = Hostile::begin().await;
    let browser = Browser::open().await;
    let (_, dead) = ask::json(&night.process, "/v1/deliveries?state=dead").await;
    let dead = dead["items"][0]["id"].as_str().expect("an id");
    let paths = PAGES.map(|(_, path)| path.to_owned()).into_iter();
    let more = [
        format!("/messages/{}", night.failed),
        "/messages?outcome=stuck".to_owned(),
        "/deliveries".to_owned(),
        format!("/deliveries/{dead}"),
        format!("/silences/new?delivery={dead}"),
        format!("/sinks/{}/preview", night.sink),
        "/sinks/oncall-mail/preview".to_owned(),
    ];
    for path in paths.chain(more) {
        for (width, schemes) in [(360, &["light", "dark"][..]), (1280, &["light"])] {
            browser.be_wide(width).await;
            browser.goto(&night.page(&path)).await;
            browser.reads("Calls of the API").await;
            for scheme in schemes {
                browser.prefer(scheme).await;
                fits(&browser, &path, width).await;
                let title = browser.run("return document.title").await;
                assert_ne!(title, "run", "{path}");
                if width == 1280 {
                    continue;
                }
                assert_eq!(
                    browser.barriers().await,
                    Vec::<String>::new(),
                    "{path}, {scheme}"
                );
                let letters = path.chars().filter(char::is_ascii_alphabetic);
                let name: String = letters.take(24).collect();
                browser.picture(&format!("hostile-{name}-{scheme}")).await;
            }
        }
    }
    browser.close().await;
    assert_eq!(night.process.terminate(), Some(0));
}
