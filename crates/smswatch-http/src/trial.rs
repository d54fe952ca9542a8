//! Rules to be tried on a page: read by the program, which knows how operators write them.

use std::fmt;
use std::sync::Arc;

use smswatch_plugin::rules::Rules;

/// Makes rules of what an operator wrote, for the sinks of these names; or says what is wrong, a line for each.
type Read = dyn Fn(&str, &[String]) -> Result<Arc<dyn Rules>, Vec<String>> + Send + Sync;

/// Reads rules to be tried on a page. Cheap to clone.
#[derive(Clone)]
pub struct RuleReader(Arc<Read>);

impl RuleReader {
    /// One that reads with `read`: the text of the rules, and the names of the configured sinks. It returns
    /// everything that is wrong, a sentence for each, which begins with its line.
    pub fn new(
        read: impl Fn(&str, &[String]) -> Result<Arc<dyn Rules>, Vec<String>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }

    /// Makes rules of `text`.
    pub(crate) fn read(&self, text: &str, sinks: &[String]) -> Result<Arc<dyn Rules>, Vec<String>> {
        (self.0)(text, sinks)
    }
}

impl fmt::Debug for RuleReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RuleReader")
    }
}
