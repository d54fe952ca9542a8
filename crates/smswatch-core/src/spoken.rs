//! Lengths of time in words.

use std::time::Duration;

/// A length of time as people say it: `1 min 30 s`.
pub(crate) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    match parts.is_empty() {
        true => "less than a second".to_owned(),
        false => parts[..parts.len().min(2)].join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_said_by_its_largest_units() {
        let said = [0, 1, 90, 3_600, 3_661, 90_000].map(|n| spoken(Duration::from_secs(n)));
        let expected = [
            "less than a second",
            "1 s",
            "1 min 30 s",
            "1 h",
            "1 h 1 min",
            "1 d 1 h",
        ];
        assert_eq!(said, expected);
    }
}
