//! Finds telephone numbers in a text, however they are written there, and hides their middle.

use super::digit::digit;
use super::{MIN_DIGITS, PhoneNumber, hidden};

/// Fewer digits without a country code are taken for something else.
const MIN_NATIONAL: usize = 7;

/// A known number with at least this many digits is found whatever stands between them; a shorter one only where
/// no letter does, because it could be there by chance.
const MIN_ANYWHERE: usize = 10;

const MAX_COUNTRY_CODE: usize = 3;

/// What a number of anybody has that begins with `+`: E.164 allows 15 digits, and no country's are
/// fewer than 7.
const ANYBODYS_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// How many characters between two digits still belong to a number that is not known.
const MAX_SEPARATORS: usize = 3;

/// `text` with the middle of telephone numbers hidden; `None` if it holds none.
///
/// `known` numbers are found with whatever stands between their digits, in the digits of any script,
/// with leading zeros, and without their country code. Numbers of anybody else are found if they are
/// written with a `+` and their country.
#[must_use]
pub fn mask_numbers<'n>(
    text: &str,
    known: impl IntoIterator<Item = &'n PhoneNumber>,
) -> Option<String> {
    let mut digits = Digits::of(text);
    if digits.list.len() < MIN_DIGITS {
        return None;
    }
    for number in known {
        digits.hide_known(number);
    }
    digits.hide_anybodys();
    digits.list.iter().any(|one| one.is_hidden).then(|| {
        let mut hidden = digits.list.iter().filter(|one| one.is_hidden).peekable();
        text.char_indices()
            .map(|(at, character)| {
                if hidden.next_if(|one| one.at == at).is_some() {
                    '*'
                } else {
                    character
                }
            })
            .collect()
    })
}

/// A digit of a text.
struct Digit {
    value: u8,
    /// Where in the text it stands, in bytes.
    at: usize,
    before: Gap,
    /// It belongs to a known number.
    is_known: bool,
    is_hidden: bool,
}

/// What stands between a digit and the one before it, or the beginning of the text.
#[derive(Debug, Clone, Copy, Default)]
struct Gap {
    characters: usize,
    has_letters: bool,
    /// How many characters ago a plus sign stood, if there was one and no letter since.
    plus: Option<usize>,
}

/// The digits of a text, in their order.
struct Digits {
    list: Vec<Digit>,
}

impl Digits {
    fn of(text: &str) -> Self {
        let mut list = Vec::new();
        let mut before = Gap::default();
        for (at, character) in text.char_indices() {
            if let Some(value) = digit(character) {
                list.push(Digit {
                    value,
                    at,
                    before: std::mem::take(&mut before),
                    is_known: false,
                    is_hidden: false,
                });
                continue;
            }
            before.characters += 1;
            if is_plus(character) {
                before.plus = Some(0);
            } else if character.is_alphanumeric() {
                before.has_letters = true;
                before.plus = None;
            } else {
                before.plus = before.plus.map(|since| since + 1);
            }
        }
        Self { list }
    }

    /// Hides a known number wherever it stands.
    fn hide_known(&mut self, number: &PhoneNumber) {
        let number: Vec<u8> = number.reveal().chars().filter_map(digit).collect();
        if number.len() < MIN_DIGITS {
            return;
        }
        let hidden = hidden(number.len());
        let mut at = 0;
        while at < self.list.len() {
            let Some(skipped) = self.holds(&number, at) else {
                at += 1;
                continue;
            };
            for position in skipped..number.len() {
                let one = &mut self.list[at + position - skipped];
                one.is_known = true;
                one.is_hidden |= hidden.contains(&position);
            }
            at += number.len() - skipped;
        }
    }

    /// Hides every number that is written with a plus sign before its country.
    fn hide_anybodys(&mut self) {
        for at in 0..self.list.len() {
            let first = &self.list[at];
            let is_begun = first
                .before
                .plus
                .is_some_and(|since| since <= MAX_SEPARATORS);
            if !is_begun || first.value == 0 || first.is_known {
                continue;
            }
            let n_digits = self.list[at + 1..]
                .iter()
                .take_while(|next| next.goes_on() && !next.is_known)
                .count()
                + 1;
            let n_at_once = self.list[at + 1..]
                .iter()
                .take_while(|next| next.before.characters == 0)
                .count()
                + 1;
            let n_digits = n_digits.min(*ANYBODYS_DIGITS.end());
            if n_digits < *ANYBODYS_DIGITS.start() || n_at_once > *ANYBODYS_DIGITS.end() {
                continue;
            }
            for position in hidden(n_digits) {
                self.list[at + position].is_hidden = true;
            }
        }
    }

    /// Returns without how many of its first digits, which are its country code, `number` begins at
    /// the digit `at`; `None` if it does not. Without a country code it must stand alone: an id may
    /// hold the same digits by chance.
    fn holds(&self, number: &[u8], at: usize) -> Option<usize> {
        if self.is_at(number, at, number.len() >= MIN_ANYWHERE) {
            return Some(0);
        }
        (1..=MAX_COUNTRY_CODE)
            .take_while(|skipped| number.len() - skipped >= MIN_NATIONAL)
            .find(|skipped| {
                let national = &number[*skipped..];
                self.is_at(national, at, false) && self.is_alone(at, at + national.len())
            })
    }

