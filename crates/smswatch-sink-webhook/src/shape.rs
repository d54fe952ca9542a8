//! The body that an operator shapes with a template: tried on samples of everything when the configuration is loaded,
//! and written for each attempt.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use serde::de::IgnoredAny;
use smswatch_sink_kit::model::{DeliveryId, EventKind, Timestamp};
use smswatch_sink_kit::{HeaderValue, InvalidConfig, Notification, Secret};
use smswatch_template::sample::{sample_notifications, with_links};
use smswatch_template::{Escape, TemplateName, TemplateTrouble, Templates};

use crate::place::Marked;

/// The body's media type where the operator names none.
const USUAL_TYPE: &str = "application/json";

/// How many steps a template may take: it delays this sink alone.
const STEPS: u64 = 2_000_000;

/// Words that careless templates do not survive.
const ODD_TITLE: &str = "An \"odd\" title: <b> & \\";
const ODD_TEXT: &str = "Its \"text\"\nhas two lines";

/// How much of a line is shown where something is wrong in it, in characters.
const SHOWN: usize = 60;

/// As many letters and digits in a row are taken for a key of the receiver.
const SHORTEST_KEY: usize = 16;

/// A template for bodies, and what it makes.
pub(crate) struct Shape {
    templates: Templates,
    name: TemplateName,
    content_type: HeaderValue,
    is_json: bool,
    keys: Vec<Secret>,
}

/// What a template sees: the fields of `data`, and what stands around them.
#[derive(Serialize)]
struct Seen<'a, D> {
    #[serde(flatten)]
    fields: &'a D,
    data: &'a D,
    #[serde(rename = "type")]
    kind: EventKind,
    timestamp: Timestamp,
    delivery_id: &'a DeliveryId,
}

impl Shape {
    /// Makes the template of a `body` of this media type, and tries it.
    pub(crate) fn new(source: &str, content_type: Option<&str>) -> Result<Self, InvalidConfig> {
        let content_type = content_type.unwrap_or(USUAL_TYPE);
        let essence = content_type.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        let header = HeaderValue::from_str(content_type).ok();
        let header = header.filter(|_| essence.contains('/')).ok_or_else(|| {
            let shown = content_type.escape_debug();
            let what = format!("`{shown}` is not a media type, such as {USUAL_TYPE}");
            InvalidConfig::at("content_type", what)
        })?;
        let escape = escape_in(&essence);
        let mut templates = Templates::with_steps(STEPS);
        let samples = samples();
        let data: Vec<_> = samples.iter().map(Notification::data).collect();
        let seen = samples.iter().zip(&data);
        let seen = seen.map(|(sample, data)| seen_of(sample, data));
        let name = templates.add("body", escape, source, seen);
        let keys = keys_in(source);
        let name = name.map_err(|trouble| {
            let what = explained(&trouble, source);
            let what = format!("invalid template{}", masked(&what, &keys));
            let error = InvalidConfig::at("body", what);
            match trouble.range {
                Some(range) => error.within(range),
                None => error,
            }
        })?;
        let shape = Self {
            templates,
            name,
            content_type: header,
            is_json: escape == Escape::Json,
            keys,
        };
        for sample in &samples {
            shape.written(sample).map_err(|trouble| {
                let error = InvalidConfig::at("body", trouble);
                match place_of_trouble(source, escape, sample) {
                    Some(range) => error.within(range),
                    None => error,
                }
            })?;
        }
        Ok(shape)
    }

    /// The media type of the body.
    pub(crate) fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }

    /// What may be keys of the receiver, which it may repeat.
    pub(crate) fn keys(&self) -> &[Secret] {
        &self.keys
    }

    /// The body for `notification`.
    ///
    /// # Errors
    ///
    /// The template fails, although it did for no sample; says why. An operator can mend it.
    pub(crate) fn body(&self, notification: &Notification) -> Result<Vec<u8>, String> {
        let written = self.written(notification);
        let failed = |trouble| format!("the template of `body` failed: {trouble}");
        written.map(String::into_bytes).map_err(failed)
    }

    fn written(&self, notification: &Notification) -> Result<String, Trouble> {
        let data = notification.data();
        let seen = seen_of(notification, &data);
        let written = self.templates.render(&self.name, &seen, None);
        let written =
            written.map_err(|trouble| Trouble::Failed(masked(&trouble.what, &self.keys)))?;
        if self.is_json
            && let Err(error) = serde_json::from_str::<IgnoredAny>(&written)
        {
            let line = written.lines().nth(error.line().saturating_sub(1));
            return Err(Trouble::NotJson {
                kind: notification.kind,
                // Before it is cut: the part of a key would not be recognized.
                line: line
                    .map(|line| around(&masked(line, &self.keys), error.column()))
                    .unwrap_or_default(),
                error,
            });
        }
        Ok(written)
    }
}

