//! A notification as a mail: subject, text and HTML. Pure.

use std::fmt::Write as _;

use smswatch_core::model::{Notification, Severity};

/// How many characters of a title a subject shows.
const MAX_SUBJECT: usize = 200;

/// The subject: severity and title, on one line.
pub(crate) fn subject(notification: &Notification) -> String {
    let title: String = notification
        .title
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(MAX_SUBJECT)
        .collect();
    format!("[{}] {title}", notification.severity.as_str())
}

/// The plain text.
pub(crate) fn text(notification: &Notification) -> String {
    let mut text = format!(
        "{}\n\n{}\n\n",
        notification.title,
        notification.text.trim_end()
    );
    for (name, value) in footer(notification) {
        // Writing to a string does not fail.
        let _written = writeln!(text, "{name}: {value}");
    }
    text
}

/// The same as HTML; colors suit light and dark, and mean nothing by themselves.
pub(crate) fn html(notification: &Notification) -> String {
    let color = match notification.severity {
        Severity::Info => "#2f7fb8",
        Severity::Warning => "#b7791f",
        Severity::Critical => "#c53030",
    };
    let mut html = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\
         <meta name=\"color-scheme\" content=\"light dark\"></head>\n\
         <body style=\"font-family:sans-serif;line-height:1.4\">\n\
         <div style=\"border-left:4px solid {color};padding-left:12px\">\n\
         <p style=\"margin:0\"><small>{}</small></p>\n<h2 style=\"margin:0\">{}</h2>\n",
        escaped(notification.severity.as_str()),
        escaped(&notification.title),
    );
    for line in notification.text.lines() {
        let _written = writeln!(html, "<p style=\"margin:4px 0\">{}</p>", escaped(line));
    }
    html.push_str("</div>\n<p style=\"opacity:0.7\"><small>");
    let rows = footer(notification);
    let rows = rows
        .iter()
        .map(|(name, value)| format!("{}: {}", escaped(name), escaped(value)));
    html.push_str(&rows.collect::<Vec<_>>().join("<br>\n"));
    html.push_str("</small></p>\n</body></html>\n");
    html
}

/// How many messages a mail names.
const MAX_MESSAGES: usize = 50;

/// What tells where the mail comes from, and what it leaves out.
fn footer(notification: &Notification) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = notification
        .group
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    rows.extend(
        notification
            .links
            .iter()
            .map(|link| (link.title.clone(), link.url.clone())),
    );
    if notification.omitted > 0 {
        rows.push((
            "Not shown".to_owned(),
            format!("{} more events", notification.omitted),
        ));
    }
    let mut ids: Vec<&str> = notification
        .events
        .iter()
        .filter_map(|event| event.message.message_id.as_ref())
        .map(|id| id.as_str())
        .collect();
    ids.dedup();
    for id in ids.iter().take(MAX_MESSAGES) {
        rows.push(("Message".to_owned(), (*id).to_owned()));
    }
    if ids.len() > MAX_MESSAGES {
        rows.push((
            "Not named".to_owned(),
            format!("{} more messages", ids.len() - MAX_MESSAGES),
        ));
    }
    rows.push(("Rule".to_owned(), notification.rule.clone()));
    rows.push(("Delivery".to_owned(), notification.delivery_id.to_string()));
    rows
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use smswatch_testkit::sample;

    use super::*;

    #[test]
    fn one_event_as_text() {
        insta::assert_snapshot!(text(&sample::notification()));
    }

    #[test]
    fn one_event_as_html() {
        insta::assert_snapshot!(html(&sample::notification()));
    }

    #[test]
    fn a_group_names_its_values_and_what_it_leaves_out() {
        insta::assert_snapshot!(text(&sample::grouped()));
    }

    #[test]
    fn what_is_about_no_message_names_none() {
        insta::assert_snapshot!(text(&sample::sink_down()));
    }

    #[test]
    fn a_subject_stays_on_one_line() {
        let title = "x\r\nBcc: everybody@example.com".to_owned();
        let notification = Notification {
            title,
            ..sample::notification()
        };
        assert_eq!(
            subject(&notification),
            "[critical] x  Bcc: everybody@example.com"
        );
    }

    #[test]
    fn nothing_that_a_message_says_becomes_markup() {
        let text = "<script>\"&'</script>".to_owned();
        let html = html(&Notification {
            text,
            ..sample::notification()
        });
        assert!(
            html.contains("&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;"),
            "{html}"
        );
    }
}
