//! What the messages of a notification have in common, in one line.

use smswatch_model::{Common, EventKind, plain_word};

/// The line, with how many of the messages share each thing, and how much of the traffic has it; `None` if they
/// have nothing in common. Messages that are stuck have not failed.
pub(super) fn line(common: &[Common], kind: EventKind) -> Option<String> {
    let messages = match kind {
        EventKind::StatusChanged => "failures",
        _ => "messages",
    };
    let things = common.iter().map(|common| {
        let Common {
            count,
            of,
            percent_of_traffic,
            ..
        } = common;
        let what = name(common);
        format!("{what} ({count} of {of} {messages}, {percent_of_traffic}% of the traffic)")
    });
    let things: Vec<String> = things.collect();
    (!things.is_empty()).then(|| format!("In common: {}", things.join("; ")))
}

fn name(common: &Common) -> String {
    let value = plain_word(&common.value);
    match common.key.as_str() {
        "body_key" => "the same text".to_owned(),
        "from" => format!("sender {value}"),
        key => match key.strip_prefix("tags.") {
            Some(tag) => format!("tag {tag}={value}"),
            None => format!("{key} {value}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_in_common_is_told_with_its_shares() {
        let common = |key: &str, value: &str, count, percent_of_traffic| Common {
            key: key.to_owned(),
            value: value.to_owned(),
            count,
            of: 42,
            percent_of_traffic,
        };
        let all = [
            common("operator", "Example Mobile", 41, 18),
            common("body_key", "fedcba98", 42, 3),
            common("from", "MyShop", 40, 50),
            common("tags.team", "crm", 42, 51),
        ];
        let expected = "In common: operator Example Mobile (41 of 42 failures, 18% of the traffic); \
                        the same text (42 of 42 failures, 3% of the traffic); \
                        sender MyShop (40 of 42 failures, 50% of the traffic); \
                        tag team=crm (42 of 42 failures, 51% of the traffic)";
        let told = EventKind::StatusChanged;
        assert_eq!(line(&all, told).as_deref(), Some(expected));
        assert_eq!(line(&[], told), None);
        let expected = "In common: operator Example Mobile (41 of 42 messages, 18% of the traffic)";
        assert_eq!(line(&all[..1], EventKind::Stuck).as_deref(), Some(expected));
    }
}