/// Which bytes of a template are to blame if what it makes of `sample` is not JSON. `None` if that cannot be told.
fn place_of_trouble(source: &str, escape: Escape, sample: &Notification) -> Option<Range<usize>> {
    let marked = Marked::of(source);
    let mut templates = Templates::with_steps(STEPS);
    let data = sample.data();
    let seen = seen_of(sample, &data);
    let name = templates
        .add("marked", escape, &marked.source, [&seen])
        .ok()?;
    let made = templates.render(&name, &seen, None).ok()?;
    let made = marked.read(&made);
    let error = serde_json::from_str::<IgnoredAny>(&made.text).err()?;
    let before = made
        .text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let at = before.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    // What ends too early does so at its last letter.
    let at = made
        .text
        .floor_char_boundary(at.min(made.text.trim_end().len().saturating_sub(1)));
    made.wrote(at)
        .filter(|range| source.get(range.clone()).is_some())
}

/// Why a template makes no body.
enum Trouble {
    Failed(String),
    NotJson {
        kind: EventKind,
        error: serde_json::Error,
        line: String,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(what) => formatter.write_str(what),
            Self::NotJson { kind, error, line } => write!(
                formatter,
                "what it makes of `{kind}` events is not JSON: {error}, in `{line}`; write whole values, and what \
                 may be null, as `{{{{ value|tojson }}}}`",
                kind = kind.as_str()
            ),
        }
    }
}

/// `text` with as many stars in place of each of `keys`, so that everything else keeps its column.
fn masked(text: &str, keys: &[Secret]) -> String {
    keys.iter().fold(text.to_owned(), |text, key| {
        text.replace(key.reveal(), &"*".repeat(key.reveal().len()))
    })
}

/// The part of a line around a column, counted in bytes from 1.
fn around(line: &str, column: usize) -> String {
    let end = line.floor_char_boundary(column.min(line.len()));
    let before = line[..end].chars().count();
    let shown = line.chars().skip(before.saturating_sub(SHOWN / 2));
    shown.take(SHOWN).collect::<String>().trim().to_owned()
}

/// What is wrong with a template, and in which of its lines.
fn explained(trouble: &TemplateTrouble, source: &str) -> String {
    let before = trouble
        .range
        .as_ref()
        .and_then(|range| source.get(..range.start));
    let line = before.map(|before| before.matches('\n').count() + 1);
    let is_long = source.trim_end().contains('\n');
    let place = line
        .filter(|_| is_long)
        .map(|line| format!(", in its line {line}"));
    let what = &trouble.what;
    let is_missing = what.ends_with("is undefined") || what.ends_with("have none here");
    let hint = match is_missing {
        true => "; not every event has this: check that first, as in `{{ alert.state if alert }}`",
        false => "",
    };
    format!("{}: {what}{hint}", place.unwrap_or_default())
}

/// How values are written in a body of this media type.
fn escape_in(essence: &str) -> Escape {
    let has_suffix = |suffix: &str| essence.ends_with(suffix);
    match essence {
        "application/json" => Escape::Json,
        "application/x-www-form-urlencoded" => Escape::Url,
        "text/html" | "text/xml" | "application/xml" => Escape::Markup,
        _ if has_suffix("+json") => Escape::Json,
        _ if has_suffix("+xml") => Escape::Markup,
        _ => Escape::Nothing,
    }
}

/// A sample of everything that a sink can be told of, in odd words.
fn samples() -> Vec<Notification> {
    let samples = EventKind::ALL.into_iter().flat_map(sample_notifications);
    let samples = samples.map(|sample| Notification {
        title: ODD_TITLE.to_owned(),
        text: ODD_TEXT.to_owned(),
        ..sample
    });
    samples
        .flat_map(|sample| [with_links(&sample, 0), with_links(&sample, 1)])
        .collect()
}

fn seen_of<'a, D: Serialize>(notification: &'a Notification, data: &'a D) -> Seen<'a, D> {
    Seen {
        fields: data,
        data,
        kind: notification.kind,
        timestamp: notification.timestamp,
        delivery_id: &notification.delivery_id,
    }
}

