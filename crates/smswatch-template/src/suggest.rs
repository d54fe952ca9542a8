//! Guesses which word was meant.

/// The word of `known` that `given` was probably meant to be. `None` if no word is close.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|word| (closeness(&given, &word.to_lowercase()), word))
        .filter(|(closeness, _)| *closeness >= 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, word)| word)
}

/// 1 for equal words, 0 for words that share nothing; a typo counts less in a long word.
fn closeness(given: &str, word: &str) -> f64 {
    if word.len() > 3 && given.len() > 3 && (word.starts_with(given) || given.starts_with(word)) {
        return 0.9;
    }
    strsim::normalized_damerau_levenshtein(given, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_understood_and_a_strange_word_is_not() {
        let known = ["status", "detailed_status", "country", "operator", "label"];
        let check = |given, expected| assert_eq!(did_you_mean(given, known), expected, "{given}");
        check("statsu", Some("status"));
        check("Country", Some("country"));
        check("contry", Some("country"));
        check("detailedstatus", Some("detailed_status"));
        check("price", None);
        check("", None);
    }
}
