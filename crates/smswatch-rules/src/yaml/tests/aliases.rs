//! Anchors, aliases and merge keys are replaced by what they stand for, within bounds.

use proptest::prelude::*;
use serde_json::json;

use super::{read, refused};

#[test]
fn anchors_aliases_and_merge_keys_are_replaced_by_what_they_stand_for() {
    let document = read(
        "often: &often {schedule: [5s, 30s], give_up_after: 1h}\n\
         base: &base\n  <<: *often\n  give_up_after: 2h\n\
         a: {retry: *often}\nb: {<<: [*base, {give_up_after: 3h, x: 1}], schedule: []}\n\
         &key name: &text |\n  several\n  lines\n*key : *text\nc: {<<: }\n"
            .replace("*key :", "second:")
            .as_str(),
    );
    let often = json!({"schedule": ["5s", "30s"], "give_up_after": "1h"});
    assert_eq!(
        document.to_json(),
        json!({
            "often": often,
            "base": {"give_up_after": "2h", "schedule": ["5s", "30s"]},
            "a": {"retry": often},
            "b": {"schedule": [], "give_up_after": "2h", "x": 1},
            "name": "several\nlines\n",
            "second": "several\nlines\n",
            "c": {},
        })
    );
}

#[test]
fn a_value_behind_an_alias_has_the_place_where_it_stands_and_the_line_that_uses_it() {
    let document = read("base: &base {url: x}\nsinks:\n  a: *base\n  b:\n    <<: *base\n");
    let place = document.place("/sinks/b/url");
    assert_eq!((place.line, place.column, place.used_in), (1, 19, Some(5)));
    assert_eq!(document.place("/base/url").used_in, None);
    insta::assert_snapshot!(document.error(place, "this is no URL").label("here"), @r#"
    error: this is no URL
     --> smswatch.yaml:1:19
      |
    1 | base: &base {url: x}
      |                   ^ here
      = used by the alias in line 5
    "#);
}

#[test]
fn what_cannot_be_unfolded_is_refused_in_words() {
    let texts = [
        "a: &a [*a]\n",
        "a: &a {b: {<<: *a}}\n",
        "a: *b\nb: &b 1\n",
        "a: {<<: 1}\n",
        "a: {<<: [{x: 1}, 2]}\n",
        "a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n",
        "a: &a [1]\n*a : 2\n",
    ];
    insta::assert_snapshot!(texts.map(refused).join("\n\n"), @r#"
    error: this alias refers to itself
     --> smswatch.yaml:1:8
      |
    1 | a: &a [*a]
      |        ^^

    error: this alias refers to itself
     --> smswatch.yaml:1:16
      |
    1 | a: &a {b: {<<: *a}}
      |                ^^

    error: an unquoted `*` begins an alias, and no anchor has this name
     --> smswatch.yaml:1:4
      |
    1 | a: *b
      |    ^^

    hint: quote it: "*b"

    error: `<<` takes a mapping, or a list of mappings
     --> smswatch.yaml:1:9
      |
    1 | a: {<<: 1}
      |         ^

    hint: write `<<: *name`, and mark the mapping with `&name`

    error: `<<` takes a mapping, or a list of mappings
     --> smswatch.yaml:1:18
      |
    1 | a: {<<: [{x: 1}, 2]}
      |                  ^

    hint: write `<<: *name`, and mark the mapping with `&name`

    error: `<<` is given twice
     --> smswatch.yaml:4:3
      |
    4 |   <<: *a
      |   ^^ first given in line 3

    hint: use a list: `<<: [*first, *second]`

    error: a key must be text
     --> smswatch.yaml:2:1
      |
    2 | *a : 2
      | ^^
    "#);
}

#[test]
fn a_file_that_unfolds_to_too_much_is_refused_before_it_is_unfolded() {
    let laughs: String = (1..9)
        .map(|n| {
            format!(
                "l{n}: &l{n} [{}]\n",
                vec![format!("*l{}", n - 1); 10].join(", ")
            )
        })
        .collect();
    let said = refused(&format!("l0: &l0 lol\n{laughs}"));
    assert!(said.contains("more than 100000 values"), "{said}");
    let merged: String = (1..40)
        .map(|n| format!("m{n}: &m{n} {{a{n}: *m{}, b{n}: *m{}}}\n", n - 1, n - 1))
        .collect();
    let said = refused(&format!("m0: &m0 {{x: 1}}\n{merged}"));
    assert!(said.contains("more than 100000 values"), "{said}");
    let long = format!(
        "t: &t {}\nmany: [{}]\n",
        "x".repeat(100_000),
        vec!["*t"; 500].join(", ")
    );
    let said = refused(&long);
    assert!(said.contains("bytes of text"), "{said}");
    let deep: String = (1..70)
        .map(|n| format!("d{n}: &d{n} [*d{}]\n", n - 1))
        .collect();
    let said = refused(&format!("d0: &d0 []\n{deep}"));
    assert!(said.contains("nested too deep"), "{said}");
    let flat = format!("[{}]", vec!["1"; 100_001].join(","));
    assert!(refused(&flat).contains("more than 100000 values"));
}

/// Mappings of which each may merge some of those above it, and use them as values.
fn tangled() -> impl Strategy<Value = String> {
    let section = (
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        prop::collection::btree_map("[a-d]", any::<prop::sample::Index>(), 0..4),
        any::<bool>(),
    );
    prop::collection::vec(section, 1..6).prop_map(|sections| {
        let mut text = String::new();
        // In a list of merges serde_yaml takes in only what merges nothing itself.
        let mut simple = Vec::new();
        for (number, (merged, entries, is_first)) in sections.iter().enumerate() {
            let alias = |index: &prop::sample::Index| format!("*m{}", index.index(number));
            text.push_str(&format!("s{number}: &m{number}\n  own: {number}\n"));
            let entries: String = entries
                .iter()
                .map(|(key, index)| match number {
                    0 => format!("  {key}: 0\n"),
                    _ if index.index(2) == 0 => format!("  {key}: {number}\n"),
                    _ => format!("  {key}: [{}, x]\n", alias(index)),
                })
                .collect();
            let merge = match merged.as_slice() {
                _ if number == 0 => String::new(),
                [] => String::new(),
                [one] => format!("  <<: {}\n", alias(one)),
                some => {
                    let some = some.iter().map(|index| format!("*m{}", index.get(&simple)));
                    format!("  <<: [{}]\n", some.collect::<Vec<_>>().join(", "))
                }
            };
            if merge.is_empty() {
                simple.push(number);
            }
            let (first, second) = if *is_first {
                (merge, entries)
            } else {
                (entries, merge)
            };
            text.push_str(&first);
            text.push_str(&second);
        }
        text
    })
}

proptest! {
    #[test]
    fn aliases_and_merge_keys_mean_what_serde_yaml_says(text in tangled()) {
        let mut expected: serde_yaml::Value = serde_yaml::from_str(&text).expect("it is YAML");
        // It takes in one level of merges each time.
        for _ in 0..6 {
            expected.apply_merge().expect("only mappings are merged");
        }
        let expected = serde_json::to_value(expected).expect("it has texts for keys");
        prop_assert_eq!(read(&text).to_json(), expected, "{}", text);
    }
}
