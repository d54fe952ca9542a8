//! What a status means and who can act on it, in plain words.

use smswatch_model::{Event, EventKind, Fault};

/// Words of Routee, what they mean and what can be done.
const MEANINGS: [(&str, &str); 13] = [
    (
        "Carrier Violation",
        "The carrier's content or spam filter stopped it. The sender can act: change the text or the \
         sender name.",
    ),
    (
        "Failed",
        "The message was refused before it was sent. The sender can act: check number, text and \
         account.",
    ),
    (
        "Unsent",
        "The balance did not suffice. The sender can act: top up the account.",
    ),
    (
        "Unknown Number",
        "The number does not exist, or not any more. Only the recipient can give a better one.",
    ),
    (
        "Call Barred",
        "The recipient cannot receive it: the number is barred. The sender can do nothing.",
    ),
    (
        "Roaming",
        "The recipient is abroad and cannot receive it there. The sender can do nothing.",
    ),
    (
        "Undelivered on Handset",
        "The recipient's handset is off or out of reach. The sender can try again later.",
    ),
    (
        "DND Error Code",
        "The recipient asked not to be disturbed. The sender can do nothing.",
    ),
    (
        "Expired",
        "The carrier kept trying until its time ran out. The carrier, or another attempt, can help.",
    ),
    (
        "Undelivered",
        "The carrier took it and did not bring it, and does not say why. Ask the carrier.",
    ),
    (
        "Unknown Status",
        "It was not delivered, and nobody knows why. Ask the carrier.",
    ),
    (
        "Network Error",
        "Something failed between Routee and the carrier. It may still end well.",
    ),
    ("Delivered", "It arrived. Nobody needs to act."),
];

/// One sentence or two for each different word of the events, as far as there is something to say.
pub(super) fn explanations(events: &[&Event]) -> Vec<String> {
    match events.first().map(|event| event.kind) {
        Some(EventKind::NotFound) => {
            vec![
                "Was it sent by this account, and is its id right? The sender can look.".to_owned(),
            ]
        }
        Some(EventKind::GaveUp) => {
            vec!["Nobody knows whether it arrived. Ask the carrier.".to_owned()]
        }
        Some(EventKind::StatusChanged) => {
            let words = super::finest_words(events);
            let explained = words.iter().filter_map(|word| {
                let meaning = explanation(word, events)?;
                // Among several, each says which one it is about.
                Some(if words.len() > 1 {
                    format!("{word}: {meaning}")
                } else {
                    meaning
                })
            });
            explained.collect()
        }
        _ => Vec::new(),
    }
}

fn explanation(word: &str, events: &[&Event]) -> Option<String> {
    let known = MEANINGS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word));
    if let Some((_, meaning)) = known {
        return Some((*meaning).to_owned());
    }
    let event = events.iter().find(|event| {
        event
            .current
            .as_ref()
            .is_some_and(|current| super::finest(current) == word)
    })?;
    match event.fault {
        Fault::Sender => Some("The sender can act.".to_owned()),
        Fault::Recipient => Some("Only the recipient can act.".to_owned()),
        Fault::Carrier => Some("The carrier took it and did not bring it.".to_owned()),
        Fault::None => None,
    }
}
