//! What a run found wrong: how often, and some examples.

/// How many examples of each finding are named.
const EXAMPLES: usize = 5;

/// How often something was found, and examples.
#[derive(Debug, Default)]
pub struct Findings {
    /// How often.
    pub count: u64,
    /// Some of them, to look into.
    pub examples: Vec<String>,
}

impl Findings {
    /// Counts one more.
    pub(super) fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }

    pub(super) fn add_all(&mut self, others: Self) {
        self.count += others.count;
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(others.examples.into_iter().take(room));
    }
}
