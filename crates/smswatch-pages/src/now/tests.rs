//! What somebody sees who opens the first page.

use std::collections::BTreeMap;

use smswatch_api::health::PartHealthReply;

use super::*;
use crate::sample::{assert_harmless, frame, hostile, incident, lines, quiet, reader};

#[test]
fn what_is_wrong_stands_on_top_the_worst_first() {
    let page = now(&frame(), &incident("it answered 401"));
    assert_harmless(&page);
    insta::assert_snapshot!(lines(&page));
}

#[test]
fn all_well_is_said_in_one_line_and_what_to_do_first() {
    insta::assert_snapshot!(lines(&now(&frame(), &quiet())));
}

#[test]
fn while_the_store_is_away_that_is_what_is_told() {
    let mut quiet = quiet();
    quiet.known = None;
    let trouble = Some("Redis at 127.0.0.1:6379: connection refused".to_owned());
    let store = PartHealthReply { ok: false, trouble };
    quiet.health.parts = BTreeMap::from([("store".to_owned(), store)]);
    let page = now(&frame(), &quiet);
    assert!(
        page.contains("<title>1 thing is wrong · smswatch</title>"),
        "{page}"
    );
    assert!(
        page.contains("127.0.0.1:6379: connection refused"),
        "{page}"
    );
}

#[test]
fn texts_of_others_neither_run_nor_break_the_page() {
    assert_harmless(&now(&frame(), &incident(&hostile())));
}

#[test]
fn who_may_only_read_sees_no_buttons_but_the_way_out() {
    let page = now(&reader(), &incident("it answered 401"));
    assert_eq!(page.matches("<button").count(), 1, "log out");
    assert!(page.contains("(reads only)"));
}
