//! The seam to sinks: where notifications go.

mod invalid_config;
mod preview;
mod probe;
mod receipt;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smswatch_model::{Notification, mask_possible_numbers};

use crate::budget;
use crate::clock::Clock;
use crate::proxy::Proxy;
use crate::store::Rate;

pub use invalid_config::InvalidConfig;
pub use preview::{Preview, PreviewPart};
pub use probe::Probe;
pub use receipt::Receipt;

/// How much of the other side's answer a receipt or an error keeps, in characters.
const MAX_DETAIL: usize = 300;

/// Somewhere a notification is delivered.
///
/// # Who calls it
///
/// Core makes the sink once from the configuration ([`ConfiguredSink::configure`]), and calls [`deliver`](Self::deliver)
/// for each attempt, several at once (`concurrency`), at the sink's `rate`, each no longer than `timeout`. When the
/// configuration changes, a new sink takes over, and this one finishes its attempts and is dropped.
///
/// # What an outcome causes
///
/// | `deliver` returns | what core does |
/// |---|---|
/// | a [`Receipt`] | the delivery is done; the receipt's words are kept with the attempt |
/// | a receipt [`with_rest`](Receipt::with_rest) | done, and another delivery goes to those who could not be reached yet |
/// | [`DeliveryError::temporary`] | tried again at the pace of `retry.schedule`, until `retry.give_up_after` |
/// | [`DeliveryError::retry_after`] | tried again after that time; until then the sink gets nothing at all |
/// | [`DeliveryError::permanent`] | a dead letter, which an operator can retry |
/// | [`DeliveryError::gone`] | a dead letter, and the sink gets nothing until an operator resumes it |
/// | nothing within `timeout`, or a panic | as `temporary`; the future is dropped |
///
/// Failures in a row open the sink's breaker: deliveries wait, and one now and then tries whether it works again.
///
/// # Contract
///
/// - One call is one attempt. Retries, limits, timeouts and order belong to core.
/// - A dropped future is harmless: at worst the notification arrives twice, with the same
///   [`delivery_id`](Notification::delivery_id), which the receiver must be able to see.
/// - It never blocks its thread: all calls of a sink share one, with a Tokio runtime of its own. A sink that
///   blocks delays only itself: a call that keeps the thread past its timeout has failed, and the calls
///   behind it get another thread, up to a small number of them.
/// - `permanent` is for what is wrong with this one notification. What an operator can mend, such as wrong
///   credentials or a wrong address (401, 403, 404), is `temporary`: several permanent failures in a row
///   count as trouble of the whole sink.
/// - Neither `Debug` nor an error nor a receipt ever shows a credential or a part of one, whatever the receiver
///   says ([`Redactor`](crate::Redactor)).
/// - What has no room at the receiver is cut with a mark, and events that are left out are counted.
///
/// `smswatch_testkit::sink_suite!` tests all of this. For a receiver that speaks HTTP, `smswatch-sink-kit` does most
/// of it.
#[async_trait]
pub trait Sink: fmt::Debug + Send + Sync {
    /// Makes one attempt to deliver `notification`.
    ///
    /// # Errors
    ///
    /// Says what failed and, through [`DeliveryError::retry`], whether trying again can help.
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError>;

    /// Makes one attempt to deliver a notification whose [`key`](Notification::key) this sink has delivered
    /// before, for the same destination. `remembered` is what the latest of these receipts asked to
    /// [remember](Receipt::remember): the thread of a chat, or the message that can be changed.
    ///
    /// Core keeps it for a week, and only for a sink that [remembers](Self::remembers). It may be missing, or older than
    /// the latest notification: then [`deliver`](Self::deliver) is called, which must work as well. A sink that needs
    /// only the key itself, such as a pager with incident keys, does not need this. By default `remembered` is ignored.
    ///
    /// # Errors
    ///
    /// Says what failed, as [`deliver`](Self::deliver) does.
    async fn deliver_again(
        &self,
        notification: &Notification,
        remembered: &str,
    ) -> Result<Receipt, DeliveryError> {
        let _unused = remembered;
        self.deliver(notification).await
    }

