//! Decimal digits in every script in which a phone number may be written.

/// The zero of each script whose ten digits follow one another (Unicode's category Nd, and the
/// subscripts).
const ZEROS: [u32; 70] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6,
    0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80,
    0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0x2080, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50,
    0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450,
    0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50,
    0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0,
    0x1E4F0, 0x1E950, 0x1F101, 0x1FBF0,
];

/// Digits that do not begin with a zero: the first of them, its value, and how many follow one
/// another (superscripts, and digits in circles).
const OTHERS: [(u32, u8, u32); 13] = [
    (0x00B2, 2, 2),
    (0x00B9, 1, 1),
    (0x2070, 0, 1),
    (0x2074, 4, 6),
    (0x2460, 1, 9),
    (0x2474, 1, 9),
    (0x2488, 1, 9),
    (0x24EA, 0, 1),
    (0x24F5, 1, 9),
    (0x24FF, 0, 1),
    (0x2776, 1, 9),
    (0x2780, 1, 9),
    (0x278A, 1, 9),
];

/// The value of a decimal digit of any script; `None` for every other character.
pub(super) fn digit(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.is_ascii_digit().then(|| character as u8 - b'0');
    }
    let code = u32::from(character);
    let among = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS[..among].last()?;
    if code - zero < 10 {
        return u8::try_from(code - zero).ok();
    }
    OTHERS
        .iter()
        .find(|(first, _, count)| (*first..first + count).contains(&code))
        .and_then(|(first, value, _)| u8::try_from(code - first).ok().map(|place| value + place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_any_script_have_their_value() {
        for (text, value) in [("0٠۰०๐０𝟎₀⓪⁰", 0), ("1١۱१๑１𝟏₁①¹", 1), ("9٩۹९๙９𝟗₉⑨⁹", 9)]
        {
            for character in text.chars() {
                assert_eq!(digit(character), Some(value), "{character}");
            }
        }
        for character in "aä-+\u{a0}\u{200b}½Ⅷ十😀".chars() {
            assert_eq!(digit(character), None, "{character}");
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(ZEROS.is_sorted_by(|one, next| one + 10 <= *next));
    }
}
