//! Hides phone numbers in the words of a receiver that was told none of them, but may know them.

use super::digit::digit;
use super::{hidden, mask_numbers};

/// What a bare run of digits has that may be a telephone number: with fewer digits it is as likely
/// something else, and no number has more.
const DIGITS: std::ops::RangeInclusive<usize> = 9..=15;

/// `text` with the middle of whatever may be a telephone number hidden; `None` if there is none.
///
/// Beside numbers that are written with a `+` and their country, these are runs of 9 to 15 digits that stand
/// alone. It is for what the other side says of a delivery: whose numbers it knows is not known here.
#[must_use]
pub fn mask_possible_numbers(text: &str) -> Option<String> {
    let masked = mask_numbers(text, []);
    let characters: Vec<char> = masked.as_deref().unwrap_or(text).chars().collect();
    let mut shown = characters.clone();
    let mut at = 0;
    while at < characters.len() {
        let run = characters[at..]
            .iter()
            .take_while(|character| digit(**character).is_some())
            .count();
        if DIGITS.contains(&run) && stands_alone(&characters, at, at + run) {
            for position in hidden(run) {
                shown[at + position] = '*';
            }
        }
        at += run.max(1);
    }
    (masked.is_some() || shown != characters).then(|| shown.into_iter().collect())
}

/// Whether the digits from `from` to before `to` are neither part of a word nor of a decimal number.
fn stands_alone(characters: &[char], from: usize, to: usize) -> bool {
    let is_digit = |at: usize| characters.get(at).is_some_and(|one| digit(*one).is_some());
    let touches = |character: Option<&char>, beyond: Option<usize>| match character {
        Some('.') => beyond.is_some_and(is_digit),
        Some(character) => character.is_alphanumeric() || matches!(character, '*' | '_'),
        None => false,
    };
    let before = from.checked_sub(1);
    let is_begun = touches(
        before.and_then(|at| characters.get(at)),
        from.checked_sub(2),
    );
    !is_begun && !touches(characters.get(to), Some(to + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_be_a_telephone_number_is_masked() {
        for (text, expected) in [
            ("no 306900000001!", "no 3069******01!"),
            ("no customer 0690000001.", "no customer 069******1."),
            (
                "00306900000001, +30 690 000 0001",
                "0030********01, +30 69* *** **01",
            ),
            (r#"{"to":"306900000001"}"#, r#"{"to":"3069******01"}"#),
            ("٣٠٦٩٠٠٠٠٠٠٠١", "٣٠٦٩******٠١"),
        ] {
            assert_eq!(mask_possible_numbers(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_helps_to_find_a_delivery_again_stays() {
        for text in [
            "",
            "400 Bad Request",
            "posted as 1777636800.123456",
            "queued as 4TzX1234567890",
            "dlv_123456789012",
            "127.0.0.1:8080 at 2026-05-01T10:28:49Z, id 12345678",
            "trace 1234567890123456",
            "+3069******01",
        ] {
            assert_eq!(mask_possible_numbers(text), None, "{text}");
        }
    }
}
