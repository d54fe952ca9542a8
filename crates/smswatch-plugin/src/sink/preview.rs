//! How a notification would look at a receiver.

use smswatch_model::Notification;

/// How a notification would look at a receiver, to be shown before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// What is shown, from top to bottom.
    pub parts: Vec<PreviewPart>,
    /// The same as a page of HTML, if the receiver shows one. It is shown where no script runs and nothing is loaded.
    pub html: Option<String>,
}

/// A part of what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPart {
    /// What it is, such as `Subject`.
    pub name: String,
    /// Its text, as the receiver would get it.
    pub text: String,
}

impl Preview {
    /// What every sink has: title, text and links.
    #[must_use]
    pub fn of_words(notification: &Notification) -> Self {
        let links = notification.links.iter();
        let links = links.map(|link| format!("{}: {}", link.title, link.url));
        let links: Vec<String> = links.collect();
        Self::default()
            .part("Title", &notification.title)
            .part("Text", &notification.text)
            .part("Links", links.join("\n"))
    }

    /// The same with another part below; one without text is left out.
    #[must_use]
    pub fn part(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        if !text.is_empty() {
            self.parts.push(PreviewPart { name, text });
        }
        self
    }

    /// The same with a page of HTML.
    #[must_use]
    pub fn html(self, html: impl Into<String>) -> Self {
        Self {
            html: Some(html.into()),
            ..self
        }
    }
}
