//! What a message goes through: its parts, their steps, and what is visible of them at a moment.

use serde::{Deserialize, Serialize};

/// The delay of a step that happens on command only.
pub(crate) const NEVER: u64 = u64::MAX;

/// One status of one part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Milliseconds from the acceptance of the message to this status.
    pub after_ms: u64,
    /// `status.status`, such as `Sent`.
    pub status: String,
    /// `status.reason.detailedStatus`; without it the step has no reason.
    pub detailed_status: Option<String>,
    /// `status.reason.description`.
    pub description: Option<String>,
    /// Milliseconds added to the date that is shown (not to the moment itself).
    pub date_offset_ms: i64,
    /// Shows the date of the step before: the status is refined, not renewed.
    pub keep_date: bool,
}

impl Step {
    /// A step without a reason.
    pub fn new(after_ms: u64, status: impl Into<String>) -> Self {
        Self {
            after_ms,
            status: status.into(),
            ..Self::default()
        }
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(
        mut self,
        detailed_status: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        self.detailed_status = Some(detailed_status.into());
        self.description = Some(description.into());
        self
    }

    /// Whether both show the same status and detail; a detail that repeats the status is none.
    pub(crate) fn shows_the_same_as(&self, other: &Self) -> bool {
        fn detail(step: &Step) -> Option<&str> {
            step.detailed_status
                .as_deref()
                .filter(|word| !word.eq_ignore_ascii_case(&step.status))
        }
        let same_detail = match (detail(self), detail(other)) {
            (Some(left), Some(right)) => left.eq_ignore_ascii_case(right),
            (left, right) => left.is_none() && right.is_none(),
        };
        same_detail && self.status.eq_ignore_ascii_case(&other.status)
    }

    /// Whether Routee calls this status final.
    pub(crate) fn is_final(&self) -> bool {
        ["delivered", "undelivered", "failed", "unsent"]
            .iter()
            .any(|word| self.status.eq_ignore_ascii_case(word))
    }
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartSpec {
    /// The part's own id; generated when not given. Populations always compute it.
    pub sms_id: Option<String>,
    /// Milliseconds from the acceptance until the part appears in the answer.
    pub visible_after_ms: u64,
    /// The price of this part; the scale of real ones.
    pub price: f64,
    /// Its statuses, in the order of their moments.
    pub steps: Vec<Step>,
}

impl Default for PartSpec {
    fn default() -> Self {
        Self {
            sms_id: None,
            visible_after_ms: 0,
            price: 0.036,
            steps: Vec::new(),
        }
    }
}

impl From<Vec<Step>> for PartSpec {
    fn from(steps: Vec<Step>) -> Self {
        Self {
            steps,
            ..Self::default()
        }
    }
}

/// The whole course of a message, relative to its acceptance.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Script {
    /// 404 before this many milliseconds.
    pub(crate) visible_after_ms: u64,
    /// 404 again from then on.
    pub(crate) gone_after_ms: Option<u64>,
    /// An empty array before this many milliseconds.
    pub(crate) empty_until_ms: u64,
    pub(crate) parts: Vec<PartSpec>,
}

/// What a look at a message finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    NotFound,
    Empty,
    Parts,
}

/// The state of one part at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartState {
    /// Index into the part's steps.
    pub(crate) step: usize,
    /// The same, as time alone brought it.
    pub(crate) by_time: usize,
    /// The date shown, relative to the acceptance.
    pub(crate) date_ms: i64,
}

/// Steps taken on command, beside those that time brings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pushed {
    pub(crate) steps: usize,
    /// When the last of them was taken, relative to the acceptance.
    pub(crate) last_ms: i64,
}

impl Script {
    /// Stretches every delay by `factor`; with `hold` only the first steps come by themselves.
    pub(crate) fn paced(mut self, factor: f64, hold: bool) -> Self {
        let stretch = |delay: u64| {
            if delay == NEVER {
                NEVER
            } else {
                scaled(delay, factor)
            }
        };
        self.visible_after_ms = stretch(self.visible_after_ms);
        self.gone_after_ms = self.gone_after_ms.map(stretch);
        self.empty_until_ms = stretch(self.empty_until_ms);
        for part in &mut self.parts {
            part.visible_after_ms = stretch(part.visible_after_ms);
            for (position, step) in part.steps.iter_mut().enumerate() {
                step.after_ms = if hold && position > 0 {
                    NEVER
                } else {
                    stretch(step.after_ms)
                };
                // A date in the past refers to an earlier step and moves with it.
                if let Ok(back_ms @ 1..) = u64::try_from(-step.date_offset_ms) {
                    step.date_offset_ms = -i64::try_from(stretch(back_ms)).unwrap_or(0);
                }
            }
        }
        self
    }