    /// Returns whether this sink's receipts ask to remember something. By default they do not.
    fn remembers(&self) -> bool {
        false
    }

    /// Checks whether the receiver can be reached and accepts the credentials, without sending
    /// anything that a person would see; `smswatch check --online` calls it once for each sink.
    ///
    /// The default is for sinks with nothing to check.
    ///
    /// # Errors
    ///
    /// Says what is wrong, as for [`deliver`](Self::deliver).
    async fn probe(&self) -> Result<Probe, DeliveryError> {
        Ok(Probe::Nothing)
    }

    /// Shows how `notification` would look at the receiver; nothing is sent. By default it shows title, text and links
    /// ([`Preview::of_words`]). It holds no credential.
    fn preview(&self, notification: &Notification) -> Preview {
        Preview::of_words(notification)
    }
}

/// A sink that an operator configures under its own `type`.
///
/// `Config` has the options beside `type` in the configuration, without the options that core owns
/// (`rate`, `concurrency`, `timeout`, `retry`, `breaker`, `queue`, `fallback`, `fallback_after`, `digest_above`, `proxy`,
/// `template`, `timezone`, `privacy`). Unknown keys are refused with line and column; in structs inside of it
/// `#[serde(deny_unknown_fields)]` does so. Doc comments become the schema's descriptions. A
/// [`Secret`](crate::Secret) can also be given as a file (`token_file` for `token`).
pub trait ConfiguredSink: Sink + Sized + 'static {
    /// What the operator writes.
    type Config: DeserializeOwned + JsonSchema;

    /// What a rule may ask of this sink beside its name; [`NoOverrides`] when nothing.
    type Overrides: DeserializeOwned + JsonSchema;

    /// How fast receivers of this kind take notifications, if that is documented: the default for `rate`. Without it
    /// there is no limit.
    const RATE: Option<Rate> = None;

    /// The default for `digest_above` (see [`Notification::deliveries`]). Without it there are no digests.
    const DIGEST_ABOVE: Option<u32> = None;

    /// Makes the sink; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The configuration has the right types and still makes no sense; the text says what would be right.
    fn configure(config: Self::Config, context: &SinkContext) -> Result<Self, InvalidConfig>;

    /// Checks what a rule asks of this sink, when the configuration is loaded and not when the alert
    /// fires. Be as strict here as [`ConfiguredSink::configure`] is with the sink's own options:
    /// refuse what [`Sink::deliver`] could never send. Name the wrong key with [`InvalidConfig::at`],
    /// so that the operator is shown its place.
    ///
    /// By default everything that deserializes as [`ConfiguredSink::Overrides`] is accepted.
    ///
    /// # Errors
    ///
    /// The overrides have the right types and still make no sense; the text says what would be right.
    fn check_overrides(&self, overrides: &Self::Overrides) -> Result<(), InvalidConfig> {
        let _all_fine = overrides;
        Ok(())
    }

    /// Returns whether a rule gets the same without `key`, one of its `overrides`: it names what the sink does anyway, such
    /// as its own channel. Who is told by one rule with it and by another one without it is then told once.
    ///
    /// By default each override makes a difference.
    fn is_default(&self, key: &str, overrides: &Self::Overrides) -> bool {
        let _differs = (key, overrides);
        false
    }

    /// What the notification's rule asks of this sink, for [`Sink::deliver`]; `None` if it asks nothing:
    /// `let overrides = Self::overrides_of(notification)?.unwrap_or_default();`
    ///
    /// # Errors
    ///
    /// It does not deserialize as [`ConfiguredSink::Overrides`]: a permanent failure. It was checked when the
    /// configuration was loaded, so this happens only to a delivery that waited while the sink's overrides changed.
    fn overrides_of(notification: &Notification) -> Result<Option<Self::Overrides>, DeliveryError> {
        if notification.overrides.is_empty() {
            return Ok(None);
        }
        let overrides = Value::Object(notification.overrides.clone());
        serde_json::from_value(overrides)
            .map(Some)
            .map_err(|error| {
                DeliveryError::permanent("the rule's overrides make no sense").because(error)
            })
    }
}

