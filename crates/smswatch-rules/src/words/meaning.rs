//! What a status means and who can act on it, in plain words.

use smswatch_model::{Event, EventKind, Fault};

/// Words of Routee, what they mean and what can be done.
const MEANINGS: [(&str, &str); 13] = [
    (
        "Carrier Violation",
        "Stopped by the carrier's content or spam filter. The sender can act: change the text or the \
         sender name.",
    ),
    (
        "Failed",
        "The message was refused before it was sent. The sender can act: check the number, the text \
         and the account.",
    ),
    (
        "Unsent",
        "The account's balance was too low. The sender can act: top up the account.",
    ),
    (
        "Unknown Number",
        "The number is not in service. Ask the recipient for another one.",
    ),
    (
        "Call Barred",
        "The recipient's number is barred from receiving it. Only the recipient can change that.",
    ),
    (
        "Roaming",
        "The recipient is abroad and cannot receive it there. Try again later.",
    ),
    (
        "Undelivered on Handset",
        "The recipient's handset is off or out of reach. Try again later.",
    ),
    (
        "DND Error Code",
        "The recipient has blocked such messages. Only the recipient can change that.",
    ),
    (
        "Expired",
        "The carrier kept trying until the message expired. Send it again, or ask the carrier.",
    ),
    (
        "Undelivered",
        "The carrier did not deliver it and gives no reason. Ask the carrier.",
    ),
    (
        "Unknown Status",
        "It was not delivered, and no reason is known. Ask the carrier.",
    ),
    (
        "Network Error",
        "Something failed between Routee and the carrier. It may still be delivered.",
    ),
    ("Delivered", "It arrived. There is nothing to do."),
];

/// One sentence or two for each different word of the events, as far as there is something to say.
pub(super) fn explanations(events: &[&Event]) -> Vec<String> {
    match events.first().map(|event| event.kind) {
        Some(EventKind::NotFound) if are_several(events) => {
            vec!["Check that this account sent these messages, and that the ids are right.".to_owned()]
        }
        Some(EventKind::NotFound) => {
            vec!["Check that this account sent the message, and that the id is right.".to_owned()]
        }
        Some(EventKind::Stuck) if are_several(events) => {
            vec!["They may still arrive. If many are stuck, ask Routee and the carrier.".to_owned()]
        }
        Some(EventKind::Stuck) => {
            vec!["It may still arrive. If many are stuck, ask Routee and the carrier.".to_owned()]
        }
        Some(EventKind::UnknownStatus) => vec![
            "Messages with this status count as not final. Find out what it means, and whether a rule \
             should match it. You are told of each such status once."
                .to_owned(),
        ],
        Some(EventKind::GaveUp) if are_several(events) => {
            vec!["Whether they arrived is unknown. Ask the carrier.".to_owned()]
        }
        Some(EventKind::GaveUp) => {
            vec!["Whether it arrived is unknown. Ask the carrier.".to_owned()]
        }
        Some(EventKind::StatusChanged) => {
            let words = super::change::finest_words(events);
            // Beside what went wrong, what went well needs no words.
            let said = |word: &&String| words.len() == 1 || !word.eq_ignore_ascii_case("Delivered");
            let explained = words.iter().filter(said).filter_map(|word| {
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

/// Whether they are about more than one message.
fn are_several(events: &[&Event]) -> bool {
    let first = events.first().map(|event| &event.message.message_id);
    let is_other = |event: &&Event| Some(&event.message.message_id) != first;
    events.iter().any(is_other)
}

fn explanation(word: &str, events: &[&Event]) -> Option<String> {
    let known = MEANINGS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word));
    let event = events.iter().find(|event| {
        let current = event.current.as_ref();
        current.is_some_and(|current| super::change::finest(current).eq_ignore_ascii_case(word))
    })?;
    let current = event.current.as_ref()?;
    if let Some((_, meaning)) = known {
        let usual = Fault::of(&current.status, current.detailed_status.as_deref());
        if event.fault == Some(usual) {
            return Some((*meaning).to_owned());
        }
        // The configuration says that someone else can act.
        let (what, _) = meaning.split_once(". ").unwrap_or((meaning, ""));
        let who = match event.fault {
            Some(Fault::Sender) => " The sender can act.",
            Some(Fault::Recipient) => " Only the recipient can act.",
            Some(Fault::Carrier) => " Ask the carrier.",
            Some(Fault::None) | None => "",
        };
        return Some(format!("{}.{who}", what.trim_end_matches('.')));
    }
    match event.fault? {
        Fault::Sender => Some("The sender can act.".to_owned()),
        Fault::Recipient => Some("Only the recipient can act.".to_owned()),
        Fault::Carrier => Some("The carrier did not deliver it. Ask the carrier.".to_owned()),
        Fault::None => None,
    }
}