    /// Says why the script cannot be played, if so.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if self.parts.iter().any(|part| part.steps.is_empty()) {
            return Some("a part needs at least one step");
        }
        let unordered = |part: &PartSpec| !part.steps.is_sorted_by_key(|step| step.after_ms);
        self.parts
            .iter()
            .any(unordered)
            .then_some("the steps of a part must be ordered by after_ms")
    }

    /// What a look finds `elapsed_ms` after the acceptance.
    pub(crate) fn sight(&self, elapsed_ms: i64) -> Sight {
        let reached = |delay: u64| i64::try_from(delay).is_ok_and(|delay| elapsed_ms >= delay);
        if !reached(self.visible_after_ms) || self.gone_after_ms.is_some_and(reached) {
            Sight::NotFound
        } else if !reached(self.empty_until_ms) {
            Sight::Empty
        } else {
            Sight::Parts
        }
    }
}

impl PartSpec {
    /// The state `elapsed_ms` after the acceptance, or `None` while the part is not visible.
    pub(crate) fn state(&self, elapsed_ms: i64, pushed: Pushed) -> Option<PartState> {
        let reached = |delay: u64| i64::try_from(delay).is_ok_and(|delay| elapsed_ms >= delay);
        if !reached(self.visible_after_ms) {
            return None;
        }
        let by_time = self
            .steps
            .iter()
            .take_while(|step| reached(step.after_ms))
            .count()
            .saturating_sub(1);
        let step = (by_time + pushed.steps).min(self.steps.len().checked_sub(1)?);
        Some(PartState {
            step,
            by_time,
            date_ms: self.date_ms(step, by_time, pushed),
        })
    }

    /// The date that a step shows, relative to the acceptance, when time alone has brought `by_time`.
    pub(crate) fn date_ms(&self, step: usize, by_time: usize, pushed: Pushed) -> i64 {
        let mut dated = step;
        while dated > 0 && self.steps[dated].keep_date {
            dated -= 1;
        }
        let by_time_ms = i64::try_from(self.steps[by_time.min(dated)].after_ms).unwrap_or(0);
        let moment_ms = if dated > by_time {
            by_time_ms.max(pushed.last_ms)
        } else {
            by_time_ms
        };
        moment_ms + self.steps[dated].date_offset_ms
    }

    /// When time brings the next step, or the part itself, relative to the acceptance.
    pub(crate) fn next_ms(&self, elapsed_ms: i64) -> Option<i64> {
        let is_ahead = |delay: &u64| {
            *delay != NEVER && i64::try_from(*delay).is_ok_and(|delay| delay > elapsed_ms)
        };
        let steps = self.steps.iter().map(|step| step.after_ms);
        let ahead = steps
            .chain([self.visible_after_ms])
            .filter(is_ahead)
            .min()?;
        i64::try_from(ahead).ok()
    }
}

/// `delay` stretched by `factor`, at most a thousand years.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "delays of a simulation; a float cast saturates"
)]
fn scaled(delay: u64, factor: f64) -> u64 {
    ((delay as f64 * factor) as u64).min(31_557_600_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part() -> PartSpec {
        let mut refined = Step::new(300, "Undelivered").because("Carrier Violation", "Spam.");
        refined.keep_date = true;
        vec![
            Step::new(0, "Queued"),
            Step::new(200, "Undelivered"),
            refined,
        ]
        .into()
    }

    #[test]
    fn time_brings_the_steps_and_a_refinement_keeps_the_date() {
        let check = |elapsed_ms, step, date_ms| {
            let state = part().state(elapsed_ms, Pushed::default());
            assert_eq!(
                state,
                Some(PartState {
                    step,
                    by_time: step,
                    date_ms
                }),
                "after {elapsed_ms} ms"
            );
        };
        check(0, 0, 0);
        check(199, 0, 0);
        check(200, 1, 200);
        check(9_000, 2, 200);
    }

    #[test]
    fn commands_bring_the_steps_of_a_held_script() {
        let script = Script {
            parts: vec![part()],
            ..Script::default()
        }
        .paced(2.0, true);
        let held = &script.parts[0];
        let at = |pushed| held.state(9_000, pushed).expect("visible");
        assert_eq!(
            at(Pushed::default()),
            PartState {
                step: 0,
                by_time: 0,
                date_ms: 0
            }
        );
        let once = Pushed {
            steps: 1,
            last_ms: 7_000,
        };
        assert_eq!(
            at(once),
            PartState {
                step: 1,
                by_time: 0,
                date_ms: 7_000
            }
        );
        let often = Pushed {
            steps: 9,
            last_ms: 8_000,
        };
        assert_eq!(at(often).step, 2, "the last step is the end");
    }

    #[test]
    fn a_detail_that_repeats_the_status_is_no_difference() {
        let plain = Step::new(0, "Delivered");
        let repeated = Step::new(0, "delivered").because("Delivered", "Arrived.");
        assert!(plain.shows_the_same_as(&repeated));
        let refined = Step::new(0, "Delivered").because("Roaming", "Abroad.");
        assert!(!plain.shows_the_same_as(&refined));
    }
}
