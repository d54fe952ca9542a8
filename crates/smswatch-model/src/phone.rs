//! A telephone number, which never prints itself in full.

use std::fmt;
use std::ops::Range;

/// Fewer digits name nobody.
const MIN_DIGITS: usize = 6;

/// Fewer digits without a country code are taken for something else.
const MIN_NATIONAL: usize = 7;

const MAX_COUNTRY_CODE: usize = 3;

/// What is written between the digits of a number.
const SEPARATORS: &[u8] = b"+ -()./";

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
        digits >= MIN_DIGITS
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
        let hidden = self.hidden();
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

    /// `text` with this number masked wherever it stands in it, however it is written there: with
    /// separators, with leading zeros, or without its country code; none where it does not.
    #[must_use]
    pub fn masked_in(&self, text: &str) -> Option<String> {
        let number: Vec<u8> = self.0.bytes().filter(u8::is_ascii_digit).collect();
        if number.len() < MIN_DIGITS {
            return None;
        }
        let hidden = self.hidden();
        let mut masked = text.as_bytes().to_vec();
        let mut is_found = false;
        for run in Run::all(text.as_bytes()) {
            let mut at = 0;
            while at < run.digits.len() {
                let Some(skipped) = run.holds(&number, at) else {
                    at += 1;
                    continue;
                };
                for position in skipped..number.len() {
                    if hidden.contains(&position) {
                        masked[run.places[at + position - skipped]] = b'*';
                    }
                }
                is_found = true;
                at += number.len() - skipped;
            }
        }
        // Only ASCII took the place of ASCII.
        is_found.then(|| String::from_utf8_lossy(&masked).into_owned())
    }

    /// Which of its digits are hidden.
    fn hidden(&self) -> Range<usize> {
        let n_digits = self.0.bytes().filter(u8::is_ascii_digit).count();
        let head = (n_digits / 3).min(4);
        let tail = (n_digits / 6).min(2);
        head..n_digits - tail
    }
}

/// Digits of a text with nothing but separators between them.
#[derive(Default)]
struct Run {
    digits: Vec<u8>,
    /// Where in the text each of them stands.
    places: Vec<usize>,
}

impl Run {
    fn all(text: &[u8]) -> Vec<Self> {
        let mut runs = vec![Self::default()];
        for (place, byte) in text.iter().enumerate() {
            let last = runs.last_mut().expect("there is always one");
            if byte.is_ascii_digit() {
                last.digits.push(*byte);
                last.places.push(place);
            } else if !SEPARATORS.contains(byte) && !last.digits.is_empty() {
                runs.push(Self::default());
            }
        }
        runs
    }

    /// Whether `number` begins at the digit `at`: without how many of its first digits, which are
    /// its country code. Without that, it must stand alone: an id may hold the same digits by chance.
    fn holds(&self, number: &[u8], at: usize) -> Option<usize> {
        let rest = &self.digits[at..];
        if rest.starts_with(number) {
            return Some(0);
        }
        (1..=MAX_COUNTRY_CODE)
            .take_while(|skipped| number.len() - skipped >= MIN_NATIONAL)
            .find(|skipped| {
                let national = &number[*skipped..];
                rest.starts_with(national) && self.is_alone(at, at + national.len())
            })
    }

    /// Whether no other digit but a leading zero touches those from `from` to before `to`.
    fn is_alone(&self, from: usize, to: usize) -> bool {
        let touches = |left: usize| self.places[left] + 1 == self.places[left + 1];
        let begins = from == 0
            || !touches(from - 1)
            || (self.digits[from - 1] == b'0' && (from == 1 || !touches(from - 2)));
        begins && (to == self.digits.len() || !touches(to - 1))
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
    fn a_number_is_masked_in_a_text_however_it_is_written() {
        let number = PhoneNumber::new("+306900000001");
        let check = |text: &str, expected: &str| {
            assert_eq!(number.masked_in(text).as_deref(), Some(expected), "{text}");
        };
        check("otp +306900000001", "otp +3069******01");
        check("306900000001,x", "3069******01,x");
        check("to 00306900000001!", "to 003069******01!");
        check("é+30 690 000-0001é", "é+30 69* ***-**01é");
        check("6900000001 is off", "69******01 is off");
        check("call 0690 000 0001", "call 069* *** **01");
        check("order-7-306900000001", "order-7-3069******01");
        check("306900000001 306900000001", "3069******01 3069******01");
    }

    #[test]
    fn other_digits_are_left_alone() {
        let number = PhoneNumber::new("+306900000001");
        for text in [
            "",
            "order-17",
            "+306900000002",
            "169000000015",
            "0001",
            "69000",
        ] {
            assert_eq!(number.masked_in(text), None, "{text}");
        }
        assert_eq!(PhoneNumber::new("12345").masked_in("12345"), None);
    }

    #[test]
    fn names_are_no_numbers() {
        assert!(PhoneNumber::looks_like_one("+30 690 000 0001"));
        assert!(!PhoneNumber::looks_like_one("MyShop"));
        assert!(!PhoneNumber::looks_like_one("54321"));
    }
}
