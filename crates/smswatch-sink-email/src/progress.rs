//! How far a mail has come, and what is known of each of its recipients.

use crate::reply::Step;
use crate::stream::Introduced;

/// How far a mail has come, by the places of its recipients.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) step: Step,
    /// Whether smswatch has introduced itself in the connection as it is now.
    pub(crate) introduced: Introduced,
    /// Who got it.
    pub(crate) taken: Vec<usize>,
    /// What the relay said when it took it last.
    pub(crate) said: String,
    /// Who is refused for good, and with which reply.
    pub(crate) refused: Vec<(usize, String)>,
    /// Who is refused for now, and with which reply.
    pub(crate) waiting: Vec<(usize, String)>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            step: Step::Connect,
            introduced: Introduced::default(),
            taken: Vec::new(),
            said: String::new(),
            refused: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// The step that the relay has to answer now.
    pub(crate) fn reached(&self) -> Step {
        match self.step {
            Step::Greeting | Step::StartTls if self.introduced.is_so() => Step::Ehlo,
            step => step,
        }
    }

    /// Whether it is known what became of the recipient at `place`.
    pub(crate) fn knows(&self, place: usize) -> bool {
        let refused = self.refused.iter().chain(&self.waiting);
        self.taken.contains(&place) || refused.into_iter().any(|(other, _)| *other == place)
    }
}
