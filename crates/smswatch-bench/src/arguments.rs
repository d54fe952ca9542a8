//! What is typed behind a chore: names with a value each, and names that stand alone.

use std::str::FromStr;

use anyhow::{Context as _, bail};

/// The arguments of a chore that nobody has asked for yet.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    usage: &'static str,
    rest: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    /// Makes what `read` reads of the arguments of a chore, and sees to it that there are no others. Errors tell the
    /// `usage`.
    pub(crate) fn read<T>(
        usage: &'static str,
        arguments: &'a [String],
        read: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let rest = arguments.iter().map(String::as_str).collect();
        let mut arguments = Self { usage, rest };
        let made = read(&mut arguments)?;
        match arguments.rest.first() {
            Some(unknown) => bail!("`{unknown}` is not known; {usage}"),
            None => Ok(made),
        }
    }

    /// Whether a name was given that stands alone.
    pub(crate) fn has(&mut self, name: &str) -> bool {
        let place = self.rest.iter().position(|word| *word == name);
        place.map(|place| self.rest.remove(place)).is_some()
    }

    /// The text behind a name; `None` if the name was not given.
    pub(crate) fn text(&mut self, name: &str) -> anyhow::Result<Option<&'a str>> {
        let Some(place) = self.rest.iter().position(|word| *word == name) else {
            return Ok(None);
        };
        if place + 1 == self.rest.len() {
            bail!(self.usage);
        }
        self.rest.remove(place);
        Ok(Some(self.rest.remove(place)))
    }

    /// The number behind a name; `None` if the name was not given.
    pub(crate) fn number<T>(&mut self, name: &str) -> anyhow::Result<Option<T>>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        let usage = self.usage;
        let number = self.text(name)?.map(|text| {
            let number = text.parse();
            number.with_context(|| format!("`{text}` is no number for {name}; {usage}"))
        });
        number.transpose()
    }
}

/// The words of a line, as a shell hands them over.
#[cfg(test)]
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
