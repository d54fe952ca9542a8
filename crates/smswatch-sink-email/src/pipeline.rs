//! What is sent to a relay in one go although it is several commands, or a command and what follows.

use std::fmt;

use lettre::transport::smtp::commands::{Data, Mail, Rcpt};

/// All commands before a mail. A relay that pipelines answers them one by one, in their order, and neither side waits for an
/// answer before the next command.
pub(crate) struct Opening {
    pub(crate) from: Mail,
    pub(crate) to: Vec<Rcpt>,
}

impl fmt::Display for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.fmt(formatter)?;
        for recipient in &self.to {
            recipient.fmt(formatter)?;
        }
        Data.fmt(formatter)
    }
}

/// A mail with its end, which is no packet of its own.
pub(crate) struct Content<'a>(pub(crate) &'a str);

impl fmt::Display for Content<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A dot at the beginning of a line would end the mail.
        if self.0.starts_with('.') {
            formatter.write_str(".")?;
        }
        let mut lines = self.0.split("\r\n.");
        formatter.write_str(lines.next().unwrap_or_default())?;
        for line in lines {
            formatter.write_str("\r\n..")?;
            formatter.write_str(line)?;
        }
        formatter.write_str("\r\n.\r\n")
    }
}

#[cfg(test)]
mod tests {
    use lettre::Address;

    use super::*;

    #[test]
    fn a_dot_at_the_beginning_of_a_line_is_doubled_and_no_other() {
        for (mail, expected) in [
            ("a\r\nb\r\n", "a\r\nb\r\n\r\n.\r\n"),
            (".a.b\r\n.\r\n..c", "..a.b\r\n..\r\n...c\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(Content(mail).to_string(), expected);
        }
    }

    #[test]
    fn the_commands_before_a_mail_follow_one_another() {
        let address = |text: &str| -> Address { text.parse().expect("an address") };
        let opening = Opening {
            from: Mail::new(Some(address("a@example.com")), Vec::new()),
            to: ["b@example.com", "c@example.com"]
                .map(|to| Rcpt::new(address(to), Vec::new()))
                .into(),
        };
        assert_eq!(
            opening.to_string(),
            "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n\
             RCPT TO:<c@example.com>\r\nDATA\r\n"
        );
    }
}
