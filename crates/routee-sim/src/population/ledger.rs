//! What was last served of each message, in one byte per message.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::as_usize;
use crate::script::{Script, Step};

/// The last served step of each part, as digits of a mixed radix; 0 is "never".
#[derive(Debug)]
pub(super) struct Ledger {
    cells: Box<[AtomicU8]>,
    changes_served: AtomicU64,
    first_sights: AtomicU64,
}

/// The sums of a ledger.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) messages_served: u64,
    pub(super) messages_served_final: u64,
    pub(super) changes_served: u64,
    pub(super) first_sights: u64,
}

impl Ledger {
    /// Whether the states of all parts together fit into a byte.
    pub(super) fn holds(script: &Script) -> bool {
        script
            .parts
            .iter()
            .map(|part| part.steps.len() + 1)
            .product::<usize>()
            <= 256
    }

    pub(super) fn new(count: u64) -> Self {
        Self {
            cells: (0..count).map(|_| AtomicU8::new(0)).collect(),
            changes_served: AtomicU64::new(0),
            first_sights: AtomicU64::new(0),
        }
    }

    /// Enters that `step` of the part at `position` was served.
    pub(super) fn record(&self, index: u64, script: &Script, position: usize, step: usize) {
        let radix: usize = script.parts[..position]
            .iter()
            .map(|part| part.steps.len() + 1)
            .product();
        let steps = &script.parts[position].steps;
        let digit = |code: u8| usize::from(code) / radix % (steps.len() + 1);
        let with_step = |code: u8| {
            let others = usize::from(code) - digit(code) * radix;
            u8::try_from(others + (step + 1) * radix).ok()
        };
        let cell = &self.cells[as_usize(index)];
        let Ok(before) = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_step) else {
            return;
        };
        match digit(before).checked_sub(1) {
            None => {
                self.first_sights.fetch_add(1, Ordering::Relaxed);
                self.changes_served.fetch_add(1, Ordering::Relaxed);
            }
            Some(last) if !steps[last].shows_the_same_as(&steps[step]) => {
                self.changes_served.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) => {}
        }
    }

    /// The steps last served of a message, one for each of its parts.
    pub(super) fn last_served<'a>(&self, index: u64, script: &'a Script) -> Vec<Option<&'a Step>> {
        let mut left = usize::from(self.cells[as_usize(index)].load(Ordering::Relaxed));
        let digit_of = |part: &'a crate::script::PartSpec| {
            let digit = left % (part.steps.len() + 1);
            left /= part.steps.len() + 1;
            digit.checked_sub(1).map(|step| &part.steps[step])
        };
        script.parts.iter().map(digit_of).collect()
    }

    pub(super) fn sums<'a>(&self, script_of: impl Fn(u64) -> &'a Script) -> Sums {
        let mut sums = Sums {
            changes_served: self.changes_served.load(Ordering::Relaxed),
            first_sights: self.first_sights.load(Ordering::Relaxed),
            ..Sums::default()
        };
        for (index, cell) in (0..).zip(&self.cells) {
            if cell.load(Ordering::Relaxed) != 0 {
                sums.messages_served += 1;
                let last_served = self.last_served(index, script_of(index));
                let is_final = last_served
                    .iter()
                    .all(|step| step.is_some_and(Step::is_final));
                sums.messages_served_final += u64::from(is_final);
            }
        }
        sums
    }
}
