//! The words of rules: titles, texts and links that their templates make of a notification.

use smswatch_model::{Event, Link, Notification};
use smswatch_template::Escape;
pub(crate) use smswatch_template::{TemplateName, TemplateTrouble};
use url::Url;

/// How many steps a template may take, so that a loop within a loop cannot hold up the routing.
const STEPS: u64 = 100_000;

/// How long a title may get, in characters.
const MAX_TITLE: usize = 300;

/// How long an address of a link may get, in characters.
const MAX_URL: usize = 2_000;

/// How long a text may get, in characters.
const MAX_TEXT: usize = 20_000;

/// The templates and expressions of all rules.
#[derive(Debug)]
pub(crate) struct Templates(smswatch_template::Templates);

impl Default for Templates {
    fn default() -> Self {
        Self(smswatch_template::Templates::with_steps(STEPS))
    }
}

impl Templates {
    /// Takes a template in and tries it on `samples`.
    pub(crate) fn add(
        &mut self,
        name: &str,
        source: &str,
        samples: &[Notification],
    ) -> Result<TemplateName, TemplateTrouble> {
        let seen = samples.iter().map(Notification::data);
        self.0.add(name, Escape::Nothing, source, seen)
    }

    /// Tries a template on `samples` of what a rule tells that groups by `known`, and by nothing else.
    pub(crate) fn try_grouped(
        &self,
        name: &TemplateName,
        samples: &[Notification],
        known: &[String],
    ) -> Result<(), TemplateTrouble> {
        let seen = samples.iter().map(Notification::data);
        self.0.try_grouped(name, seen, known)
    }

    /// Whether it makes nothing of any of the `samples`.
    pub(crate) fn is_always_empty(&self, name: &TemplateName, samples: &[Notification]) -> bool {
        let mut titles = samples.iter().map(|sample| self.title(name, sample, None));
        titles.all(|title| title.is_some_and(|title| title.is_empty()))
    }

    /// Takes the address of a link in and tries it on `samples`. Values become pieces of the address.
    pub(crate) fn add_address(
        &mut self,
        name: &str,
        source: &str,
        samples: &[Notification],
    ) -> Result<TemplateName, TemplateTrouble> {
        let seen = samples.iter().map(Notification::data);
        let name = self.0.add(name, Escape::Url, source, seen)?;
        match samples
            .iter()
            .all(|sample| self.address(&name, sample).is_some())
        {
            true => Ok(name),
            false => {
                let what =
                    "an address begins with `http://` or `https://` and names a host".to_owned();
                Err(TemplateTrouble { what, range: None })
            }
        }
    }

    /// Takes an expression over `event` in and tries it on `samples`.
    pub(crate) fn add_expression(
        &mut self,
        name: String,
        source: &str,
        samples: &[Event],
    ) -> Result<TemplateName, TemplateTrouble> {
        self.0.add_expression(name, source, samples)
    }

    /// Whether an expression is true for an event. `None` if it fails.
    pub(crate) fn is_true(&self, name: &TemplateName, event: &Event) -> Option<bool> {
        self.0.is_true(name, event)
    }

    /// A title: one line of bounded length, in the time of `timezone`. `None` if the template fails.
    pub(crate) fn title(
        &self,
        name: &TemplateName,
        told: &Notification,
        timezone: Option<&str>,
    ) -> Option<String> {
        Some(line(&self.render(name, told, timezone)?))
    }

    /// A text of bounded length, in the time of `timezone`. `None` if the template fails.
    pub(crate) fn text(
        &self,
        name: &TemplateName,
        told: &Notification,
        timezone: Option<&str>,
    ) -> Option<String> {
        let text = self.render(name, told, timezone)?;
        Some(bounded(text.trim_end().to_owned(), MAX_TEXT))
    }

    /// A link. `None` if a template fails, or makes something that is no address of the web.
    pub(crate) fn link(
        &self,
        title: &TemplateName,
        url: &TemplateName,
        told: &Notification,
    ) -> Option<Link> {
        let url = self.address(url, told)?;
        let title = Some(line(&self.render(title, told, None)?)).filter(|title| !title.is_empty());
        Some(Link {
            title: title.unwrap_or_else(|| url.clone()),
            url,
        })
    }

    fn address(&self, name: &TemplateName, told: &Notification) -> Option<String> {
        let url = self.render(name, told, None)?.trim().to_owned();
        (is_of_the_web(&url) && url.chars().count() <= MAX_URL).then_some(url)
    }

    fn render(
        &self,
        name: &TemplateName,
        told: &Notification,
        timezone: Option<&str>,
    ) -> Option<String> {
        self.0.render(name, &told.data(), timezone).ok()
    }
}

/// Whether a browser can open it: an address that begins with `http://` or `https://`.
fn is_of_the_web(address: &str) -> bool {
    let url = Url::parse(address);
    url.is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

/// A title: one line of bounded length.
fn line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    bounded(line, MAX_TITLE)
}

fn bounded(text: String, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
