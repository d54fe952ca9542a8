//! Templates and expressions of rules: made once, tried at load, and used when a rule fires.

mod address;
mod data;
mod filters;

use std::ops::Range;

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use smswatch_model::{Event, Link, Notification};

/// How many steps a template may take, so that a loop within a loop cannot hold up the routing.
const FUEL: u64 = 100_000;

/// How long a title may get, in characters.
const MAX_TITLE: usize = 300;

/// How long an address of a link may get, in characters.
const MAX_URL: usize = 2_000;

/// How long a text may get, in characters.
const MAX_TEXT: usize = 20_000;

/// The variables of a template: the fields of [`Notification::data`].
const VARIABLES: [&str; 13] = [
    "schema",
    "notification_id",
    "key",
    "rule",
    "severity",
    "title",
    "text",
    "group",
    "omitted",
    "common",
    "alert",
    "links",
    "events",
];

/// The templates and expressions of all rules.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
}

/// The name of a template or an expression among [`Templates`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateName(String);

/// Why a template cannot be used, and which of its bytes are to blame, as far as that is known.
#[derive(Debug)]
pub(crate) struct TemplateTrouble {
    pub(crate) what: String,
    pub(crate) range: Option<Range<usize>>,
}

#[derive(Serialize)]
struct ExpressionData<'a> {
    event: &'a Event,
}

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(true);
        environment.set_auto_escape_callback(address::escape_of);
        environment.set_formatter(address::format);
        filters::add_to(&mut environment);
        Self { environment }
    }
}

impl Templates {
    /// Takes a template in and tries it on `samples`.
    pub(crate) fn add(
        &mut self,
        name: String,
        source: &str,
        samples: &[Notification],
    ) -> Result<TemplateName, TemplateTrouble> {
        self.environment
            .add_template_owned(name.clone(), source.to_owned())
            .map_err(trouble)?;
        let template = self.environment.get_template(&name).map_err(trouble)?;
        let mut unknown = template.undeclared_variables(false);
        unknown.retain(|variable| {
            !VARIABLES.contains(&variable.as_str()) && !self.is_global(variable)
        });
        if let Some(variable) = unknown.iter().min() {
            return Err(unknown_variable(variable, &VARIABLES, source));
        }
        for sample in samples {
            template
                .render(data::root(&sample.data(), None))
                .map_err(trouble)?;
        }
        Ok(TemplateName(name))
    }

    /// Takes the address of a link in, whose name ends in `/url`, and tries it on `samples`.
    pub(crate) fn add_address(
        &mut self,
        name: String,
        source: &str,
        samples: &[Notification],
    ) -> Result<TemplateName, TemplateTrouble> {
        let name = self.add(name, source, samples)?;
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
        let expression = self
            .environment
            .compile_expression(source)
            .map_err(trouble)?;
        let mut unknown = expression.undeclared_variables(false);
        unknown.retain(|variable| variable != "event" && !self.is_global(variable));
        if let Some(variable) = unknown.iter().min() {
            return Err(unknown_variable(variable, &["event"], source));
        }
        for event in samples {
            let context = data::root(&ExpressionData { event }, None);
            let value = expression.eval(context).map_err(trouble)?;
            if value.is_undefined() {
                let what = "this has no value for some events".to_owned();
                return Err(TemplateTrouble { what, range: None });
            }
        }
        // Kept as a template, because an expression cannot be kept beside what it borrows from; it
        // is known by now to be one whole expression.
        let template = format!("{{% if {source} %}}1{{% endif %}}");
        self.environment
            .add_template_owned(name.clone(), template)
            .map_err(trouble)?;
        Ok(TemplateName(name))
    }

    /// Whether an expression is true for an event. `None` if it fails.
    pub(crate) fn is_true(&self, name: &TemplateName, event: &Event) -> Option<bool> {
        let template = self.environment.get_template(&name.0).ok()?;
        let rendered = template
            .render(data::root(&ExpressionData { event }, None))
            .ok()?;
        Some(!rendered.is_empty())
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
        (address::is_of_the_web(&url) && url.chars().count() <= MAX_URL).then_some(url)
    }

    fn render(
        &self,
        name: &TemplateName,
        told: &Notification,
        timezone: Option<&str>,
    ) -> Option<String> {
        let template = self.environment.get_template(&name.0).ok()?;
        template.render(data::root(&told.data(), timezone)).ok()
    }

    fn is_global(&self, variable: &str) -> bool {
        self.environment.globals().any(|(name, _)| name == variable)
    }
}

fn unknown_variable(variable: &str, known: &[&str], source: &str) -> TemplateTrouble {
    let what = match crate::did_you_mean(variable, known.iter().copied()) {
        Some(word) => format!("unknown variable `{variable}`; did you mean `{word}`?"),
        None if known.len() == 1 => {
            format!("unknown variable `{variable}`; expected `{}`", known[0])
        }
        None => format!(
            "unknown variable `{variable}`; expected one of: {}",
            known.join(", ")
        ),
    };
    let range = source
        .find(variable)
        .map(|start| start..start + variable.len());
    TemplateTrouble { what, range }
}

fn trouble(error: minijinja::Error) -> TemplateTrouble {
    let mut innermost = &error;
    let mut range = error.range();
    while let Some(source) = std::error::Error::source(innermost) {
        let Some(source) = source.downcast_ref::<minijinja::Error>() else {
            break;
        };
        innermost = source;
        range = range.or_else(|| source.range());
    }
    let what = match innermost.detail() {
        Some(detail) => detail.to_owned(),
        None => innermost.kind().to_string(),
    };
    TemplateTrouble { what, range }
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
