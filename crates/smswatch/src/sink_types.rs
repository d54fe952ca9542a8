//! The kinds of sinks that a configuration can name, built-in and a program's own alike.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use smswatch_plugin::sink::{ConfiguredSink, InvalidConfig, Sink, SinkContext};
use smswatch_plugin::store::Rate;

/// How long a sink may take to be made, or to check what a rule asks of it.
const PATIENCE: Duration = Duration::from_secs(10);

type Configure = fn(Value, &SinkContext) -> Result<MadeSink, ConfigureError>;

/// A sink, and how to check what a rule asks of it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct MadeSink {
    pub(crate) sink: Arc<dyn Sink>,
    check_overrides: Check,
    /// Why it is not asked any more: each further rule would wait as long again.
    stuck: OnceLock<String>,
}

/// Returns which keys of a rule's overrides make no difference to the sink.
type Check = Arc<dyn Fn(Value) -> Result<Vec<String>, ConfigureError> + Send + Sync>;

impl MadeSink {
    fn of<T: ConfiguredSink>(sink: T) -> Self {
        let sink = Arc::new(sink);
        let asked = Arc::clone(&sink);
        Self {
            sink,
            check_overrides: Arc::new(move |overrides| {
                let keys = overrides.as_object().into_iter().flatten();
                let mut keys: Vec<String> = keys.map(|(key, _)| key.clone()).collect();
                let overrides: T::Overrides = serde_json::from_value(overrides)?;
                asked.check_overrides(&overrides)?;
                keys.retain(|key| asked.is_default(key, &overrides));
                Ok(keys)
            }),
            stuck: OnceLock::new(),
        }
    }

    /// Checks what a rule asks of the sink, on a thread of its own, and returns which keys of it make no difference.
    ///
    /// # Errors
    ///
    /// It does not read as what the sink's type takes, or makes no sense to the sink; or the sink panics or
    /// blocks.
    pub(crate) fn check_overrides(&self, overrides: Value) -> Result<Vec<String>, ConfigureError> {
        self.check_within(PATIENCE, overrides)
    }

    fn check_within(
        &self,
        patience: Duration,
        overrides: Value,
    ) -> Result<Vec<String>, ConfigureError> {
        if let Some(why) = self.stuck.get() {
            return Err(ConfigureError::Stuck(why.clone()));
        }
        let check = Arc::clone(&self.check_overrides);
        let checked = apart(patience, CHECK, move || check(overrides));
        if let Err(ConfigureError::Stuck(why)) = &checked {
            self.stuck.get_or_init(|| why.clone());
        }
        checked
    }
}

/// What can be done with a kind of sink without knowing its types.
#[derive(Clone, Copy)]
pub(crate) struct SinkType {
    config_schema: fn(&mut SchemaGenerator) -> Schema,
    overrides_schema: fn(&mut SchemaGenerator) -> Schema,
    rate: Option<Rate>,
    digest_above: Option<u32>,
    configure: Configure,
    read_overrides: fn(Value) -> Result<(), serde_json::Error>,
}

/// Why a sink could not be made, or does not take what a rule asks of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigureError {
    /// Its configuration does not read as what its type says.
    #[error(transparent)]
    Unreadable(#[from] serde_json::Error),
    /// Its configuration reads well and makes no sense.
    #[error(transparent)]
    Invalid(#[from] InvalidConfig),
    /// Its code panicked or could not run.
    #[error("{0}")]
    Broken(String),
    /// Its code did not come to an end.
    #[error("{0}")]
    Stuck(String),
}

impl ConfigureError {
    /// Which bytes of the key's value are wrong, as far as that is known.
    pub(crate) fn range(&self) -> Option<Range<usize>> {
        match self {
            Self::Unreadable(_) | Self::Broken(_) | Self::Stuck(_) => None,
            Self::Invalid(error) => error.range(),
        }
    }

    /// The key whose value is wrong, if it is one key.
    pub(crate) fn key(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable(_) | Self::Broken(_) | Self::Stuck(_) => None,
            Self::Invalid(error) => error.key(),
        }
    }
}

impl SinkType {
    fn of<T: ConfiguredSink>() -> Self {
        Self {
            rate: T::RATE,
            digest_above: T::DIGEST_ABOVE,
            config_schema: |generator| generator.subschema_for::<T::Config>(),
            overrides_schema: |generator| generator.subschema_for::<T::Overrides>(),
            configure: |config, context| {
                let config: T::Config = serde_json::from_value(config)?;
                Ok(MadeSink::of(T::configure(config, context)?))
            },
            read_overrides: |overrides| {
                serde_json::from_value::<T::Overrides>(overrides).map(|_| ())
            },
        }
    }

    /// The rate of a sink for which the operator sets none.
    pub(crate) fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// The `digest_above` of a sink for which the operator sets none.
    pub(crate) fn digest_above(&self) -> Option<u32> {
        self.digest_above
    }

