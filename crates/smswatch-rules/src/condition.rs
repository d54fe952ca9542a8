//! Whether an event is what a rule asks for, and if not, why.

use crate::field::{Field, Flag, View};
use crate::pattern::{Patterns, Subject};

/// One key of `match` and what it asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    /// The key, as the rule has it.
    pub(crate) key: String,
    pub(crate) test: ConditionTest,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConditionTest {
    Text(Field, Patterns),
    Flag(Flag, bool),
}

impl Condition {
    pub(crate) fn holds(&self, view: View<'_>) -> bool {
        match &self.test {
            ConditionTest::Flag(flag, wanted) => view.flag(*flag) == Some(*wanted),
            ConditionTest::Text(Field::Groups, patterns) => patterns.hold_of_any(view.groups()),
            ConditionTest::Text(field, patterns) => {
                let key = if *field == Field::To {
                    view.to_key()
                } else {
                    None
                };
                patterns.hold(Subject {
                    text: view.text(field),
                    key,
                })
            }
        }
    }

    /// Whether no event fits both, as far as their text tells.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        match (&self.test, &other.test) {
            (ConditionTest::Flag(flag, wanted), ConditionTest::Flag(other, other_wanted)) => {
                flag == other && wanted != other_wanted
            }
            // A recipient can be in several groups.
            (ConditionTest::Text(Field::Groups, _), _) => false,
            (ConditionTest::Text(field, patterns), ConditionTest::Text(other, others)) => {
                field == other && patterns.exclude(others)
            }
            _ => false,
        }
    }

    /// Why the condition does not hold: `country is GR, and the rule wants !GR`.
    pub(crate) fn why_not(&self, view: View<'_>) -> String {
        let key = &self.key;
        match &self.test {
            ConditionTest::Flag(flag, wanted) => match view.flag(*flag) {
                Some(value) => format!("{key} is {value}, and the rule wants {wanted}"),
                None => format!("{key} is not known, and the rule wants {wanted}"),
            },
            ConditionTest::Text(Field::Groups, patterns) => match view.groups() {
                [] => format!(
                    "there are no {key}, and the rule wants {}",
                    patterns.words()
                ),
                groups => {
                    let groups = groups.join(", ");
                    format!(
                        "{key} are {groups}, and the rule wants {}",
                        patterns.words()
                    )
                }
            },
            ConditionTest::Text(field, patterns) => match view.text(field) {
                None => format!("there is no {key}, and the rule wants {}", patterns.words()),
                Some("") => format!("{key} is empty, and the rule wants {}", patterns.words()),
                Some(value) => format!("{key} is {value}, and the rule wants {}", patterns.words()),
            },
        }
    }
}
