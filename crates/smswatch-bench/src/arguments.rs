//! What is typed behind a chore: names with a value each, and names that stand alone.

use std::str::FromStr;

use anyhow::Context as _;

/// The arguments of a chore, read one after another.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    usage: &'static str,
    rest: std::slice::Iter<'a, String>,
    name: &'a str,
}

impl<'a> Arguments<'a> {
    /// Those of a chore whose errors tell its `usage`.
    pub(crate) fn new(usage: &'static str, arguments: &'a [String]) -> Self {
        Self {
            usage,
            rest: arguments.iter(),
            name: "",
        }
    }

    /// The next name; `None` behind the last one.
    pub(crate) fn next(&mut self) -> Option<&'a str> {
        self.name = self.rest.next()?;
        Some(self.name)
    }

    /// The text behind the latest name.
    pub(crate) fn value(&mut self) -> anyhow::Result<&'a str> {
        Ok(self.rest.next().context(self.usage)?)
    }

    /// The number behind the latest name.
    pub(crate) fn number<T>(&mut self) -> anyhow::Result<T>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        let value = self.value()?;
        let (name, usage) = (self.name, self.usage);
        let number = value.parse();
        number.with_context(|| format!("`{value}` is no number for {name}; {usage}"))
    }

    /// That the chore does not know the latest name.
    pub(crate) fn unknown(&self) -> anyhow::Error {
        anyhow::anyhow!("`{}` is not known; {}", self.name, self.usage)
    }
}

/// The words of a line, as a shell hands them over.
#[cfg(test)]
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