    pub(crate) fn config_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.config_schema)(generator)
    }

    pub(crate) fn overrides_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.overrides_schema)(generator)
    }

    /// Makes a sink, on a thread of its own: a plug-in that panics or blocks is told by name.
    pub(crate) fn configure(
        &self,
        config: Value,
        context: &SinkContext,
    ) -> Result<MadeSink, ConfigureError> {
        let (configure, context) = (self.configure, context.clone());
        apart(PATIENCE, MAKE, move || configure(config, &context))
    }

    /// Reads what a rule asks of a sink that could not be made itself.
    pub(crate) fn read_overrides(&self, overrides: Value) -> Result<(), ConfigureError> {
        let read = self.read_overrides;
        apart(PATIENCE, CHECK, move || Ok(read(overrides)?))
    }
}

impl fmt::Debug for SinkType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SinkType").finish_non_exhaustive()
    }
}

/// All kinds of sinks by the name that stands behind `type:`.
#[derive(Debug, Default)]
pub(crate) struct SinkTypes(BTreeMap<String, SinkType>);

impl SinkTypes {
    pub(crate) fn add<T: ConfiguredSink>(&mut self, name: &str) {
        self.0.insert(name.to_owned(), SinkType::of::<T>());
    }

    pub(crate) fn find(&self, name: &str) -> Option<&SinkType> {
        self.0.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &SinkType)> {
        self.0
            .iter()
            .map(|(name, sink_type)| (name.as_str(), sink_type))
    }
}

/// Something that a sink's code does while a configuration is loaded.
#[derive(Debug, Clone, Copy)]
struct Task {
    /// What the sink was about.
    during: &'static str,
    /// What must not wait for anything.
    what: &'static str,
}

const MAKE: Task = Task {
    during: "as it was made",
    what: "making a sink",
};

const CHECK: Task = Task {
    during: "as it checked what this rule asks of it",
    what: "checking what a rule asks",
};

/// Has a sink's code run on a thread of its own, and waits for it no longer than `patience`: a plug-in that
/// panics or blocks is told by name.
fn apart<T: Send + 'static>(
    patience: Duration,
    task: Task,
    run: impl FnOnce() -> Result<T, ConfigureError> + Send + 'static,
) -> Result<T, ConfigureError> {
    let (answer, answered) = mpsc::channel();
    let running = move || {
        let done = catch_unwind(AssertUnwindSafe(run));
        // The caller may have stopped waiting.
        let _sent = answer.send(done);
    };
    let thread = thread::Builder::new().name("configure".to_owned());
    let Task { during, what } = task;
    let _goes_on_alone = thread.spawn(running).map_err(|error| {
        ConfigureError::Broken(format!("no thread could be started for it: {error}"))
    })?;
    match answered.recv_timeout(patience) {
        Ok(Ok(done)) => done,
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let text = text.unwrap_or("no message");
            Err(ConfigureError::Broken(format!(
                "it has a bug: it panicked {during}: {text}"
            )))
        }
        Err(_) => Err(ConfigureError::Stuck(format!(
            "it has a bug: it took longer than {} s {during}; {what} must not wait for anything",
            patience.as_secs_f64()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(patience: Duration, make: fn() -> Result<MadeSink, ConfigureError>) -> String {
        let made = apart(patience, MAKE, make);
        let error = made.err().expect("it cannot be made");
        error.to_string()
    }

    #[test]
    fn a_sink_that_panics_or_blocks_as_it_is_made_is_told_and_ends_nothing() {
        let panicking = why(Duration::from_secs(600), || panic!("no such pager"));
        assert_eq!(
            panicking,
            "it has a bug: it panicked as it was made: no such pager"
        );
        let blocking = why(Duration::from_millis(50), || {
            loop {
                thread::park();
            }
        });
        assert!(
            blocking.starts_with("it has a bug: it took longer than 0.05 s as it was made;"),
            "{blocking}"
        );
    }

    /// A sink that is stuck when it is asked.
    #[derive(Debug)]
    struct StuckSink;

    #[smswatch_plugin::async_trait]
    impl Sink for StuckSink {
        async fn deliver(
            &self,
            _: &smswatch_plugin::model::Notification,
        ) -> Result<smswatch_plugin::sink::Receipt, smswatch_plugin::sink::DeliveryError> {
            Ok(smswatch_plugin::sink::Receipt::default())
        }
    }

    impl ConfiguredSink for StuckSink {
        type Config = Value;
        type Overrides = Value;

        fn configure(_: Value, _: &SinkContext) -> Result<Self, InvalidConfig> {
            Ok(Self)
        }

        fn check_overrides(&self, _: &Value) -> Result<(), InvalidConfig> {
            loop {
                thread::park();
            }
        }
    }

    #[test]
    fn a_sink_that_blocks_when_it_is_asked_about_rules_is_waited_for_once() {
        let made = MadeSink::of(StuckSink);
        for patience in [Duration::from_millis(50), Duration::from_secs(600)] {
            let checked = made.check_within(patience, Value::Null);
            let error = checked.expect_err("it gives no answer").to_string();
            assert_eq!(
                error,
                "it has a bug: it took longer than 0.05 s as it checked what this rule asks of it; \
                 checking what a rule asks must not wait for anything"
            );
        }
    }
}
