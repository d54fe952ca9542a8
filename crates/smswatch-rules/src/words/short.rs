//! What kind of event it is, in a few words for a table.

use smswatch_model::{EventKind, plain_word};

/// What an event about no status says, in a few words: `no final status yet`, `sink crm is down`.
///
/// `about` is what it is about, where that is smswatch itself; `provider` is the provider's name.
#[must_use]
pub fn short_words(kind: EventKind, about: Option<&str>, provider: &str) -> String {
    let provider = super::people::capitalized(provider);
    let sink = about.map_or_else(
        || "a sink".to_owned(),
        |name| format!("sink {}", plain_word(name)),
    );
    match kind {
        EventKind::StatusChanged => "status changed".to_owned(),
        EventKind::Stuck => "no final status yet".to_owned(),
        EventKind::NotFound => format!("not known to {provider}"),
        EventKind::GaveUp => "gave up: no final status".to_owned(),
        EventKind::UnknownStatus => "unknown status".to_owned(),
        EventKind::CampaignFinished => format!(
            "campaign {} has ended",
            about.map_or_else(String::new, plain_word)
        ),
        EventKind::AlertFiring => {
            format!("alert {} fires", about.map_or_else(String::new, plain_word))
        }
        EventKind::AlertResolved => {
            format!(
                "alert {} is resolved",
                about.map_or_else(String::new, plain_word)
            )
        }
        EventKind::SinkDown => format!("{sink} is down"),
        EventKind::SinkRecovered => format!("{sink} works again"),
        EventKind::DeadLetter => format!("dead letters for {sink}"),
        EventKind::ProviderDown => format!("{provider} gives no usable answers"),
        EventKind::ProviderAuthFailed => format!("{provider} refuses the credentials"),
        EventKind::PollingBehind => "polling is behind".to_owned(),
        EventKind::CallbacksSilent => format!("no more callbacks from {provider}"),
        EventKind::Test => format!("test of {sink}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_words_of_its_own() {
        let words = EventKind::ALL.map(|kind| short_words(kind, Some("crm"), "routee"));
        insta::assert_snapshot!(words.join("\n"));
        assert_eq!(
            short_words(EventKind::SinkDown, None, "routee"),
            "a sink is down"
        );
    }
}