    /// Whether the digits from `at` on are those of `number`.
    fn is_at(&self, number: &[u8], at: usize, may_have_letters: bool) -> bool {
        let Some(found) = self.list.get(at..at + number.len()) else {
            return false;
        };
        let is_same = found.iter().map(|one| one.value).eq(number.iter().copied());
        is_same && (may_have_letters || !found[1..].iter().any(|one| one.before.has_letters))
    }

    /// Whether no other digit except a leading zero touches those from `from` to before `to`.
    fn is_alone(&self, from: usize, to: usize) -> bool {
        let touches = |right: usize| self.list[right].before.characters == 0;
        let begins = from == 0
            || !touches(from)
            || (self.list[from - 1].value == 0 && (from == 1 || !touches(from - 1)));
        begins && (to == self.list.len() || !touches(to))
    }
}

impl Digit {
    /// Whether it can belong to the same number as the digit before it.
    fn goes_on(&self) -> bool {
        let gap = self.before;
        !gap.has_letters && gap.plus.is_none() && gap.characters <= MAX_SEPARATORS
    }
}

fn is_plus(character: char) -> bool {
    matches!(
        character,
        '+' | '\u{ff0b}' | '\u{fe62}' | '\u{207a}' | '\u{208a}' | '\u{2795}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NUMBER: &str = "+306900000001";

    fn masked(text: &str) -> Option<String> {
        mask_numbers(text, [&PhoneNumber::new(NUMBER)])
    }

    #[test]
    fn a_known_number_is_masked_however_it_is_written() {
        for (text, expected) in [
            ("otp +306900000001", "otp +3069******01"),
            ("306900000001,x", "3069******01,x"),
            ("to 00306900000001!", "to 003069******01!"),
            ("é+30 690 000-0001é", "é+30 69* ***-**01é"),
            ("6900000001 is off", "69******01 is off"),
            ("call 0690 000 0001", "call 069* *** **01"),
            ("order-7-306900000001", "order-7-3069******01"),
            ("306900000001 306900000001", "3069******01 3069******01"),
            ("VIP 306900000001", "VIP 3069******01"),
            ("+306900000001 17", "+3069******01 17"),
            ("no30x690y000z0001", "no30x69*y***z**01"),
            ("+٣٠٦٩٠٠٠٠٠٠٠١", "+٣٠٦٩******٠١"),
            ("３０６９０００００００１", "３０６９******０１"),
        ] {
            assert_eq!(masked(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn whatever_stands_between_the_digits_hides_no_number() {
        for between in [
            "\u{a0}",
            "\u{202f}",
            "\u{2009}",
            "\u{200b}",
            "\u{200e}",
            "\u{ad}",
            "\u{2011}",
            "\u{2012}",
            "\u{2013}",
            "\u{2212}",
            "\t",
            "_",
            ":",
            ",",
            " ",
            "-",
            ".",
            "/",
            ")(",
            "\r\n",
            "·",
            "\u{feff}",
            "\u{20e3}",
            " - ",
            "~",
            "|",
            "\u{2060}",
            "'",
            "\u{fe0f}\u{20e3}",
        ] {
            let digits: Vec<String> = NUMBER[1..].chars().map(String::from).collect();
            let text = format!("call +{} now", digits.join(between));
            let masked = masked(&text).expect(&text);
            assert_eq!(masked.matches('*').count(), 6, "{masked}");
        }
    }

    #[test]
    fn a_number_of_anybody_is_masked_if_it_has_a_plus_and_its_country() {
        for (text, expected) in [
            ("office +442079460123", "office +4420******23"),
            ("office +44 20 7946 0123!", "office +44 20 **** **23!"),
            ("+1 (202) 555-0147", "+1 (20*) ***-***7"),
            ("＋４４２０７９４６０１２３", "＋４４２０******２３"),
            ("+ 44 20 79460123", "+ 44 20 ******23"),
            (
                "a +442079460123 b +12025550147",
                "a +4420******23 b +120*******7",
            ),
        ] {
            assert_eq!(masked(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_digits_are_left_alone() {
        for text in [
            "",
            "order-17",
            "306900000002",
            "169000000015",
            "0001",
            "69000",
            "+5 of 1000000",
            "2026-05-01T10:28:50+03:00",
            "+12345678901234567890",
            "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01",
        ] {
            assert_eq!(masked(text), None, "{text}");
        }
        assert_eq!(mask_numbers("12345", [&PhoneNumber::new("12345")]), None);
    }

    proptest! {
        #[test]
        fn no_known_number_survives(
            number in "[1-9][0-9]{9,14}",
            gaps in proptest::collection::vec("[^0-9\\p{Nd}\\p{No}]{0,3}", 16),
            before in "[a-z #]{0,5}",
            after in "[a-z #]{0,5}",
        ) {
            let mut text = before;
            for (digit, gap) in number.chars().zip(&gaps) {
                text.push_str(gap);
                text.push(digit);
            }
            text.push_str(&after);
            let masked = mask_numbers(&text, [&PhoneNumber::new(&number)]).expect("it holds one");
            let n_left = masked.chars().filter(char::is_ascii_digit).count();
            prop_assert!(n_left <= 6, "{masked}");
            prop_assert_eq!(masked.chars().count(), text.chars().count());
        }
    }
}
