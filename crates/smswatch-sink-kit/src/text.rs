//! Texts within the limits of a receiver: in one line, cut with a mark, and with a count of what had no room.

use smswatch_model::{DigestRow, Notification};

/// Stands where a text was cut.
const CUT: char = '…';

/// `text` in one line: each run of blanks, line breaks and control characters becomes one blank.
#[must_use]
pub fn one_line(text: &str) -> String {
    let is_gap = |character: char| character.is_whitespace() || character.is_control();
    let words = text.split(is_gap).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// `text` of at most `most` characters; one that is longer ends in `…`.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    if most > 0 {
        kept.push(CUT);
    }
    kept
}

/// All that a notification says beside its title, as plain text of at most `most` characters: its text, what is
/// known of the message, or a line for each event. Events that have no room are counted: `and 990 more`.
#[must_use]
pub fn details(notification: &Notification, most: usize) -> String {
    let digest = notification.digest();
    let facts = digest.facts.iter();
    let facts = facts.map(|(name, value)| format!("{name}: {}", one_line(value)));
    let prose = digest.prose.lines().map(str::to_owned);
    let head = prose.chain(facts).collect::<Vec<_>>().join("\n");
    let omitted = usize::try_from(notification.omitted).unwrap_or(usize::MAX);
    let all = digest.rows.len().saturating_add(omitted);
    if all == 0 {
        return cut(&head, most);
    }
    // Whatever is left out, the line that counts it has room.
    let reserve = length(&counted(all));
    let mut lines = vec![cut(&head, most.saturating_sub(reserve))];
    let mut used = length(&lines[0]);
    let mut shown = 0;
    for row in &digest.rows {
        let line = line_of(row);
        let rest = match all - shown - 1 {
            0 => 0,
            _ => reserve,
        };
        if used + length(&line) + rest > most {
            break;
        }
        used += length(&line);
        lines.push(line);
        shown += 1;
    }
    if shown < all {
        lines.push(counted(all - shown));
    }
    lines.retain(|line| !line.is_empty());
    cut(&lines.join("\n"), most)
}

/// How many characters a line takes, with the break before it.
fn length(line: &str) -> usize {
    line.chars().count() + 1
}

fn counted(left: usize) -> String {
    format!("and {left} more")
}

/// `- Sent → Undelivered · +3069******01 · GR, Example Mobile · order-17 · message m-1`.
fn line_of(row: &DigestRow) -> String {
    let message = format!("message {}", row.message_id);
    let parts = [&row.to, &row.place, &row.label];
    let parts = parts.into_iter().flatten().map(|part| one_line(part));
    let parts: Vec<String> = std::iter::once(one_line(&row.what))
        .chain(parts)
        .chain([row.at.clone(), message])
        .collect();
    format!("- {}", parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use smswatch_testkit::sample;

    use super::*;

    #[test]
    fn a_text_in_one_line_has_no_breaks_and_no_gaps() {
        assert_eq!(
            one_line(" two\r\n\tlines\u{7}and \u{2028}more "),
            "two lines and more"
        );
        assert_eq!(one_line("\n"), "");
    }

    #[test]
    fn a_text_is_cut_at_a_character_and_marked() {
        assert_eq!(cut("Ωmega", 5), "Ωmega");
        assert_eq!(cut("Ωmega", 4), "Ωme…");
        assert_eq!(cut("🚨🚨", 1), "…");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn one_message_is_told_with_all_that_is_known_of_it() {
        insta::assert_snapshot!(details(&sample::notification(), 1000));
    }

    #[test]
    fn events_that_have_no_room_are_counted() {
        let mut notification = sample::notification_of(1000);
        notification.omitted = 5;
        for most in [0, 5, 20, 100, 1000, 10_000, 1_000_000] {
            let text = details(&notification, most);
            assert!(text.chars().count() <= most, "{} > {most}", text.len());
            let shown = text.matches("message-").count();
            if most >= 20 {
                let left = format!("and {} more", 1005 - shown);
                assert!(text.ends_with(&left), "{text}");
            }
        }
        insta::assert_snapshot!(details(&notification, 600));
        let all = details(&sample::notification_of(3), 10_000);
        assert!(!all.contains("more"), "{all}");
    }
}
