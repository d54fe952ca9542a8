//! The operator's own table of who can act on which status.

use std::collections::{BTreeMap, BTreeSet};

use smswatch_plugin::model::{Fault, FaultTable, Word};
use smswatch_rules::did_you_mean;

use super::problem::Problem;

/// The table, and a warning for each word that Routee does not use.
///
/// # Errors
///
/// A word stands there twice.
pub(super) fn table(
    section: &BTreeMap<String, Fault>,
) -> Result<(FaultTable, Vec<Problem>), Vec<Problem>> {
    let mut known = BTreeSet::new();
    let twice: Vec<Problem> = section
        .keys()
        .filter(|word| !known.insert(word.to_lowercase()))
        .map(|word| {
            let problem = Problem::new("/fault", format!("`{word}` is listed twice"));
            let problem = problem.at_key(word.as_str());
            problem.hint("upper and lower case do not matter: keep one of them")
        })
        .collect();
    if !twice.is_empty() {
        return Err(twice);
    }
    let strange = section
        .keys()
        .filter(|word| !Word::documented().any(|known| known.eq_ignore_ascii_case(word)))
        .map(|word| {
            let message = format!("Routee does not document the status `{word}`");
            let problem = Problem::new("/fault", message);
            let problem = problem.at_key(word.as_str()).warning();
            match did_you_mean(word, Word::documented()) {
                Some(known) => problem.hint(format!("did you mean `{known}`?")),
                None => problem,
            }
        });
    let strange = strange.collect();
    Ok((
        section.iter().map(|(word, fault)| (word, *fault)).collect(),
        strange,
    ))
}
