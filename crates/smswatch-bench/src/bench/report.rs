//! The table that the benchmark prints, and that docs/benchmarks.md shows.

use std::fmt;

/// The figures of one run.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
    ledgers: Vec<Ledger>,
}

#[derive(Debug)]
struct Row {
    figure: String,
    measured: String,
    goal: Option<(String, bool)>,
}

/// What must come out equal for a part's figures to mean anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ledger {
    /// The part of the benchmark.
    pub(super) part: &'static str,
    /// Changes that the simulator served.
    pub(super) served: u64,
    /// Events that smswatch made.
    pub(super) events: u64,
    /// Those of them that rules name.
    pub(super) alerts: u64,
    /// Different webhooks that arrived.
    pub(super) received: u64,
    /// Deliveries that wait.
    pub(super) queued: u64,
}

impl Ledger {
    fn balances(&self) -> bool {
        self.served == self.events && self.alerts == self.received + self.queued
    }
}

impl Report {
    /// Adds a figure that is only told.
    pub(super) fn tell(&mut self, figure: impl Into<String>, measured: impl Into<String>) {
        self.rows.push(Row {
            figure: figure.into(),
            measured: measured.into(),
            goal: None,
        });
    }

    /// Adds a figure that is to stay at or below `most`.
    pub(super) fn at_most(&mut self, figure: impl Into<String>, value: f64, most: f64, unit: &str) {
        self.rows.push(Row {
            figure: figure.into(),
            measured: with_unit(value, unit),
            goal: Some((format!("at most {}", with_unit(most, unit)), value <= most)),
        });
    }

    /// Adds a figure that is to reach `least`.
    pub(super) fn at_least(
        &mut self,
        figure: impl Into<String>,
        value: f64,
        least: f64,
        unit: &str,
    ) {
        self.rows.push(Row {
            figure: figure.into(),
            measured: with_unit(value, unit),
            goal: Some((
                format!("at least {}", with_unit(least, unit)),
                value >= least,
            )),
        });
    }

    pub(super) fn balance(&mut self, ledger: Ledger) {
        self.ledgers.push(ledger);
    }

    /// Whether a ledger does not balance.
    pub(super) fn is_void(&self) -> bool {
        !self.ledgers.iter().all(Ledger::balances)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| figure | measured | goal | |")?;
        writeln!(formatter, "|---|---|---|---|")?;
        for row in &self.rows {
            let (goal, verdict) = match &row.goal {
                Some((goal, true)) => (goal.as_str(), "reached"),
                Some((goal, false)) => (goal.as_str(), "missed"),
                None => ("", ""),
            };
            writeln!(
                formatter,
                "| {} | {} | {goal} | {verdict} |",
                row.figure, row.measured
            )?;
        }
        for ledger in &self.ledgers {
            let Ledger {
                part,
                served,
                events,
                alerts,
                received,
                queued,
            } = ledger;
            let verdict = if ledger.balances() {
                "balances"
            } else {
                "VOID"
            };
            writeln!(
                formatter,
                "\nLedger of the {part}: {served} changes served, {events} events; {alerts} alerts \
                 due, {received} webhooks received and {queued} queued: {verdict}"
            )?;
        }
        Ok(())
    }
}

/// Few digits: more than three mean nothing on a machine that does other things besides.
fn with_unit(value: f64, unit: &str) -> String {
    let number = if value >= 100.0 {
        grouped(value)
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    if unit.is_empty() {
        number
    } else {
        format!("{number} {unit}")
    }
}

/// A whole number with a comma after each thousand.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        Ledger {
            part: "storm",
            served: 40,
            events: 40,
            alerts: 20,
            received: 18,
            queued: 2,
        }
    }

    #[test]
    fn a_run_with_a_lost_event_is_void() {
        let mut report = Report::default();
        report.balance(ledger());
        assert!(!report.is_void());
        report.balance(Ledger {
            events: 39,
            ..ledger()
        });
        assert!(report.is_void());
    }

    #[test]
    fn a_run_with_a_lost_webhook_is_void() {
        let mut report = Report::default();
        report.balance(Ledger {
            received: 17,
            ..ledger()
        });
        assert!(report.is_void());
    }

    #[test]
    fn a_goal_is_told_beside_what_was_measured() {
        let mut report = Report::default();
        report.tell("polls a second", with_unit(12_345.6, ""));
        report.at_most("p50", 1.234, 2.0, "ms");
        report.at_least("events a second", 7_000.0, 8_000.0, "");
        insta::assert_snapshot!(report, @r"
        | figure | measured | goal | |
        |---|---|---|---|
        | polls a second | 12,346 |  |  |
        | p50 | 1.23 ms | at most 2.00 ms | reached |
        | events a second | 7,000 | at least 8,000 | missed |
        ");
    }
}
