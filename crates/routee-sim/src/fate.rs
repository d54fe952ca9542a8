//! Named courses of a message, from the ordinary to the strange, and weighted mixes of them.

use serde::{Deserialize, Serialize};

use crate::script::{NEVER, PartSpec, Script, Step};

/// When the usual fates are handed over and when they end, in milliseconds from the acceptance;
/// Routee's own sample takes about four seconds.
const SENT_MS: u64 = 1_000;
const FINAL_MS: u64 = 4_000;

/// A named course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Queued, Sent, Delivered.
    #[default]
    Delivered,
    /// Queued, Sent, Undelivered with the reason `Undelivered`.
    Undelivered,
    /// Queued, Sent, Undelivered: `Carrier Violation`.
    CarrierViolation,
    /// Queued, Sent, Undelivered: `Unknown Number`.
    UnknownNumber,
    /// Queued, Sent, Undelivered: `Undelivered on Handset`.
    UndeliveredOnHandset,
    /// Queued, Sent, Undelivered: `Roaming`.
    Roaming,
    /// Queued, Sent, Undelivered: `Call Barred`.
    CallBarred,
    /// Queued, Sent, Undelivered: `Unknown Status`.
    UnknownStatus,
    /// Queued, Sent, Undelivered: `Expired`.
    Expired,
    /// Queued, Sent, Undelivered: `DND Error Code`.
    DoNotDisturb,
    /// Queued, Failed.
    Failed,
    /// Queued, Unsent (no balance).
    Unsent,
    /// Queued, then Sent for ever.
    Stuck,
    /// Queued for ever.
    Queued,
    /// Three parts, all Delivered, one after the other.
    MultiPart,
    /// Three parts: Delivered, Undelivered (`Carrier Violation`), Delivered.
    MixedParts,
    /// Two parts of which only the first is ever in the answer.
    MissingPart,
    /// Two parts; the second appears in the answer later.
    LatePart,
    /// Undelivered, then Delivered after all: a final status that changes.
    Flip,
    /// Delivered, then Undelivered: a final status that changes.
    FlipBack,
    /// Undelivered without a reason, then the same with `Carrier Violation` and the same date.
    Refined,
    /// Sent, then Delivered, then an answer from before (Sent, older date), then Delivered again.
    Stale,
    /// Never known: always 404.
    Unknown,
    /// 404 at first, then like `delivered`.
    Late,
    /// Delivered, then 404.
    Gone,
    /// Always an empty array.
    Empty,
    /// An empty array at first, then like `delivered`.
    EmptyThenDelivered,
    /// An undocumented status word, then Delivered.
    UnknownWord,
    /// `Network Error`, which one page of Routee names, for ever.
    NetworkError,
    /// Delivered with a date one hour ahead of its moment.
    FutureDate,
}

/// A fate (or parts of one's own) and how often it is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeightedFate {
    /// The named course; ignored when `parts` are given.
    pub fate: Fate,
    /// A course of one's own.
    pub parts: Vec<PartSpec>,
    /// Its share, relative to the others.
    pub weight: u32,
}

impl Default for WeightedFate {
    fn default() -> Self {
        Self {
            fate: Fate::default(),
            parts: Vec::new(),
            weight: 1,
        }
    }
}

impl From<Fate> for WeightedFate {
    fn from(fate: Fate) -> Self {
        Self {
            fate,
            ..Self::default()
        }
    }
}

impl WeightedFate {
    pub(crate) fn script(&self) -> Script {
        if self.parts.is_empty() {
            self.fate.script()
        } else {
            Script {
                parts: self.parts.clone(),
                ..Script::default()
            }
        }
    }
}

/// The position in `fates` that the random `draw` falls on; `None` when all weights are zero.
pub(crate) fn pick(fates: &[WeightedFate], draw: u64) -> Option<usize> {
    let total: u64 = fates.iter().map(|fate| u64::from(fate.weight)).sum();
    let mut left = draw.checked_rem(total)?;
    fates.iter().position(|fate| {
        let weight = u64::from(fate.weight);
        let here = left < weight;
        left = left.saturating_sub(weight);
        here
    })
}

