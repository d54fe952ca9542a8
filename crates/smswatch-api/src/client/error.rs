//! Why a call was not done.

use std::fmt;
use std::time::Duration;

use smswatch_outbound::SetupError;

use crate::problem::ProblemCode;

/// Why a call was not done.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The address is no URL of a service.
    #[error("the address must be an http or https URL, such as http://127.0.0.1:8080")]
    Address,
    /// No header can hold the token.
    #[error("the token has characters that no header can hold")]
    Token,
    /// There is no client for this address.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No server answers at this address.
    #[error("could not reach smswatch at {address}: {cause}")]
    Unreachable {
        /// The service's address.
        address: String,
        /// Why not.
        cause: String,
    },
    /// The answer took too long.
    #[error("smswatch at {address} gave no answer within {after:?}")]
    TimedOut {
        /// The service's address.
        address: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// Another program answers.
    #[error("{address} answers, but it is not smswatch")]
    Foreign {
        /// The service's address.
        address: String,
        /// The status of the answer.
        status: u16,
    },
    /// The answer makes no sense to this version.
    #[error("the answer of {address} cannot be read: {why}")]
    Unreadable {
        /// The service's address.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The service answered, and did not do it.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl CallError {
    /// Whether the same call may be done later: the service is away, or says that it cannot do it now.
    #[must_use]
    pub fn may_help_to_ask_again(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            // What stands before a service that is away.
            Self::Foreign { status, .. } => matches!(status, 502..=504),
            Self::Refused(refused) => matches!(refused.status, 408 | 429 | 503),
            Self::Address | Self::Token | Self::Setup(_) | Self::Unreadable { .. } => false,
        }
    }
}

/// The service answered, and did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The service's address.
    pub address: String,
    /// The status of the answer.
    pub status: u16,
    /// What kind of problem it is.
    pub code: ProblemCode,
    /// Why not, in the service's words.
    pub message: String,
    /// What its store is in trouble with, if that explains it.
    pub store_trouble: Option<String>,
}

impl Refused {
    /// Whether the state of the store explains it.
    pub(super) fn is_about_the_store(&self) -> bool {
        matches!(
            self.code,
            ProblemCode::StoreUnavailable | ProblemCode::Starting
        )
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "smswatch at {} answered {}: {}",
            self.address, self.status, self.message
        )?;
        match &self.store_trouble {
            Some(trouble) => write!(formatter, " ({trouble})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}
