//! A telephone number, which never prints itself in full.

mod bare;
mod digit;
mod mask;

use std::fmt;
use std::ops::Range;

pub use self::bare::mask_possible_numbers;
use self::digit::digit;
pub use self::mask::mask_numbers;

/// Fewer digits do not identify a person.
const MIN_DIGITS: usize = 6;

/// A recipient's or sender's telephone number as the provider wrote it, brought to one form.
///
/// [`fmt::Debug`] shows the masked form, so that a number cannot slip into a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes `text` as a number: `+` and ASCII digits, whatever separators, leading `00` or script's
    /// digits it was written with, and without an extension (`;ext=5`).
    ///
    /// Text without any digit is kept as it is: it identifies no one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut number = String::with_capacity(text.len() + 1);
        number.push('+');
        for character in text.chars() {
            if let Some(value) = digit(character) {
                number.push(char::from(b'0' + value));
            } else if number.len() > MIN_DIGITS && ends_number(character) {
                break;
            }
        }
        if number.starts_with("+00") {
            number.replace_range(1..3, "");
        }
        if number == "+" {
            Self(text.trim().to_owned())
        } else {
            Self(number)
        }
    }

    /// Whether `text` could be a telephone number, perhaps with an extension: at least six digits with
    /// no letter and no `*` between them.
    #[must_use]
    pub fn looks_like_one(text: &str) -> bool {
        let mut n_digits = 0;
        for character in text.chars() {
            if digit(character).is_some() {
                n_digits += 1;
            } else if character == '*' || (character.is_alphanumeric() && n_digits < MIN_DIGITS) {
                return false;
            } else if n_digits >= MIN_DIGITS && ends_number(character) {
                break;
            }
        }
        n_digits >= MIN_DIGITS
    }

    /// The whole number: only for the keyed hash, and for who configured `privacy.numbers: full`.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// How many digits a masked number shows at most, in front and at the end.
    pub const MOST_SHOWN: (usize, usize) = (4, 2);

    /// The number with its middle hidden: `+3069******01`.
    ///
    /// At most six digits stay, and never more than half of them.
    #[must_use]
    pub fn masked(&self) -> String {
        let n_digits = self.0.chars().filter(char::is_ascii_digit).count();
        let hidden = hidden(n_digits);
        let mut position = 0;
        let mask = |digit: char| {
            if !digit.is_ascii_digit() {
                return digit;
            }
            position += 1;
            if hidden.contains(&(position - 1)) {
                '*'
            } else {
                digit
            }
        };
        self.0.chars().map(mask).collect()
    }
}

/// Whether what follows `character` is an extension, or something else.
fn ends_number(character: char) -> bool {
    character.is_alphabetic() || matches!(character, ';' | ',' | '#' | '*')
}

/// Which of a number's digits are hidden.
fn hidden(n_digits: usize) -> Range<usize> {
    let (head, tail) = PhoneNumber::MOST_SHOWN;
    let head = (n_digits / 3).min(head);
    let tail = (n_digits / 6).min(tail);
    head..n_digits - tail
}

/// `text` without any of its digits, whatever script they are of.
#[must_use]
pub fn without_digits(text: &str) -> String {
    text.chars()
        .filter(|character| digit(*character).is_none())
        .collect()
}

/// `text` with a `*` in place of every digit, whatever script it is of.
#[must_use]
pub fn mask_digits(text: &str) -> String {
    let mask = |character| digit(character).map_or(character, |_| '*');
    text.chars().map(mask).collect()
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form_however_it_was_written() {
        for text in [
            "+306900000001",
            "306900000001",
            "00306900000001",
            "+30 690 000-0001",
            "tel:+306900000001",
            "+306900000001;ext=5",
            "+306900000001,,5",
            "+30\u{a0}690\u{2011}000\u{2011}0001 ext. 12",
            "+٣٠٦٩٠٠٠٠٠٠٠١",
            "＋３０６９０００００００１",
        ] {
            assert_eq!(PhoneNumber::new(text).reveal(), "+306900000001", "{text}");
        }
        assert_eq!(PhoneNumber::new(" MyShop ").reveal(), "MyShop");
    }

    #[test]
    fn the_middle_is_hidden_even_from_debug() {
        let number = PhoneNumber::new("+306900000001");
        assert_eq!(number.masked(), "+3069******01");
        assert_eq!(format!("{number:?}"), "+3069******01");
        assert_eq!(PhoneNumber::new("12345").masked(), "+1****");
    }

    #[test]
    fn names_are_no_numbers() {
        for text in [
            "+30 690 000 0001",
            "+30\u{a0}6900000001",
            "６９００００００",
            "+306900000001;ext=5",
        ] {
            assert!(PhoneNumber::looks_like_one(text), "{text}");
        }
        for text in ["MyShop", "54321", "Shop 306900000001", "+306900*"] {
            assert!(!PhoneNumber::looks_like_one(text), "{text}");
        }
    }

    #[test]
    fn digits_of_any_script_go_from_a_text() {
        assert_eq!(without_digits("Code 4711, ٤٧"), "Code , ");
        assert_eq!(mask_digits("Code 4711, ٤٧"), "Code ****, **");
    }
}
