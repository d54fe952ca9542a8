//! What comes out is JSON whatever went in, and JSON comes out as it was.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn mended(body: &[u8]) -> Value {
    let mended = mend(body).expect("a container");
    serde_json::from_slice(&mended.json).expect("it is JSON")
}

#[test]
fn odd_characters_in_a_text_are_replaced_and_the_rest_of_it_is_kept() {
    for (body, expected) in [
        (&br#"["a\ud83d"]"#[..], "a\u{fffd}"),
        (br#"["\ude00b"]"#, "\u{fffd}b"),
        (br#"["\ud83d\ud83d\ude00"]"#, "\u{fffd}\u{1f600}"),
        (br#"["\ud83dA"]"#, "\u{fffd}A"),
        (br#"["\ud83d\n"]"#, "\u{fffd}\n"),
        (br#"["\u12"]"#, "\u{fffd}12"),
        (br#"["\x41"]"#, "\u{fffd}x41"),
        (b"[\"one\ntwo\tthree\r\"]", "one\ntwo\tthree\r"),
        (b"[\"a\x00b\x1b\"]", "a\u{fffd}b\u{fffd}"),
        (b"[\"caf\xe9\"]", "caf\u{fffd}"),
        (b"[\"\xf0\x9f\x98\"]", "\u{fffd}"),
        (b"[\"\xed\xa0\xbd\"]", "\u{fffd}\u{fffd}\u{fffd}"),
        (br#"["\/\"\\\b\f"]"#, "/\"\\\u{8}\u{c}"),
    ] {
        assert_eq!(mended(body), json!([expected]), "{}", body.escape_ascii());
    }
}

#[test]
fn numbers_that_cannot_be_held_are_null_and_others_are_kept() {
    let body =
        b"[1e400, -1e400, NaN, Infinity, -Infinity, undefined, 1e3, +5, .5, 5., 007, TRUE, 0x1f]";
    let expected = json!([
        null, null, null, null, null, null, 1e3, 5.0, 0.5, 5.0, 7.0, true, null
    ]);
    assert_eq!(mended(body), expected);
    let precise = "[12345678901234567, 0.036]";
    assert_eq!(
        mended(precise.as_bytes()).to_string(),
        precise.replace(' ', "")
    );
}

#[test]
fn what_stands_where_nothing_belongs_is_skipped() {
    let expected = json!([{"a": 1, "b": [2, 3]}]);
    for body in [
        "\u{feff}[{\"a\":1,\"b\":[2,3]}]",
        "[{\"a\":1,\"b\":[2,3,],},]",
        "[,{,\"a\":1,,\"b\":[,2,3]}] trailing {\"c\": 1}",
        ")]}',\n[{\"a\":1,\"b\":[2,3]}]",
        "callback([{a:1,'b':[2 3]}]);",
        "[{\"a\":1 \"b\":[2,3]}]\0\0",
        "[{\"a\":1 oops \"stray\", \"b\":[2,3], \"c\"}]",
        "[{\"a\":1,\"c\":,\"b\":[2,3]}]",
        "[/* one */{\"a\":1,\"b\":[2,3]}] // two",
    ] {
        assert_eq!(mended(body.as_bytes()), expected, "{body}");
    }
    let utf16: Vec<u8> = "\u{feff}[1]"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(mended(&utf16), json!([1]));
}

#[test]
fn objects_that_follow_one_another_are_a_list() {
    assert_eq!(
        mended(b"{\"a\":1}\n{\"a\":2}\n"),
        json!([{"a": 1}, {"a": 2}])
    );
}

#[test]
fn what_is_cut_is_marked_in_every_object_that_was_open() {
    let mended = mend(br#"[{"a":1},{"b":{"c":"whole","d":"ha"#).expect("a container");
    assert!(mended.is_cut);
    let json: Value = serde_json::from_slice(&mended.json).expect("it is JSON");
    let expected = json!([{"a": 1}, {"b": {"c": "whole", "d": null, CUT: true}, CUT: true}]);
    assert_eq!(json, expected);
}

#[test]
fn markup_and_bare_words_are_no_json() {
    for body in [
        "",
        "<html>{\"a\":1}</html>",
        "OK",
        "\"text\"",
        " <p>[1]</p>",
    ] {
        assert_eq!(mend(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = format!(
        "[{{\"x\":{}1{},\"y\":2}}]",
        "[".repeat(500_000),
        "]".repeat(500_000)
    );
    assert_eq!(mended(deep.as_bytes())[0]["y"], 2);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |number| number.is_finite().then(|| number.into())),
        ".*".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::vec(tree, 0..4).prop_map(Value::from)
}

proptest! {
    #[test]
    fn json_comes_out_as_it_went_in(json in any_json()) {
        let text = json.to_string();
        let mended = mend(text.as_bytes()).expect("a list");
        prop_assert!(!mended.is_cut);
        // A number may change by a hair when it is read at all.
        let read: Value = serde_json::from_str(&text).expect("it is JSON");
        prop_assert_eq!(serde_json::from_slice::<Value>(&mended.json).expect("it is JSON"), read);
    }

    #[test]
    fn whatever_goes_in_json_comes_out(body in "[\\[\\]{}:,\"'\\\\ud83/*0-9eE+.\\-\u{e9}\n\0]{0,200}") {
        let body = format!("[{body}");
        let mended = mend(body.as_bytes()).expect("a list");
        prop_assert!(serde_json::from_slice::<Value>(&mended.json).is_ok(), "{}", body);
    }

    #[test]
    fn any_bytes_become_json_or_nothing(body in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(mended) = mend(&body) {
            prop_assert!(serde_json::from_slice::<Value>(&mended.json).is_ok());
        }
    }

    #[test]
    fn json_that_is_cut_anywhere_is_still_read(json in any_json(), share in 0.0..1.0_f64) {
        let text = json.to_string();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in the text")]
        let at = (text.len() as f64 * share) as usize;
        if let Some(mended) = mend(&text.as_bytes()[..at]) {
            prop_assert!(mended.is_cut);
            prop_assert!(serde_json::from_slice::<Value>(&mended.json).is_ok());
        }
    }
}
