//! Text of others on a line of a terminal, which it must neither break nor steer.

/// `text` without control characters, line breaks included.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_steers_a_terminal() {
        assert_eq!(plain("a\u{1b}[2J\nb\u{7}\u{9b}1m é"), "a[2Jb1m é");
    }
}
