//! What a person wants to know of an event, in a few words.

use smswatch_model::DigestRow;

use crate::mrkdwn::value;

/// Slack's limit for the fields of a section.
const FIELDS: usize = 10;

/// How much of one value is shown, in UTF-16 units; Slack's own limit is 2000 for a field.
const VALUE: usize = 300;

/// How much of one value is shown in a list.
const SHORT: usize = 60;

/// Facts as fields, the last one counting those that have no room.
pub(super) fn fields(facts: &[(String, String)]) -> Vec<String> {
    let mut fields: Vec<String> = facts.iter().map(|(name, fact)| field(name, fact)).collect();
    if fields.len() > FIELDS {
        let more = fields.len() - (FIELDS - 1);
        fields.truncate(FIELDS - 1);
        fields.push(format!("and {more} more"));
    }
    fields
}

/// One event as a line of a list.
pub(super) fn line(row: &DigestRow) -> String {
    let id = Some(row.message_id.clone());
    let at = Some(row.at.clone());
    let mut line = format!("• *{}*", value(&row.what, 2 * SHORT));
    for part in [&row.to, &row.place, &row.label, &at, &id]
        .into_iter()
        .flatten()
    {
        line.push_str(" · ");
        line.push_str(&value(part, SHORT));
    }
    line
}

fn field(name: &str, fact: &str) -> String {
    format!("*{}*\n{}", value(name, SHORT), value(fact, VALUE))
}
