//! Writes tracking answers straight into a buffer: this is the hot path.

use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};

use crate::clock::{DateForm, format_date};
use crate::part::{Details, PartView};
use crate::shape::{NumberForm, Plus, Presence, Shape, WordCase};

/// Which of the neighboring forms of a part is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As in the answer for one message.
    Single,
    /// As in the pages of the searches.
    Listed,
    /// As in callbacks.
    Callback,
}

/// Writes one part as a JSON object.
pub(crate) fn part(out: &mut BytesMut, view: &PartView<'_>, shape: &Shape, form: Form) {
    let details = view.details;
    let optional = if shape.nulls {
        Presence::Null
    } else {
        Presence::Keep
    };
    let mut object = Object::open(out);
    object.text("smsId", view.sms_id, shape.sms_id);
    object.text("messageId", view.message_id, optional);
    object.text("applicationName", &details.application_name, optional);
    object.text("originatingService", &details.originating_service, optional);
    object.text("direction", &details.direction, optional);
    object.text("from", &details.from, optional);
    match shape.to_plus {
        Plus::Keep => object.text("to", view.to, optional),
        Plus::Without => object.text("to", view.to.trim_start_matches('+'), optional),
        Plus::With if view.to.starts_with('+') => object.text("to", view.to, optional),
        Plus::With => object.text("to", &format!("+{}", view.to), optional),
    }
    let country = if shape.country_name {
        country_name(&details.country)
    } else {
        &details.country
    };
    object.text("country", country, optional);
    if let Some(operator) = &details.operator {
        let presence = if shape.nulls {
            Presence::Null
        } else {
            shape.operator
        };
        object.text("operator", operator, presence);
    }
    object.groups(
        &details.groups,
        if shape.nulls {
            Presence::Null
        } else {
            shape.groups
        },
    );
    let body = if form == Form::Callback {
        "message"
    } else {
        "body"
    };
    object.text(body, &details.body, optional);
    match (view.label, shape.label) {
        (_, Presence::Null) => object.null("label"),
        (Some(label), presence) => object.text("label", label, presence.or(optional)),
        (None, _) => {}
    }
    object.campaign(details, shape, form, optional);
    object.number("part", format_args!("{}", view.part), shape.part_numbers);
    object.number("parts", format_args!("{}", view.parts), shape.part_numbers);
    let numbers = if shape.nulls {
        NumberForm::Null
    } else {
        shape.numbers
    };
    object.number("price", format_args!("{}", view.price), numbers);
    let latency = (view.date_ms - view.accepted_ms).max(0) / 1000;
    object.number("latency", format_args!("{latency}"), numbers);
    if shape.unknown_fields {
        object.raw("quantumState", br#"{"spin":[0.5,-0.5],"observed":null}"#);
        object.raw("smscHint", br#""caf\u00e9 \ud83d\ude00""#);
    }
    status(&mut object, view, shape, form);
    object.close();
}

fn status(object: &mut Object<'_>, view: &PartView<'_>, shape: &Shape, form: Form) {
    let (word_name, date_name) = match form {
        Form::Single | Form::Listed => ("status", "date"),
        Form::Callback => ("name", "updatedDate"),
    };
    let step = view.step;
    let word = shape.unknown_status.as_deref().unwrap_or(&step.status);
    if shape.status_is_string {
        object.word("status", word, shape.status_case);
        return;
    }
    object.key("status");
    let mut status = Object::open(object.out);
    match shape.status {
        Presence::Keep => status.word(word_name, word, shape.status_case),
        Presence::Null => status.null(word_name),
        Presence::Absent => {}
    }
    match format_date(view.date_ms, shape.date) {
        Some(date) => status.plain(date_name, &date),
        None if shape.date == DateForm::Null => status.null(date_name),
        None => {}
    }
    if shape.unknown_fields {
        status.raw("carrierTrace", br#"[{"hop":1},{"hop":2}]"#);
    }
    let is_delivered = step.status.eq_ignore_ascii_case("Delivered");
    let delivered = if is_delivered {
        shape.delivered_reason
    } else {
        Presence::Keep
    };
    match (&step.detailed_status, shape.reason.or(delivered)) {
        (_, Presence::Null) => status.null("reason"),
        (None, _) | (_, Presence::Absent) => {}
        (Some(detail), Presence::Keep) => {
            status.key("reason");
            let mut reason = Object::open(status.out);
            reason.text("detailedStatus", detail, shape.detailed_status);
            reason.text(
                "description",
                step.description.as_deref().unwrap_or(""),
                Presence::Keep,
            );
            reason.close();
        }
    }
    status.close();
}

/// The old samples' way to write a country.
fn country_name(code: &str) -> &str {
    match code {
        "GR" => "Greece",
        "DE" => "Germany",
        "GB" => "United Kingdom",
        "CY" => "Cyprus",
        other => other,
    }
}

impl Presence {
    /// This presence, unless it is `Keep`.
    fn or(self, other: Self) -> Self {
        if self == Self::Keep { other } else { self }
    }
}

/// A JSON object that is being written.
pub(crate) struct Object<'a> {
    out: &'a mut BytesMut,
    is_first: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut BytesMut) -> Self {
        out.put_u8(b'{');
        Self {
            out,
            is_first: true,
        }
    }

    fn close(self) {
        self.out.put_u8(b'}');
    }

    fn key(&mut self, name: &str) {
        self.out
            .put_slice(if self.is_first { b"\"" } else { b",\"" });
        self.is_first = false;
        self.out.put_slice(name.as_bytes());
        self.out.put_slice(b"\":");
    }

    fn null(&mut self, name: &str) {
        self.raw(name, b"null");
    }

    fn raw(&mut self, name: &str, json: &[u8]) {
        self.key(name);
        self.out.put_slice(json);
    }

    /// Text that needs no escapes.
    fn plain(&mut self, name: &str, text: &str) {
        self.key(name);
        self.out.put_u8(b'"');
        self.out.put_slice(text.as_bytes());
        self.out.put_u8(b'"');
    }

    fn text(&mut self, name: &str, text: &str, presence: Presence) {
        match presence {
            Presence::Keep => {
                self.key(name);
                string(self.out, text);
            }
            Presence::Null => self.null(name),
            Presence::Absent => {}
        }
    }

    fn word(&mut self, name: &str, word: &str, case: WordCase) {
        match case {
            WordCase::Keep => self.text(name, word, Presence::Keep),
            WordCase::Upper => self.text(name, &word.to_uppercase(), Presence::Keep),
            WordCase::Lower => self.text(name, &word.to_lowercase(), Presence::Keep),
        }
    }

    fn number(&mut self, name: &str, number: std::fmt::Arguments<'_>, form: NumberForm) {
        let (before, after) = match form {
            NumberForm::Number => ("", ""),
            NumberForm::String => ("\"", "\""),
            NumberForm::Decimal => ("", ""),
            NumberForm::Null => return self.null(name),
            NumberForm::Absent => return,
        };
        self.key(name);
        self.out.put_slice(before.as_bytes());
        let start = self.out.len();
        self.out
            .write_fmt(number)
            .expect("a growing buffer takes everything");
        if form == NumberForm::Decimal && !self.out[start..].contains(&b'.') {
            self.out.put_slice(b".0");
        }
        self.out.put_slice(after.as_bytes());
    }

    /// The campaign, under the names that it has in this form.
    fn campaign(&mut self, details: &Details, shape: &Shape, form: Form, optional: Presence) {
        let name = match form {
            Form::Listed if !shape.old_campaign_field => "campaignName",
            Form::Single | Form::Listed => "campaign",
            Form::Callback => "campaignName",
        };
        let values = [
            (name, &details.campaign_name),
            ("campaignTrackingId", &details.campaign_tracking_id),
        ];
        let told = if form == Form::Single { 1 } else { 2 };
        for (name, value) in values.into_iter().take(told) {
            match value {
                Some(value) => self.text(name, value, optional),
                None if form == Form::Callback && !shape.callback_without_campaign => {
                    self.null(name);
                }
                None => {}
            }
        }
    }

    fn groups(&mut self, groups: &[String], when_empty: Presence) {
        let presence = if groups.is_empty() {
            when_empty
        } else {
            Presence::Keep
        };
        match presence {
            Presence::Keep => {
                self.key("groups");
                self.out.put_u8(b'[');
                for (position, group) in groups.iter().enumerate() {
                    if position > 0 {
                        self.out.put_u8(b',');
                    }
                    string(self.out, group);
                }
                self.out.put_u8(b']');
            }
            Presence::Null => self.null("groups"),
            Presence::Absent => {}
        }
    }
}

/// Writes a JSON string with its escapes.
pub(crate) fn string(out: &mut BytesMut, text: &str) {
    if text
        .bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
    {
        out.put_u8(b'"');
        out.put_slice(text.as_bytes());
        out.put_u8(b'"');
    } else {
        serde_json::to_writer(out.writer(), text).expect("a string can always be written");
    }
}
