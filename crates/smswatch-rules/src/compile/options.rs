//! What rules are compiled against, and what comes of it.

use std::fmt;
use std::time::Duration;

use smswatch_model::{FaultTable, Overrides};

use crate::diagnostic::Diagnostic;
use crate::pattern::NumberKey;
use crate::rule_set::RuleSet;

/// Returns what is wrong with the overrides that a rule has for the sink of this name, and takes out of them what makes no
/// difference: they name a destination.
pub type CheckOverrides<'a> = &'a dyn Fn(&str, &mut Overrides) -> Vec<OverrideProblem>;

/// What rules are compiled against.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The names of the sinks that there are.
    pub sinks: &'a [String],
    /// Those of them that have a fallback.
    pub with_fallback: &'a [String],
    /// The name of the file that configures the sinks, for messages.
    pub sinks_file: &'a str,
    /// Checks the overrides of a rule.
    pub check_overrides: CheckOverrides<'a>,
    /// Hashes telephone numbers as events carry them in `to_key`.
    pub number_key: &'a NumberKey,
    /// Whether events carry the message's text.
    pub texts_are_kept: bool,
    /// Whether events show telephone numbers with their middle hidden.
    pub numbers_are_masked: bool,
    /// How long after its registration a message is given up; `None` if that is not known.
    pub give_up_after: Option<Duration>,
    /// Who can act on which status.
    pub faults: &'a FaultTable,
}

/// An override that a sink does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideProblem {
    /// The key that is wrong, if a single key is.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Compiled rules, and all problems with them.
#[derive(Debug)]
pub struct Compiled {
    /// The rules that have no error. Use them only if `problems` holds no error.
    pub rules: RuleSet,
    /// Errors and warnings, in the order of the file.
    pub problems: Vec<Diagnostic>,
}

impl Compiled {
    /// The rules and the warnings about them.
    ///
    /// # Errors
    ///
    /// All problems, if one of them is an error.
    pub fn into_result(self) -> Result<(RuleSet, Vec<Diagnostic>), Vec<Diagnostic>> {
        if self.problems.iter().any(Diagnostic::is_error) {
            Err(self.problems)
        } else {
            Ok((self.rules, self.problems))
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("sinks", &self.sinks)
            .finish_non_exhaustive()
    }
}
