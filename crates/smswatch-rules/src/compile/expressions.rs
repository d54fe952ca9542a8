//! Compiles `when` and `template`, and finds where in the file a mistake in them is.

use smswatch_model::{EventKind, Notification};

use super::Compiler;
use super::expect::{is_empty, spot};
use crate::template::{TemplateName, TemplateTrouble};
use crate::yaml::Entry;
use smswatch_template::sample::samples;

/// What templates are tried on.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) samples: &'a [Notification],
    /// By which keys the rule groups; `None` where several rules are told, or that is not known.
    pub(super) group_keys: Option<&'a [String]>,
}

impl Compiler<'_> {
    pub(super) fn when(
        &mut self,
        position: usize,
        entry: &Entry,
        kinds: &[EventKind],
    ) -> Option<TemplateName> {
        let source = self.text(entry)?;
        let name = format!("{position}/when");
        let samples: Vec<_> = kinds.iter().copied().flat_map(samples).collect();
        let added = self.templates.add_expression(name, source.trim(), &samples);
        let trouble = added.as_ref().err().map(|trouble| (source.trim(), trouble));
        self.report_trouble(entry, "invalid expression", trouble);
        added.ok()
    }

    /// The templates of the title and of the text of `owner`, whose name no other one has.
    pub(super) fn template(
        &mut self,
        owner: &str,
        template: &Entry,
        shown: Shown<'_>,
    ) -> (Option<TemplateName>, Option<TemplateName>) {
        if is_empty(&template.value) {
            return (None, None);
        }
        let Some(entries) = template.value.as_mapping() else {
            let found = template.value.kind();
            let message = format!("expected `title`, `text` or both, found {found}");
            self.error(spot(template), message).hint =
                Some("write `template: {title: \"{{ title }}\"}`".to_owned());
            return (None, None);
        };
        let (mut title, mut text) = (None, None);
        for entry in entries {
            match entry.key.name.as_str() {
                "title" => {
                    title = self.one_template(owner, entry, shown);
                    self.check_title(entry, title.as_ref(), shown);
                }
                "text" => text = self.one_template(owner, entry, shown),
                _ => self.unknown_key(entry, "a template", &["title", "text"]),
            }
        }
        (title, text)
    }

    pub(super) fn one_template(
        &mut self,
        owner: &str,
        entry: &Entry,
        shown: Shown<'_>,
    ) -> Option<TemplateName> {
        let source = self.text(entry)?;
        let name = format!("{owner}/{}", entry.key.name);
        let added = match entry.key.name.as_str() {
            "url" => self.templates.add_address(&name, source, shown.samples),
            _ => self.templates.add(&name, source, shown.samples),
        };
        let added = added.and_then(|name| {
            if let Some(keys) = shown.group_keys {
                self.templates.try_grouped(&name, shown.samples, keys)?;
            }
            Ok(name)
        });
        let trouble = added.as_ref().err().map(|trouble| (source, trouble));
        self.report_trouble(entry, "invalid template", trouble);
        added.ok()
    }

    /// A title that never says anything would give way to the default one, which nobody meant.
    fn check_title(&mut self, entry: &Entry, title: Option<&TemplateName>, shown: Shown<'_>) {
        let is_empty = |title| self.templates.is_always_empty(title, shown.samples);
        if title.is_some_and(is_empty) {
            self.error(spot(entry), "this title is empty").hint =
                Some("leave it out for the default one, which is `{{ title }}`".to_owned());
        }
    }

    fn report_trouble(
        &mut self,
        entry: &Entry,
        message: &str,
        trouble: Option<(&str, &TemplateTrouble)>,
    ) {
        if let Some((source, trouble)) = trouble {
            let found = trouble.range.clone();
            let found = found.and_then(|range| self.document.place_in(&entry.value, source, range));
            let problem = self.error(found.unwrap_or(spot(entry)), message);
            problem.label = Some(trouble.what.clone());
            if trouble.what.ends_with("is undefined") || trouble.what.ends_with("have none here") {
                let guard = "event.previous and event.previous.status == 'Sent'";
                problem.hint = Some(format!(
                    "not every event has this; check that first, as in `{guard}`"
                ));
            }
        }
    }
}
