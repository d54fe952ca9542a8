//! A telephone number, which never prints itself in full.

use std::fmt;

/// A recipient's or sender's telephone number as the provider wrote it, brought to one form.
///
/// [`fmt::Debug`] shows the masked form, so that a number cannot slip into a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes `text` as a number: `+` and digits, whatever separators or leading `00` it was written with.
    ///
    /// Text with no digit at all is kept as it is: it names nobody.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let national = digits.strip_prefix("00").unwrap_or(&digits);
        if national.is_empty() {
            Self(text.trim().to_owned())
        } else {
            Self(format!("+{national}"))
        }
    }

    /// Whether `text` could be a telephone number: digits and separators only, at least six digits.
    #[must_use]
    pub fn looks_like_one(text: &str) -> bool {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        digits >= 6
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"+ -().".contains(&byte))
    }

    /// The whole number: only for the keyed hash, and for who configured `privacy.numbers: full`.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The number with its middle hidden: `+3069******01`.
    ///
    /// At most six digits stay, and never more than half of them.
    #[must_use]
    pub fn masked(&self) -> String {
        let n_digits = self.0.bytes().filter(u8::is_ascii_digit).count();
        let head = (n_digits / 3).min(4);
        let tail = (n_digits / 6).min(2);
        let mut position = 0;
        let mask = |digit: char| {
            if !digit.is_ascii_digit() {
                return digit;
            }
            position += 1;
            if position <= head || position > n_digits - tail {
                digit
            } else {
                '*'
            }
        };
        self.0.chars().map(mask).collect()
    }
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
        ] {
            assert_eq!(PhoneNumber::new(text).reveal(), "+306900000001");
        }
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
        assert!(PhoneNumber::looks_like_one("+30 690 000 0001"));
        assert!(!PhoneNumber::looks_like_one("MyShop"));
        assert!(!PhoneNumber::looks_like_one("54321"));
    }
}
