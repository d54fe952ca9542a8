//! The plain part of a mail, which reads well in a terminal: a title, what happened, facts in two columns, the messages.

use super::Values;

/// The whole text.
pub(super) fn page(values: &Values<'_>) -> String {
    let mut page = Page(String::with_capacity(1024));
    page.line(&[&values.severity.to_uppercase(), ": ", values.title]);
    page.block(&values.prose, |page, line| page.line(&[line]));
    page.block(&values.facts, |page, fact| {
        page.line(&[&fact.padded, fact.value]);
    });
    page.block(&values.rows, |page, row| {
        page.line(&["- ", row.what]);
        page.line(&["  ", &row.about]);
        page.line(&["  ", row.at, " · ", row.message_id]);
    });
    if values.more > 0 {
        page.line(&["and ", &values.more.to_string(), " more"]);
    }
    page.block(values.links, |page, link| {
        page.line(&[&link.title, ": ", &link.url]);
    });
    page.line(&[]);
    page.line(&["--"]);
    for line in &values.foot {
        page.line(&[line.name, " ", &line.value]);
    }
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, words: &[&str]) {
        self.0.extend(words.iter().copied());
        self.0.push('\n');
    }

    /// `items`, below an empty line if there are any.
    fn block<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        if !items.is_empty() {
            self.line(&[]);
        }
        for item in items {
            write(self, item);
        }
    }
}
