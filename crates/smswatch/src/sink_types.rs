//! The kinds of sinks that a configuration can name, built-in and a program's own alike.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use smswatch_plugin::sink::{ConfiguredSink, InvalidConfig, Sink, SinkContext};

/// How long a sink may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

type Configure = fn(Value, &SinkContext) -> Result<MadeSink, ConfigureError>;

/// A sink, and how to check what a rule asks of it.
pub(crate) struct MadeSink {
    pub(crate) sink: Arc<dyn Sink>,
    check_overrides: Box<dyn Fn(Value) -> Result<(), ConfigureError> + Send>,
}

impl MadeSink {
    fn of<T: ConfiguredSink>(sink: T) -> Self {
        let sink = Arc::new(sink);
        let asked = Arc::clone(&sink);
        Self {
            sink,
            check_overrides: Box::new(move |overrides| {
                let overrides: T::Wishes = serde_json::from_value(overrides)?;
                Ok(asked.check_overrides(&overrides)?)
            }),
        }
    }

    /// Checks what a rule asks of the sink.
    ///
    /// # Errors
    ///
    /// It does not read as what the sink's type takes, or makes no sense to the sink.
    pub(crate) fn check_overrides(&self, overrides: Value) -> Result<(), ConfigureError> {
        (self.check_overrides)(overrides)
    }
}

/// What can be done with a kind of sink without knowing its types.
pub(crate) struct SinkType {
    config_schema: fn(&mut SchemaGenerator) -> Schema,
    wishes_schema: fn(&mut SchemaGenerator) -> Schema,
    configure: Configure,
    read_overrides: fn(Value) -> Result<(), serde_json::Error>,
}

/// Why a sink could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigureError {
    /// Its configuration does not read as what its type says.
    #[error(transparent)]
    Unreadable(#[from] serde_json::Error),
    /// Its configuration reads well and makes no sense.
    #[error(transparent)]
    Invalid(#[from] InvalidConfig),
}

impl ConfigureError {
    /// The key whose value is wrong, where it is one.
    pub(crate) fn key(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable(_) => None,
            Self::Invalid(error) => error.key(),
        }
    }
}

impl SinkType {
    fn of<T: ConfiguredSink>() -> Self {
        Self {
            config_schema: |generator| generator.subschema_for::<T::Config>(),
            wishes_schema: |generator| generator.subschema_for::<T::Wishes>(),
            configure: |config, context| {
                let config: T::Config = serde_json::from_value(config)?;
                Ok(MadeSink::of(T::configure(config, context)?))
            },
            read_overrides: |overrides| serde_json::from_value::<T::Wishes>(overrides).map(|_| ()),
        }
    }

    pub(crate) fn config_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.config_schema)(generator)
    }

    pub(crate) fn wishes_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.wishes_schema)(generator)
    }

    /// Makes a sink, on a thread of its own: a plug-in that panics or blocks is told by name.
    pub(crate) fn configure(
        &self,
        config: Value,
        context: &SinkContext,
    ) -> Result<MadeSink, ConfigureError> {
        let (configure, context) = (self.configure, context.clone());
        apart(PATIENCE, move || configure(config, &context))
    }

    /// Reads what a rule asks of a sink that could not be made itself.
    pub(crate) fn read_overrides(&self, overrides: Value) -> Result<(), serde_json::Error> {
        (self.read_overrides)(overrides)
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

/// Has a sink made on a thread of its own, and waits for it no longer than `patience`.
fn apart(
    patience: Duration,
    make: impl FnOnce() -> Result<MadeSink, ConfigureError> + Send + 'static,
) -> Result<MadeSink, ConfigureError> {
    let (answer, answered) = mpsc::channel();
    let making = move || {
        let made = catch_unwind(AssertUnwindSafe(make));
        // Nobody may wait for it any more.
        let _sent = answer.send(made);
    };
    let thread = thread::Builder::new().name("configure".to_owned());
    let _goes_on_alone = thread.spawn(making).map_err(|error| {
        InvalidConfig::new(format_args!(
            "no thread could be started to make it: {error}"
        ))
    })?;
    match answered.recv_timeout(patience) {
        Ok(Ok(made)) => made,
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let text = text.unwrap_or("no message");
            let what = format!("it has a bug: it panicked as it was made: {text}");
            Err(InvalidConfig::new(what).into())
        }
        Err(_) => Err(InvalidConfig::new(format_args!(
            "it was not made within {} s: making a sink must not wait for anything",
            patience.as_secs_f64()
        ))
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(patience: Duration, make: fn() -> Result<MadeSink, ConfigureError>) -> String {
        let made = apart(patience, make);
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
            blocking.starts_with("it was not made within 0.05 s"),
            "{blocking}"
        );
    }
}
