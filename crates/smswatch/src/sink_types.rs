//! The kinds of sinks that a configuration can name, built-in and a program's own alike.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use smswatch_core::sink::{ConfiguredSink, InvalidConfig, Sink, SinkContext};

type Configure = fn(Value, &SinkContext) -> Result<MadeSink, ConfigureError>;

/// A sink, and how to check what a rule asks of it.
pub(crate) struct MadeSink {
    pub(crate) sink: Arc<dyn Sink>,
    check_overrides: Box<dyn Fn(Value) -> Result<(), ConfigureError>>,
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

    pub(crate) fn configure(
        &self,
        config: Value,
        context: &SinkContext,
    ) -> Result<MadeSink, ConfigureError> {
        (self.configure)(config, context)
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
