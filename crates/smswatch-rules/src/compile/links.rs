//! Compiles `links`: titles and addresses with the variables of templates.

use super::Compiler;
use super::expect::spot;
use super::expressions::Shown;
use crate::diagnostic::Place;
use crate::rule::LinkTemplate;
use crate::yaml::{Entry, Node};

/// How many links a rule may have; sinks show no more.
const MAX_LINKS: usize = 10;

/// The keys of a link.
const KEYS: [&str; 2] = ["title", "url"];

impl Compiler<'_> {
    pub(super) fn links(
        &mut self,
        position: usize,
        entry: &Entry,
        shown: Shown<'_>,
    ) -> Vec<LinkTemplate> {
        let example = "write `links: [{title: Runbook, url: \"https://…\"}]`";
        let Some(items) = entry.value.as_sequence() else {
            let found = entry.value.kind();
            self.error(
                spot(entry),
                format!("expected a list of links, found {found}"),
            )
            .hint = Some(example.to_owned());
            return Vec::new();
        };
        if items.len() > MAX_LINKS {
            self.error(spot(entry), format!("a rule has at most {MAX_LINKS} links"));
        }
        let links = items.iter().enumerate();
        let links =
            links.map(|(place, node)| self.link(&format!("{position}/links/{place}"), node, shown));
        links.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn link(&mut self, owner: &str, node: &Node, shown: Shown<'_>) -> Option<LinkTemplate> {
        let place = node.place();
        let Some(entries) = node.as_mapping() else {
            let message = format!("expected a link, found {}", node.kind());
            self.error(place, message).hint = Some("a link has a `title` and a `url`".to_owned());
            return None;
        };
        for entry in entries {
            if !KEYS.contains(&entry.key.name.as_str()) {
                self.unknown_key(entry, "a link", &KEYS);
            }
        }
        let title = self.part_of_link(owner, node, "title", place, shown);
        let url = self.part_of_link(owner, node, "url", place, shown);
        Some(LinkTemplate {
            title: title?,
            url: url?,
        })
    }

    fn part_of_link(
        &mut self,
        owner: &str,
        node: &Node,
        key: &str,
        place: Place,
        shown: Shown<'_>,
    ) -> Option<crate::template::TemplateName> {
        let Some(entry) = node.entry(key) else {
            self.error(place, format!("this link has no `{key}`"));
            return None;
        };
        self.one_template(owner, entry, shown)
    }
}
