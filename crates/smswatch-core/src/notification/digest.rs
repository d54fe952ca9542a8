//! A digest: one notification that tells what several of one rule say, as they would wait for too long one by one.

use std::collections::BTreeMap;

use smswatch_model::{DeliveryId, Event, Link, Notification, digest_ids};

/// How many events a digest shows, as many as a group does; the others are counted.
const MOST_EVENTS: usize = 50;

/// How many different titles its text tells.
const MOST_TITLES: usize = 20;

/// One notification of what all of these say, in their order; `None` if there are none. They are of one rule, one kind
/// and one destination.
///
/// Its words are those that the rule gave to each: a title is told once, with how often it was said. It belongs to none
/// of their alerts and groups, so that nothing is told later in its thread.
pub(crate) fn digest(told: &[&Notification]) -> Option<Notification> {
    let first = *told.first()?;
    let deliveries: Vec<&DeliveryId> = told.iter().map(|one| &one.delivery_id).collect();
    let (notification_id, delivery_id) = digest_ids(&deliveries);
    let titles = titles(told);
    let all: Vec<&Event> = told.iter().flat_map(|one| &one.events).collect();
    let hidden = u64::try_from(all.len().saturating_sub(MOST_EVENTS)).unwrap_or(u64::MAX);
    let omitted: u64 = told.iter().map(|one| one.omitted).sum();
    Some(Notification {
        delivery_id,
        kind: first.kind,
        timestamp: told.iter().map(|one| one.timestamp).max()?,
        overrides: first.overrides.clone(),
        key: notification_id.as_str().replacen("ntf_", "key_", 1),
        notification_id,
        rule: first.rule.clone(),
        severity: told.iter().map(|one| one.severity).max()?,
        title: title(told.len(), &first.rule, &titles),
        text: text(&titles),
        group: shared_values(told),
        omitted: omitted + hidden,
        common: Vec::new(),
        alert: None,
        links: shared_links(told),
        events: all.into_iter().take(MOST_EVENTS).cloned().collect(),
        instead_of: first.instead_of.clone(),
        deliveries: deliveries.into_iter().cloned().collect(),
    })
}

/// The titles of all, each once with how often it is said, in the order in which they came.
fn titles<'n>(told: &[&'n Notification]) -> Vec<(&'n str, usize)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut titles: Vec<(&str, usize)> = Vec::new();
    for one in told {
        let place = *places.entry(&one.title).or_insert(titles.len());
        match titles.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => titles.push((&one.title, 1)),
        }
    }
    titles
}

fn title(count: usize, rule: &str, titles: &[(&str, usize)]) -> String {
    match titles {
        [(title, _)] => format!("{count} × {title}"),
        _ => format!("{count} notifications of {rule}"),
    }
}

/// What was said, a line for each title. There is nothing to add to one alone, which is the digest's own.
fn text(titles: &[(&str, usize)]) -> String {
    if titles.len() == 1 {
        return String::new();
    }
    let line = |(title, count): &(&str, usize)| match count {
        1 => (*title).to_owned(),
        _ => format!("{count} × {title}"),
    };
    let mut lines: Vec<String> = titles.iter().take(MOST_TITLES).map(line).collect();
    let others = titles.iter().skip(MOST_TITLES);
    let others: usize = others.map(|(_, count)| count).sum();
    if others > 0 {
        lines.push(format!("and {others} other notifications"));
    }
    lines.join("\n")
}

fn shared_values(told: &[&Notification]) -> BTreeMap<String, String> {
    let mut shared = told
        .first()
        .map_or_else(BTreeMap::new, |one| one.group.clone());
    for one in told {
        shared.retain(|key, value| one.group.get(key) == Some(value));
    }
    shared
}

fn shared_links(told: &[&Notification]) -> Vec<Link> {
    let mut shared = told.first().map_or_else(Vec::new, |one| one.links.clone());
    for one in told {
        shared.retain(|link| one.links.contains(link));
    }
    shared
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use smswatch_model::{Overrides, Severity, Timestamp};

    use super::*;
    use crate::event::test_event;
    use crate::notification::of_match;
    use crate::rules::RuleMatch;

    fn waiting(n: u64, title: &str, country: &str) -> Notification {
        let now = Timestamp::from_seconds(1_777_636_800) + Duration::from_secs(n);
        let wanted = RuleMatch {
            rule: "undelivered".to_owned(),
            sink: "chat".to_owned(),
            overrides: Overrides::new(),
            severity: Severity::Warning,
            group: [("rule", "x"), ("country", country)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            gathering: None,
            is_once: false,
            events: vec![0],
        };
        let events = [test_event("routee", "chat", now, n)];
        Notification {
            title: title.to_owned(),
            ..of_match(&wanted, &events, now)
        }
    }

    fn digest_of(told: &[Notification]) -> Notification {
        digest(&told.iter().collect::<Vec<_>>()).expect("there are some")
    }

    #[test]
    fn equal_titles_are_told_once_with_their_number() {
        let told: Vec<Notification> = (0..70).map(|n| waiting(n, "Failed", "GR")).collect();
        let digest = digest_of(&told);
        assert_eq!(
            (digest.title.as_str(), digest.text.as_str()),
            ("70 × Failed", "")
        );
        assert_eq!((digest.events.len(), digest.omitted), (50, 20));
        assert_eq!(digest.timestamp, told[69].timestamp);
        let ids: BTreeSet<_> = digest.deliveries.iter().collect();
        assert_eq!(ids, told.iter().map(|one| &one.delivery_id).collect());
    }

    #[test]
    fn titles_are_told_in_their_order_and_beyond_a_bound_counted() {
        let title = |n: u64| format!("Failed: {}", n % 23);
        let told: Vec<Notification> = (0..24).map(|n| waiting(n, &title(n), "GR")).collect();
        let digest = digest_of(&told);
        assert_eq!(digest.title, "24 notifications of undelivered");
        let lines: Vec<&str> = digest.text.lines().collect();
        assert_eq!(lines.len(), MOST_TITLES + 1);
        assert_eq!(lines[..2], ["2 × Failed: 0", "Failed: 1"]);
        assert_eq!(lines[MOST_TITLES], "and 3 other notifications");
    }

    #[test]
    fn only_what_all_say_is_said_of_all() {
        let told = [waiting(0, "a", "GR"), waiting(1, "b", "DE")];
        let group = digest_of(&told).group.into_iter().collect::<Vec<_>>();
        assert_eq!(group, [("rule".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn the_same_company_has_the_same_name_in_any_order_and_no_lasting_key() {
        let told = [0, 1, 2].map(|n| waiting(n, "a", "GR"));
        let mut turned = told.clone();
        turned.reverse();
        let (first, again) = (digest_of(&told), digest_of(&turned));
        assert_eq!(first.delivery_id, again.delivery_id);
        assert_eq!(first.notification_id, again.notification_id);
        assert!(!first.has_lasting_key());
        assert_ne!(first.delivery_id, digest_of(&told[..2]).delivery_id);
    }
}