/// What may be keys in a template: each long run of letters and digits.
fn keys_in(source: &str) -> Vec<Secret> {
    let is_of_key = |sign: char| sign.is_ascii_alphanumeric() || "_-+/=.:".contains(sign);
    let runs = source.split(|sign| !is_of_key(sign));
    let keys = runs.filter(|run| {
        run.len() >= SHORTEST_KEY && run.contains(|sign: char| sign.is_ascii_digit())
    });
    keys.map(Secret::new).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use smswatch_testkit::sample;

    use super::*;

    fn made(source: &str, content_type: Option<&str>) -> Shape {
        let shape = Shape::new(source, content_type);
        shape.unwrap_or_else(|error| panic!("{error}"))
    }

    fn body(source: &str, content_type: Option<&str>, notification: &Notification) -> String {
        let body = made(source, content_type).body(notification);
        String::from_utf8(body.expect("the template works")).expect("UTF-8")
    }

    #[test]
    fn a_body_says_what_it_is_asked_to_in_json_that_can_be_read() {
        let source = r#"{
            "summary": "{{ severity }}: {{ title }}",
            "text": {{ text|tojson }},
            "id": "{{ delivery_id }}", "kind": "{{ type }}", "at": "{{ timestamp }}",
            "same": {{ data.title == title }},
            "operator": {{ events[0].message.operator|tojson }},
            "tags": {{ events[0].message.tags }}
        }"#;
        let read: Value = serde_json::from_str(&body(source, None, &sample::odd())).expect("JSON");
        assert_eq!(
            read,
            json!({
                "summary": format!("critical: {}", sample::ODD_TEXT),
                "text": format!("{}\nand a second line", sample::ODD_TEXT),
                "id": "dlv_00000000000000000000000000000001",
                "kind": "sms.status_changed",
                "at": "2026-05-01T10:28:50.120Z",
                "same": true,
                "operator": "Example Mobile",
                "tags": {sample::ODD_TEXT: sample::ODD_TEXT},
            })
        );
    }

    #[test]
    fn the_whole_document_can_be_handed_on() {
        let notification = sample::notification_of(1_000);
        let body = body("{\"alert\": {{ data|tojson }}}", None, &notification);
        let read: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(
            read["alert"],
            serde_json::to_value(notification.data()).expect("JSON")
        );
    }

    #[test]
    fn values_stay_values_in_every_media_type() {
        let notification = sample::odd();
        let form = body(
            "text={{ title }}&n={{ events|count }}",
            Some("application/x-www-form-urlencoded"),
            &notification,
        );
        let url = format!("http://example.com/?{form}");
        let read: smswatch_sink_kit::Url = url.parse().expect("a URL");
        let pairs: Vec<_> = read.query_pairs().collect();
        assert_eq!(pairs[0], ("text".into(), sample::ODD_TEXT.into()));
        let xml = body(
            "<a>{{ title }}</a>",
            Some("text/xml; charset=utf-8"),
            &notification,
        );
        assert!(
            xml.contains("&lt;b&gt;bold&lt;&#x2f;b&gt; &amp; &lt;!channel&gt;"),
            "{xml}"
        );
        let text = body("{{ title }}", Some("text/plain"), &notification);
        assert_eq!(text, sample::ODD_TEXT);
    }

    #[test]
    fn a_mistake_is_told_with_its_key_and_its_place() {
        let error = |source: &str, content_type: Option<&str>| {
            let error = Shape::new(source, content_type)
                .err()
                .expect("it makes no sense");
            let place = error.range().and_then(|range| source.get(range));
            let place = place.map_or_else(String::new, |place| format!(" at `{place}`"));
            format!("{}{place}: {error}", error.key().unwrap_or("-"))
        };
        let errors = [
            error("{{ titel }}", None),
            error("{\n  \"a\": \"{{ title\"\n}", None),
            error("{\n  \"a\": \"{{ events[0].mesage }}\"\n}", None),
            error("{\"a\": \"{{ title|upercase }}\"}", None),
            error("{\"a\": {{ title }}}", None),
            error(
                "{\n  \"to\": {{ events[0].message.to }},\n  \"b\": 1\n}",
                None,
            ),
            error("{\"s\": \"{{ alert.state }}\"}", None),
            error(
                "{\n  \"a\": [{% for event in events %}{{ event.sequence }},{% endfor %}]\n}",
                None,
            ),
            error("{\"a\": 1,}", None),
            error("{\"a\": {{ events[0].sequence }}", None),
            error("not JSON", Some("application/vnd.pager+json")),
            error("x", Some("json")),
            error("x", Some("text/plain\r\nx: y")),
        ];
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn a_template_that_fails_for_no_sample_may_work_later() {
        let shape = made(
            "{\"n\": {% if events|length > 5 %}x{% else %}1{% endif %}}",
            None,
        );
        assert!(shape.body(&sample::notification()).is_ok());
        let error = shape
            .body(&sample::notification_of(6))
            .expect_err("not JSON");
        insta::assert_snapshot!(error);
    }

    #[test]
    fn no_mistake_shows_a_key_nor_a_part_of_one() {
        let key = "R0123456789abcdefABCDEF";
        let mistakes = [
            format!("{{\"routing_key\": \"{key}\", \"a\": {{{{ title }}}}}}"),
            format!("{{\"a\": 1, {}\"k\": \"{key}\" \"b\"}}", " ".repeat(30)),
            format!("{{\"a\": \"{{{{ title|{key} }}}}\"}}"),
            format!("{{{{ \"{key}\" {key} }}}}"),
        ];
        for source in mistakes {
            let error = Shape::new(&source, None).err();
            let told = error.expect("it makes no sense").to_string();
            assert!(!told.contains("R012") && !told.contains("CDEF"), "{told}");
        }
        let source = format!(
            "{{\"routing_key\": \"{key}\", \"n\": {{% if events|length > 5 %}}x{{% else %}}1{{% endif %}}}}"
        );
        let error = made(&source, None).body(&sample::notification_of(6));
        let told = error.expect_err("not JSON");
        assert!(!told.contains("CDEF") && told.contains("x}"), "{told}");
    }

    #[test]
    fn what_may_be_a_key_is_known() {
        let source =
            r#"{"routing_key": "R0123456789abcdefABCDEF", "text": "{{ text|cut(1024) }}"}"#;
        let keys = made(source, None).keys().to_vec();
        assert_eq!(keys, [Secret::new("R0123456789abcdefABCDEF")]);
    }
}
