//! Characters that turn the direction of writing: a sender's name that holds one would turn the words around it, too.

use std::borrow::Cow;

/// Whether a character turns the direction in which text is shown, and is not seen itself: a mark, an embedding, an
/// override or an isolate of Unicode's bidirectional algorithm. The letters of scripts that run from right to left are
/// none.
#[must_use]
pub fn turns_direction(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// `text` as people are to see it: without characters that would turn the text around it.
#[must_use]
pub fn without_turns(text: &str) -> Cow<'_, str> {
    if text.contains(turns_direction) {
        Cow::Owned(
            text.chars()
                .filter(|letter| !turns_direction(*letter))
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_text_goes_and_letters_of_any_script_stay() {
        let turned = "\u{202e}My\u{200f}Shop\u{202c} \u{2067}שלום\u{2069} \u{61c}مرحبا\u{200e} e\u{301} 👩\u{200d}🔧";
        assert_eq!(
            without_turns(turned),
            "MyShop שלום مرحبا e\u{301} 👩\u{200d}🔧"
        );
        assert!(matches!(without_turns("MyShop"), Cow::Borrowed("MyShop")));
    }
}
