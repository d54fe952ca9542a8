//! Text of others on a line of a terminal, which it must neither break nor steer.

use smswatch_plugin::model::turns_direction;

/// `text` without control characters, line breaks included, and without those that turn the text around them.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control() && !turns_direction(*character))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_steers_a_terminal() {
        assert_eq!(plain("a\u{1b}[2J\nb\u{7}\u{9b}1m\u{202e} é"), "a[2Jb1m é");
    }
}