impl Fate {
    /// The course behind the name.
    pub(crate) fn script(self) -> Script {
        let single = |steps: Vec<Step>| Script {
            parts: vec![steps.into()],
            ..Script::default()
        };
        match self {
            Self::Delivered => single(sent_then(delivered(FINAL_MS))),
            Self::Undelivered => undelivered("Undelivered", "The message was not delivered."),
            Self::CarrierViolation => single(sent_then(violation(FINAL_MS))),
            Self::UnknownNumber => undelivered("Unknown Number", "The number does not exist."),
            Self::UndeliveredOnHandset => undelivered(
                "Undelivered on Handset",
                "The handset is off or out of reach.",
            ),
            Self::Roaming => undelivered("Roaming", "The recipient is roaming."),
            Self::CallBarred => undelivered("Call Barred", "The recipient is barred."),
            Self::UnknownStatus => undelivered("Unknown Status", "The reason is unknown."),
            Self::Expired => undelivered("Expired", "The validity period ran out."),
            Self::DoNotDisturb => undelivered("DND Error Code", "Do Not Disturb is active."),
            Self::Failed => single(vec![
                Step::new(0, "Queued"),
                Step::new(SENT_MS, "Failed").because("Failed", "The message was not processed."),
            ]),
            Self::Unsent => single(vec![Step::new(0, "Queued"), Step::new(SENT_MS, "Unsent")]),
            Self::Stuck => single(vec![Step::new(0, "Queued"), Step::new(SENT_MS, "Sent")]),
            Self::Queued => single(vec![Step::new(0, "Queued")]),
            Self::MultiPart => Script {
                parts: (0..3)
                    .map(|n| sent_then(delivered(FINAL_MS + 500 * n)).into())
                    .collect(),
                ..Script::default()
            },
            Self::MixedParts => Script {
                parts: vec![
                    sent_then(delivered(FINAL_MS)).into(),
                    sent_then(violation(FINAL_MS + 500)).into(),
                    sent_then(delivered(FINAL_MS + 1_000)).into(),
                ],
                ..Script::default()
            },
            Self::MissingPart => second_part_after(NEVER),
            Self::LatePart => second_part_after(FINAL_MS + 2_000),
            Self::Flip => {
                let mut steps = sent_then(handset_off(FINAL_MS));
                steps.push(delivered(2 * FINAL_MS));
                single(steps)
            }
            Self::FlipBack => {
                let mut steps = sent_then(delivered(FINAL_MS));
                steps.push(handset_off(2 * FINAL_MS));
                single(steps)
            }
            Self::Refined => {
                let mut steps = sent_then(Step::new(FINAL_MS, "Undelivered"));
                steps.push(Step {
                    keep_date: true,
                    ..violation(2 * FINAL_MS)
                });
                single(steps)
            }
            Self::Stale => {
                let mut steps = sent_then(delivered(FINAL_MS));
                let back_ms = -i64::try_from(FINAL_MS).expect("a few seconds");
                steps.push(Step {
                    date_offset_ms: back_ms - 1_000,
                    ..Step::new(FINAL_MS + 2_000, "Sent")
                });
                steps.push(Step {
                    date_offset_ms: back_ms,
                    ..delivered(2 * FINAL_MS)
                });
                single(steps)
            }
            Self::Unknown => Script {
                visible_after_ms: NEVER,
                ..Self::Delivered.script()
            },
            Self::Late => Script {
                visible_after_ms: 2_000,
                ..Self::Delivered.script()
            },
            Self::Gone => Script {
                gone_after_ms: Some(2 * FINAL_MS),
                ..Self::Delivered.script()
            },
            Self::Empty => Script {
                empty_until_ms: NEVER,
                ..Self::Delivered.script()
            },
            Self::EmptyThenDelivered => Script {
                empty_until_ms: 2_000,
                ..Self::Delivered.script()
            },
            Self::UnknownWord => single(vec![
                Step::new(0, "Queued"),
                Step::new(SENT_MS, "Pondering"),
                delivered(FINAL_MS),
            ]),
            Self::NetworkError => single(vec![
                Step::new(0, "Queued"),
                Step::new(SENT_MS, "Network Error"),
            ]),
            Self::FutureDate => single(sent_then(Step {
                date_offset_ms: 3_600_000,
                ..delivered(FINAL_MS)
            })),
        }
    }
}

fn sent_then(last: Step) -> Vec<Step> {
    vec![Step::new(0, "Queued"), Step::new(SENT_MS, "Sent"), last]
}

fn delivered(after_ms: u64) -> Step {
    Step::new(after_ms, "Delivered").because("Delivered", "Delivered to the recipient.")
}

fn violation(after_ms: u64) -> Step {
    Step::new(after_ms, "Undelivered").because(
        "Carrier Violation",
        "The carrier's content filter refused the message.",
    )
}

fn handset_off(after_ms: u64) -> Step {
    Step::new(after_ms, "Undelivered").because(
        "Undelivered on Handset",
        "The handset is off or out of reach.",
    )
}

fn undelivered(detailed_status: &str, description: &str) -> Script {
    let last = Step::new(FINAL_MS, "Undelivered").because(detailed_status, description);
    Script {
        parts: vec![sent_then(last).into()],
        ..Script::default()
    }
}

fn second_part_after(visible_after_ms: u64) -> Script {
    let part = PartSpec::from(sent_then(delivered(FINAL_MS)));
    let second = PartSpec {
        visible_after_ms,
        ..part.clone()
    };
    Script {
        parts: vec![part, second],
        ..Script::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_can_be_played() {
        // The list of names comes from serde's own message about an unknown one.
        let refused = serde_json::from_str::<Fate>("\"?\"")
            .expect_err("no such fate")
            .to_string();
        let names: Vec<&str> = refused.split('`').skip(3).step_by(2).collect();
        assert!(names.len() > 25, "{names:?}");
        for name in names {
            let fate: Fate = serde_json::from_value(name.into()).expect("a listed fate");
            assert_eq!(fate.script().problem(), None, "{name}");
        }
    }

    #[test]
    fn weights_are_shares() {
        let weighted = |fate, weight| WeightedFate {
            fate,
            weight,
            ..WeightedFate::default()
        };
        let fates = [
            weighted(Fate::Delivered, 3),
            weighted(Fate::Stuck, 0),
            weighted(Fate::Failed, 1),
        ];
        let drawn: Vec<_> = (0..8).map(|draw| pick(&fates, draw)).collect();
        assert_eq!(drawn, [0, 0, 0, 2, 0, 0, 0, 2].map(Some));
        assert_eq!(pick(&fates[1..2], 5), None);
    }
}
