//! The result of one scenario, and how a person is shown it.

use std::fmt::Write as _;

use serde::Serialize;

use super::compare::{Difference, Notified, instant};
use crate::plain::plain;

/// The result of one scenario.
#[derive(Debug, Serialize)]
pub(super) struct Tested {
    pub(super) name: String,
    pub(super) passed: bool,
    /// Who was notified, in order.
    pub(super) notified: Vec<Notified>,
    pub(super) differences: Vec<Difference>,
}

impl Tested {
    /// What differs and what was notified, in lines for a person.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        let mut line = |line: &str| {
            let _written = writeln!(text, "        {}", plain(line));
        };
        for difference in &self.differences {
            match difference {
                Difference::Missing { expected } => line(&format!("missing     {expected}")),
                Difference::Unexpected { notified } => {
                    line(&format!("unexpected  {}", notified.in_a_line()));
                }
                Difference::Different { notified, fields } => {
                    line(&format!("different   {}", notified.in_a_line()));
                    for field in fields {
                        line(&format!("            {}", field.name));
                        for (sign, said) in [('-', &field.expected), ('+', &field.was)] {
                            for said in said.trim_end().lines() {
                                line(&format!("            {sign} {said}"));
                            }
                        }
                    }
                }
            }
        }
        match self.notified.as_slice() {
            [] => line("nobody was notified"),
            notified => {
                line("notifications, in order:");
                for notified in notified {
                    line(&format!("  {}", notified.in_a_line()));
                }
            }
        }
        text
    }
}

impl Notified {
    /// `carrier-violation to ops-slack at 4s: Carrier Violation: 1 message from MyShop to GR`.
    fn in_a_line(&self) -> String {
        let at = instant(self.at);
        let (rule, sink, title) = (&self.rule, &self.sink, &self.title);
        match &self.held_back {
            None => format!("{rule} to {sink} at {at}: {title}"),
            Some(reason) => format!("{rule} to {sink} at {at}, held back by {reason}: {title}"),
        }
    }
}
