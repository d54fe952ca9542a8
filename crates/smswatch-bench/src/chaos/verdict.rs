//! The verdict: what receivers were told, compared with what the simulator served and with itself.

use std::collections::{HashMap, HashSet};

use super::book::{Book, Fact, Status, Told};
use super::findings::Findings;
use super::report::Report;

/// What is true of the messages of a run.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// What every receiver must have taken: the statuses at the end, and those on the way that were
    /// written.
    pub(super) must_arrive: HashSet<Fact>,
    /// How many of them are finals that changed again.
    pub(super) passing_finals: u64,
    /// Everything that the simulator ever served, with its dates.
    pub(super) served: HashSet<(Fact, i64)>,
    /// The numbers among a message's changes that events of other kinds have, of which the archive is not told.
    pub(super) other_numbers: HashSet<(String, u64)>,
}

/// Compares the books of the receivers, each under its name, with the truth and with each other.
pub(super) fn judge(report: &mut Report, truth: &Truth, books: &[(&str, &Book)]) {
    report.passing_finals = truth.passing_finals;
    for (sink, book) in books {
        report.requests += book.n_requests;
        report.events += book.n_events();
        report.deliveries += book.n_deliveries();
        report.repeats += book.n_repeats();
        for fact in &truth.must_arrive {
            if !book.has_taken(fact) {
                report.lost.add(|| format!("{sink}: {fact:?}"));
            }
        }
        for told in book.heard() {
            was_served(&mut report.untrue, truth, sink, told);
        }
        for _ in 0..book.n_unreadable {
            report
                .untrue
                .add(|| format!("{sink}: a request without a valid signature"));
        }
        for chain in book.chains() {
            is_whole(report, truth, sink, &chain);
        }
        for (event_id, ids) in book.unrecognizable() {
            report
                .unrecognizable
                .add(|| format!("{sink}: {event_id} came as {ids:?}"));
        }
        for altered in book.altered() {
            report.unrecognizable.add(|| format!("{sink}: {altered}"));
        }
    }
    agree(&mut report.unrecognizable, books);
}

/// Nothing is told that no answer ever said, not even as what was before.
fn was_served(untrue: &mut Findings, truth: &Truth, sink: &str, told: &Told) {
    for status in told.previous.iter().chain([&told.current]) {
        let said = (told.fact(status), status.date);
        if !truth.served.contains(&said) {
            untrue.add(|| format!("{sink}: {said:?} was never served"));
        }
    }
}

/// The numbers of a message's changes have no gap, except for other events of it, and each change of a part begins
/// where the one before it ended, goes forward in time, and changes something.
fn is_whole(report: &mut Report, truth: &Truth, sink: &str, chain: &[&Told]) {
    let mut parts: HashMap<&str, &Told> = HashMap::new();
    let mut numbers = 1_u64..;
    for told in chain {
        let is_change = |number: &u64| {
            !truth
                .other_numbers
                .contains(&(told.message_id.clone(), *number))
        };
        let number = numbers.find(is_change).expect("numbers have no end");
        if told.sequence != number {
            report
                .lost
                .add(|| format!("{sink}: change {number} before {told:?}"));
            // What follows a gap cannot fit.
            return;
        }
        let before = parts.insert(&told.sms_id, told).map(|told| &told.current);
        let word = |status: &Status| status.word.clone();
        let fits = told.previous.as_ref().map(word) == before.map(word);
        let is_new = before.is_none_or(|before| before.word != told.current.word);
        let is_forward = before.is_none_or(|before| before.date <= told.current.date);
        if !(fits && is_new && is_forward) {
            let before = before.cloned();
            report
                .untrue
                .add(|| format!("{sink}: {told:?} does not follow {before:?}"));
        }
    }
}

/// A change of a message has the same id at every receiver.
fn agree(unrecognizable: &mut Findings, books: &[(&str, &Book)]) {
    let Some(((first_sink, first), others)) = books.split_first() else {
        return;
    };
    for told in first.heard() {
        for (sink, book) in others {
            let theirs = book.numbered(&told.message_id, told.sequence);
            if theirs.is_some_and(|theirs| theirs != told) {
                unrecognizable.add(|| format!("{first_sink}: {told:?}; {sink}: {theirs:?}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::{delivery, told};
    use super::super::faults::Counts;
    use super::*;

    fn life() -> Vec<Told> {
        vec![
            told(1, None, ("Sent", 1)),
            told(2, Some(("Sent", 1)), ("Undelivered", 4)),
            told(3, Some(("Undelivered", 4)), ("Delivered", 8)),
        ]
    }

    fn truth() -> Truth {
        let life = life();
        Truth {
            must_arrive: life.iter().map(|told| told.fact(&told.current)).collect(),
            passing_finals: 1,
            served: life
                .iter()
                .map(|told| (told.fact(&told.current), told.current.date))
                .collect(),
            other_numbers: HashSet::new(),
        }
    }

    fn book(life: Vec<Told>) -> Book {
        let mut book = Book::default();
        for (n, told) in life.into_iter().enumerate() {
            book.enter(delivery(&format!("d{n}"), told), true);
        }
        book
    }

    /// How much was lost, false and not recognizable.
    fn found(lives: &[Vec<Told>]) -> [u64; 3] {
        let books: Vec<Book> = lives.iter().cloned().map(book).collect();
        let books: Vec<_> = books.iter().map(|book| ("sink", book)).collect();
        let mut report = Report::new(0, 1, Counts::default());
        judge(&mut report, &truth(), &books);
        [
            report.lost.count,
            report.untrue.count,
            report.unrecognizable.count,
        ]
    }

    #[test]
    fn a_whole_life_told_to_all_is_clean() {
        assert_eq!(found(&[life(), life()]), [0, 0, 0]);
    }

    #[test]
    fn a_final_that_changed_again_must_arrive_too() {
        let mut life = life();
        life.remove(1);
        life[1].sequence = 2;
        life[1].previous = life[0].current.clone().into();
        assert_eq!(found(&[life]), [1, 0, 0]);
    }

    #[test]
    fn a_number_that_is_missing_is_a_loss() {
        let mut life = life();
        life[2].sequence = 4;
        assert_eq!(found(&[life]), [1, 0, 0]);
    }

    #[test]
    fn a_change_begins_where_the_one_before_it_ended() {
        let mut life = life();
        life[2].previous = Some(life[0].current.clone());
        assert_eq!(found(&[life]), [0, 1, 0]);
    }

    #[test]
    fn what_is_older_is_no_change_after_what_is_newer() {
        let mut life = life();
        life.push(told(4, Some(("Delivered", 8)), ("Sent", 1)));
        assert_eq!(found(&[life]), [0, 1, 0]);
    }

    #[test]
    fn the_same_again_is_no_change() {
        let mut life = life();
        life.push(told(4, Some(("Delivered", 8)), ("Delivered", 8)));
        assert_eq!(found(&[life]), [0, 1, 0]);
    }

    #[test]
    fn a_date_that_was_never_served_is_false() {
        let mut life = life();
        life[2].current.date = 9;
        assert_eq!(found(&[life]), [0, 1, 0]);
    }

    #[test]
    fn one_change_has_one_name_for_all() {
        let mut other = life();
        other[1].event_id = "another".to_owned();
        assert_eq!(found(&[life(), other]), [0, 0, 1]);
    }
}
