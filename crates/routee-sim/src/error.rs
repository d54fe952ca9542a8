//! Why a command to the simulator was refused.

/// A command that the simulator could not follow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// No scripted message has this id.
    #[error("no message `{0}` is registered")]
    UnknownMessage(String),
    /// No population has this name.
    #[error("no population is named `{0}`")]
    UnknownPopulation(String),
    /// The id or the name is in use.
    #[error("`{0}` exists already")]
    Taken(String),
    /// The order makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The JSON does not say what was expected.
    #[error("the document could not be read")]
    Document(#[from] serde_json::Error),
}
