//! A message text without what could identify a person or let one in: digits, mail addresses,
//! and queries of URLs.

use smswatch_model::mask_digits;

/// What stands in place of what is hidden.
const HIDDEN: &str = "***";

/// `text` with digits, mail addresses and queries of URLs hidden.
pub(super) fn masked_body(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for word in text.split_inclusive(is_border) {
        let end = word.trim_end_matches(is_border).len();
        let (word, border) = word.split_at(end);
        masked.push_str(&masked_word(word));
        masked.push_str(border);
    }
    masked
}

/// Whether neither a mail address nor a URL goes on behind `character`.
fn is_border(character: char) -> bool {
    character.is_whitespace() || matches!(character, '<' | '>' | '"' | '(' | ')' | '[' | ']' | '|')
}

fn masked_word(word: &str) -> String {
    if let Some((before, after)) = word.split_once('@')
        && !before.is_empty()
        && after.contains(char::is_alphanumeric)
    {
        return HIDDEN.to_owned();
    }
    let query = word.find(['?', '#']).filter(|at| {
        let (address, query) = word.split_at(*at);
        let is_address = address.contains("://") || address.contains('.');
        is_address && query[1..].contains(char::is_alphanumeric)
    });
    match query {
        Some(at) => mask_digits(&word[..=at]) + HIDDEN,
        None => mask_digits(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_addresses_and_queries_are_hidden_and_the_wording_stays() {
        for (text, expected) in [
            ("Your code is 4711.", "Your code is ****."),
            ("رمزك ٤٧١١", "رمزك ****"),
            ("Mail ann.lee@example.com, please", "Mail *** please"),
            ("<ann@example.com>", "<***>"),
            ("mailto:ann@example.com?subject=x", "***"),
            (
                "https://shop.example.com/r/17?token=abc&x=1 now",
                "https://shop.example.com/r/**?*** now",
            ),
            ("shop.example.com?t=abc", "shop.example.com?***"),
            (
                "https://shop.example.com/#t=abc",
                "https://shop.example.com/#***",
            ),
            ("Is it you? Yes!", "Is it you? Yes!"),
            ("a@ b @c d", "a@ b @c d"),
            ("", ""),
        ] {
            assert_eq!(masked_body(text), expected, "{text}");
        }
    }
}
