//! Templates and expressions: made once, tried as they are made, and used when something is to be told.

use std::ops::Range;

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use smswatch_model::Event;

use crate::{Escape, data, did_you_mean, escape, filters};

/// Templates and expressions by name.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

/// The name of a template or an expression among [`Templates`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateName(String);

/// Why a template cannot be used, and which of its bytes are to blame, as far as that is known.
#[derive(Debug)]
pub struct TemplateTrouble {
    /// What is wrong.
    pub what: String,
    /// Which bytes of the template's source are.
    pub range: Option<Range<usize>>,
}

#[derive(Serialize)]
struct ExpressionData<'a> {
    event: &'a Event,
}

impl Templates {
    /// No templates yet. Each of them may take `steps`, so that nested loops hold up nothing.
    #[must_use]
    pub fn with_steps(steps: u64) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(steps));
        environment.set_debug(true);
        environment.set_auto_escape_callback(escape::of);
        environment.set_formatter(escape::format);
        filters::add_to(&mut environment);
        Self { environment }
    }

    /// Takes a template in and tries it on `samples`, whose fields are its variables: all of them have the same.
    ///
    /// # Errors
    ///
    /// It cannot be read, names an unknown variable, or fails for one of the samples.
    pub fn add<T: Serialize>(
        &mut self,
        name: &str,
        escape: Escape,
        source: &str,
        samples: impl IntoIterator<Item = T>,
    ) -> Result<TemplateName, TemplateTrouble> {
        let name = format!("{name}{}", escape.mark());
        self.environment
            .add_template_owned(name.clone(), source.to_owned())
            .map_err(trouble)?;
        let template = self.environment.get_template(&name).map_err(trouble)?;
        let mut asked = template.undeclared_variables(false);
        asked.retain(|variable| !self.is_global(variable));
        for (place, sample) in samples.into_iter().enumerate() {
            let sample = data::json(&sample);
            if place == 0 {
                check_variables(&asked, &data::names(&sample), source)?;
            }
            template.render(data::root(sample, None)).map_err(trouble)?;
        }
        Ok(TemplateName(name))
    }

    /// Tries a template on samples of what a rule tells that groups by `known`, and by nothing else.
    ///
    /// # Errors
    ///
    /// It writes a value by which the rule does not group.
    ///
    /// # Panics
    ///
    /// A sample has no form in JSON.
    pub fn try_grouped<T: Serialize>(
        &self,
        name: &TemplateName,
        samples: impl IntoIterator<Item = T>,
        known: &[String],
    ) -> Result<(), TemplateTrouble> {
        let template = self.environment.get_template(&name.0).map_err(trouble)?;
        for sample in samples {
            let sample = data::root_of_groups(data::json(&sample), known);
            template.render(sample).map_err(trouble)?;
        }
        Ok(())
    }

    /// Takes an expression over `event` in and tries it on `samples`.
    ///
    /// # Errors
    ///
    /// It cannot be read, names an unknown variable, or has no value for one of the samples.
    pub fn add_expression(
        &mut self,
        name: String,
        source: &str,
        samples: &[Event],
    ) -> Result<TemplateName, TemplateTrouble> {
        let expression = self
            .environment
            .compile_expression(source)
            .map_err(trouble)?;
        let mut asked = expression.undeclared_variables(false);
        asked.retain(|variable| !self.is_global(variable));
        check_variables(&asked, &["event"], source)?;
        for event in samples {
            let context = data::root(data::json(&ExpressionData { event }), None);
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
    #[must_use]
    pub fn is_true(&self, name: &TemplateName, event: &Event) -> Option<bool> {
        let rendered = self.render(name, &ExpressionData { event }, None).ok()?;
        Some(!rendered.is_empty())
    }

    /// What a template writes of `seen`, whose fields are its variables, with instants in the time of `timezone`.
    ///
    /// # Errors
    ///
    /// It fails, although it did not for the samples.
    ///
    /// # Panics
    ///
    /// `seen` has no form in JSON.
    pub fn render(
        &self,
        name: &TemplateName,
        seen: &impl Serialize,
        timezone: Option<&str>,
    ) -> Result<String, TemplateTrouble> {
        let template = self.environment.get_template(&name.0).map_err(trouble)?;
        let seen = data::root(data::json(seen), timezone);
        template.render(seen).map_err(trouble)
    }

    fn is_global(&self, variable: &str) -> bool {
        self.environment.globals().any(|(name, _)| name == variable)
    }
}

/// Finds a variable that is `asked` for and not `known`.
fn check_variables<'a>(
    asked: impl IntoIterator<Item = &'a String>,
    known: &[&str],
    source: &str,
) -> Result<(), TemplateTrouble> {
    let unknown = asked.into_iter();
    let unknown = unknown.filter(|variable| !known.contains(&variable.as_str()));
    let Some(variable) = unknown.min() else {
        return Ok(());
    };
    let what = match did_you_mean(variable, known.iter().copied()) {
        Some(word) => format!("unknown variable `{variable}`; did you mean `{word}`?"),
        None if known.len() == 1 => {
            format!("unknown variable `{variable}`; expected `{}`", known[0])
        }
        None => format!(
            "unknown variable `{variable}`; expected one of: {}",
            known.join(", ")
        ),
    };
    let range = source.find(variable.as_str());
    let range = range.map(|start| start..start + variable.len());
    Err(TemplateTrouble { what, range })
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rendered(escape: Escape, source: &str, seen: Value) -> String {
        let mut templates = Templates::with_steps(10_000);
        let added = templates.add("t", escape, source, [&seen]);
        let name = added.unwrap_or_else(|trouble| panic!("{}", trouble.what));
        let rendered = templates.render(&name, &seen, None);
        rendered.unwrap_or_else(|trouble| panic!("{}", trouble.what))
    }

    #[test]
    fn a_value_stays_a_value_wherever_it_is_written() {
        let seen =
            json!({"text": "a \"b\" <c>\n& {d}", "nothing": null, "n": 1.5, "list": ["x", 2]});
        let check = |escape, source, expected: &str| {
            assert_eq!(rendered(escape, source, seen.clone()), expected);
        };
        check(
            Escape::Url,
            "{{ text }}{{ nothing }}",
            "a%20%22b%22%20%3Cc%3E%0A%26%20%7Bd%7D",
        );
        check(
            Escape::Nothing,
            "{{ text }}{{ nothing }}{{ nothing or 'unknown' }}",
            "a \"b\" <c>\n& {d}unknown",
        );
        check(Escape::Markup, "{{ nothing }}", "");
        check(Escape::Markup, "<p>{{ n }} {{ '<' ~ n }}", "<p>1.5 &lt;1.5");
        let json = r#"{"t": "{{ text }}", "n": {{ n }}, "l": {{ list }}, "o": "{{ nothing }}"}"#;
        let read: Value =
            serde_json::from_str(&rendered(Escape::Json, json, seen.clone())).expect("JSON");
        assert_eq!(
            read,
            json!({"t": seen["text"], "n": 1.5, "l": ["x", 2], "o": ""})
        );
        let json = r#"[{{ text|tojson }}, {{ nothing|tojson }}, "{{ text|cut(5) }}"]"#;
        let read: Value =
            serde_json::from_str(&rendered(Escape::Json, json, seen.clone())).expect("JSON");
        assert_eq!(read, json!([seen["text"], null, "a \"b…"]));
    }

    #[test]
    fn an_unknown_variable_is_told_with_its_place_and_the_known_ones() {
        let mut templates = Templates::with_steps(10_000);
        let mut told = |source: &str| {
            let added = templates.add(
                "t",
                Escape::Nothing,
                source,
                [json!({"title": "", "text": ""})],
            );
            let trouble = added.expect_err("there is none");
            (trouble.what, trouble.range)
        };
        let (what, range) = told("see {{ titel }}");
        assert_eq!(what, "unknown variable `titel`; did you mean `title`?");
        assert_eq!(range, Some(7..12));
        let (what, _) = told("{{ price }}");
        assert_eq!(
            what,
            "unknown variable `price`; expected one of: title, text"
        );
    }

    #[test]
    fn a_loop_that_does_not_end_soon_fails() {
        let mut templates = Templates::with_steps(10_000);
        let source =
            "{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}";
        assert!(
            templates
                .add("t", Escape::Nothing, source, [json!({})])
                .is_err()
        );
    }
}
