//! What came of a mail, told to core: who got it, who is tried again, and who never gets one.

use std::borrow::Cow;

use lettre::Address;
use serde_json::Value;
use smswatch_plugin::model::Overrides;
use smswatch_plugin::sink::{DeliveryError, Receipt};

use crate::progress::Progress;
use crate::redact::Redactor;
use crate::relay::Relay;
use crate::trouble::Trouble;

/// How many recipients are named one by one.
const NAMED: usize = 3;

/// How much of the relay's words about one recipient is kept, in characters.
const WORDS: usize = 90;

/// Who the mail was for.
pub(crate) struct Recipients<'a> {
    pub(crate) addresses: &'a [Address],
    /// From which place on they get a copy.
    pub(crate) copies_from: usize,
    /// What a rule asks for and is no address.
    pub(crate) unreadable: &'a [String],
    pub(crate) relay: &'a Relay,
    pub(crate) redactor: &'a Redactor,
}

impl Recipients<'_> {
    /// Whether those at `places` are all recipients of a copy.
    fn are_copies(&self, mut places: impl Iterator<Item = usize>) -> bool {
        places.all(|place| place >= self.copies_from)
    }

    fn count(&self) -> usize {
        self.addresses.len() + self.unreadable.len()
    }

    /// Who was refused, and what the relay said of it.
    fn named(&self, refused: &[(usize, String)]) -> Vec<String> {
        let refused = refused.iter().map(|(place, reply)| {
            let address = self.redactor.shown(&self.addresses[*place]);
            format!("{address} ({})", cut(&self.redactor.clean(reply)))
        });
        refused.collect()
    }

    /// Why no recipient gets the mail now: the whole first reply, which usually holds for all of them.
    fn not_yet(&self, waiting: &[(usize, String)]) -> String {
        let Some((place, reply)) = waiting.first() else {
            return String::new();
        };
        let address = self.redactor.shown(&self.addresses[*place]);
        let reply = self.redactor.clean(reply);
        let others = match waiting.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let relay = self.relay;
        format!("the relay {relay} takes no mail for {address}{others} yet: {reply}")
    }

    /// Who is refused for good.
    fn refused(&self, refused: &[(usize, String)]) -> Vec<String> {
        let unreadable = self.unreadable.iter();
        let unreadable = unreadable.map(|_| "what a rule names (no address)".to_owned());
        let refused = self.named(refused).into_iter();
        refused.chain(unreadable).collect()
    }

    /// The overrides of a delivery to those who wait.
    fn rest(&self, waiting: &[(usize, String)]) -> Overrides {
        let addresses = waiting
            .iter()
            .map(|(place, _)| Value::from(self.addresses[*place].to_string()));
        Overrides::from_iter([("to".to_owned(), Value::Array(addresses.collect()))])
    }
}

/// The result for core: a receipt if the relay took the mail for at least one recipient, unless only copies were taken and
/// nobody else gets the mail later: whoever was to act on it then knows nothing of it.
pub(crate) fn outcome(
    recipients: &Recipients<'_>,
    mut progress: Progress,
    trouble: Option<Trouble>,
) -> Result<Receipt, DeliveryError> {
    if let Some(trouble) = &trouble {
        forsake(recipients, &mut progress, trouble);
    }
    let refused = recipients.refused(&progress.refused);
    if progress.taken.is_empty() {
        return Err(match trouble {
            Some(trouble) if trouble.is_about_mail => {
                DeliveryError::permanent(recipients.redactor.clean(&trouble.what))
            }
            Some(trouble) => DeliveryError::temporary(recipients.redactor.clean(&trouble.what)),
            None if progress.waiting.is_empty() => DeliveryError::permanent(format!(
                "{} refused for good: {}",
                all_of(recipients.count()),
                few(&refused)
            )),
            None => DeliveryError::temporary(recipients.not_yet(&progress.waiting)),
        });
    }
    let is_for_copies = recipients.are_copies(progress.taken.iter().copied());
    let waits_for_copies = recipients.are_copies(progress.waiting.iter().map(|(place, _)| *place));
    if is_for_copies && waits_for_copies {
        let gone = progress.refused.iter();
        let gone = gone.filter(|(place, _)| *place < recipients.copies_from);
        let gone: Vec<_> = gone.cloned().collect();
        let gone = recipients.refused(&gone);
        return Err(DeliveryError::permanent(format!(
            "{} refused for good, and only copies were sent: {}",
            all_of(gone.len()),
            few(&gone)
        )));
    }
    let waiting = recipients.named(&progress.waiting);
    let (taken, all) = (progress.taken.len(), recipients.count());
    let said = recipients.redactor.clean(&progress.said);
    let mut detail = if taken < all {
        format!("for {taken} of {all} recipients: {}", cut(&said))
    } else if all > 1 {
        format!("for all {all} recipients: {said}")
    } else {
        said
    };
    if !refused.is_empty() {
        detail.push_str(&format!("; refused for good: {}", few(&refused)));
    }
    if !waiting.is_empty() {
        detail.push_str(&format!("; tried again later: {}", few(&waiting)));
    }
    let mut receipt = Receipt::new(detail);
    if !refused.is_empty() {
        receipt = receipt.left_out(format_args!("no mail reaches {}", few(&refused)));
    }
    if !waiting.is_empty() {
        receipt = receipt.with_rest(recipients.rest(&progress.waiting));
    }
    Ok(receipt)
}

/// Those of whom nothing is known when a conversation ends early share its fate.
fn forsake(recipients: &Recipients<'_>, progress: &mut Progress, trouble: &Trouble) {
    let unknown: Vec<_> = (0..recipients.addresses.len())
        .filter(|place| !progress.knows(*place))
        .map(|place| (place, trouble.what.clone()))
        .collect();
    if trouble.is_about_mail {
        progress.refused.extend(unknown);
    } else {
        progress.waiting.extend(unknown);
    }
}

fn all_of(count: usize) -> Cow<'static, str> {
    match count {
        1 => "the recipient is".into(),
        _ => format!("all {count} recipients are").into(),
    }
}

/// The first few, and how many there are beyond them.
fn few(named: &[String]) -> String {
    let more = named.len().saturating_sub(NAMED);
    let shown = named[..named.len() - more].join(", ");
    match more {
        0 => shown,
        _ => format!("{shown} and {more} more"),
    }
}

fn cut(words: &str) -> Cow<'_, str> {
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]).into(),
        None => words.into(),
    }
}