/// What a sink knows of the process that makes it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SinkContext {
    /// The sink's name in the configuration.
    pub name: String,
    /// How smswatch introduces itself to others: `smswatch/VERSION`.
    pub user_agent: String,
    /// Which proxy its HTTP requests leave through.
    pub proxy: Proxy,
    /// How long one attempt may take before core ends it.
    pub timeout: Duration,
    /// What time it is.
    pub clock: Clock,
}

impl SinkContext {
    /// The context of the sink called `name`, with the proxy of the environment and the usual timeout.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let user_agent = format!("smswatch/{}", crate::VERSION);
        Self {
            name: name.into(),
            user_agent,
            proxy: Proxy::default(),
            timeout: budget::DEFAULT_ATTEMPT,
            clock: Clock::default(),
        }
    }

    /// The same with another proxy.
    #[must_use]
    pub fn with_proxy(self, proxy: Proxy) -> Self {
        Self { proxy, ..self }
    }

    /// The same for a sink whose attempts may take `timeout`.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }
}

/// The overrides of a sink that takes none.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoOverrides {}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// No: the other side will never take it.
    Never,
    /// No, and the other side takes nothing else either: it is gone for good. The sink gets nothing until
    /// somebody resumes it.
    Gone,
    /// Yes, at the retry schedule's pace.
    Later,
    /// Yes, and the other side said when; until then the sink gets nothing at all.
    After(Duration),
}

/// An attempt that failed: what failed, and whether trying again can help.
#[derive(Debug)]
pub struct DeliveryError {
    what: Cow<'static, str>,
    retry: Retry,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl DeliveryError {
    /// The other side will never take it.
    #[must_use]
    pub fn permanent(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            what: what.into(),
            retry: Retry::Never,
            source: None,
        }
    }

    /// The other side is gone for good: it will never take this, nor anything else. The sink is
    /// closed until an operator resumes it.
    #[must_use]
    pub fn gone(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            retry: Retry::Gone,
            ..Self::permanent(what)
        }
    }

    /// It may work later.
    #[must_use]
    pub fn temporary(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            what: what.into(),
            retry: Retry::Later,
            source: None,
        }
    }

    /// It may work later, and the other side said when.
    #[must_use]
    pub fn retry_after(what: impl Into<Cow<'static, str>>, delay: Duration) -> Self {
        Self {
            what: what.into(),
            retry: Retry::After(delay),
            source: None,
        }
    }

    /// Adds the cause; its text is shown, so it must not hold a credential.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// What failed with all its causes, in one line of bounded length; what may be a telephone number in it is
    /// masked.
    #[must_use]
    pub fn detail(&self) -> String {
        let mut text = self.what.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        told(&text)
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl Error for DeliveryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// The receiver's words as they are kept, with phone numbers masked: it may know numbers that it was not sent.
fn told(text: &str) -> String {
    let line = bounded(text);
    mask_possible_numbers(&line).unwrap_or(line)
}

/// Makes one line of `text`, of at most 300 characters.
#[must_use]
pub fn bounded(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(MAX_DETAIL + 1)
        .collect();
    if line.chars().count() > MAX_DETAIL {
        line.pop();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_the_other_sides_words_is_masked() {
        let error = DeliveryError::permanent("refused").because("no customer 306900000001");
        assert_eq!(error.detail(), "refused: no customer 3069******01");
        let receipt = Receipt::new("thanks, +30 690 000 0001").left_out("not 306900000001");
        assert_eq!(receipt.detail(), "thanks, +30 69* *** **01");
        assert_eq!(receipt.refusals(), Some("not 3069******01"));
    }

    #[test]
    fn an_error_tells_its_causes_in_one_bounded_line() {
        let cause = std::io::Error::other("refused\r\nby the relay");
        let error = DeliveryError::temporary("could not send the mail").because(cause);
        assert_eq!(
            error.detail(),
            "could not send the mail: refused  by the relay"
        );
        let long = DeliveryError::permanent("x".repeat(10_000));
        assert_eq!(long.detail().chars().count(), MAX_DETAIL + 1);
    }
}
