//! Where a listing ends, by all that its pages say of it.
//!
//! A page may say that it is the last one and that there are more rows than were told. It is asked on then: a page too many
//! costs one call, and one too few hides messages for good.

use super::repeats::Repeats;
use crate::provider::ListedPage;

/// How far a listing was read.
#[derive(Debug, Default)]
pub(super) struct Walk {
    repeats: Repeats,
    /// How many rows the pages told, without those that only repeat the page before.
    rows: u64,
    /// How many rows there are, as the latest page says that tells it.
    said: Option<u64>,
    /// The fewest that any page says: rows may go between two pages, and then there is no contradiction.
    fewest: Option<u64>,
}

/// Why no further page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The pages told all there is.
    All,
    /// The same page comes again and again.
    Repeats,
    /// There are no more rows than were told, although the pages say so.
    Fewer {
        /// How many rows were told.
        told: u64,
        /// How many there are, by their own words.
        said: u64,
    },
}

impl Walk {
    /// Takes note of the next page; returns why no other one is asked for, if that is so.
    pub(super) fn ends_with(&mut self, page: &ListedPage) -> Option<End> {
        if !self.repeats.seen_in(page) {
            self.rows += u64::from(page.rows);
        }
        self.said = page.total_rows.or(self.said);
        let fewest = self.fewest.into_iter().chain(page.total_rows).min();
        self.fewest = fewest;
        let has_more = self.said.is_some_and(|said| said > self.rows);
        let is_end = page.is_last && (page.rows == 0 || !has_more);
        if !is_end {
            return self.repeats.are_endless().then_some(End::Repeats);
        }
        let told = self.rows;
        Some(match fewest.filter(|said| *said > told) {
            Some(said) => End::Fewer { told, said },
            None => End::All,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use smswatch_model::{MessageId, PartReport, SmsId, Word};

    use super::*;
    use crate::provider::MessageReport;

    /// A page that tells of a part of each of these messages.
    pub(in super::super) fn page(ids: std::ops::Range<u32>) -> ListedPage {
        let rows = ids.end - ids.start;
        let messages = ids.map(|n| {
            let part = PartReport {
                sms_id: SmsId::new(format!("p{n}")).expect("a valid id"),
                number: None,
                status: Word::new("Sent"),
                detailed_status: None,
                description: None,
                date: None,
                price: None,
                latency: None,
            };
            let report = MessageReport {
                parts: vec![part],
                ..MessageReport::default()
            };
            (MessageId::new(format!("m{n}")).expect("a valid id"), report)
        });
        ListedPage {
            messages: messages.collect(),
            rows,
            ..ListedPage::default()
        }
    }

    fn of(ids: std::ops::Range<u32>, is_last: bool, total_rows: Option<u64>) -> ListedPage {
        ListedPage {
            is_last,
            total_rows,
            ..page(ids)
        }
    }

    fn walk(pages: impl IntoIterator<Item = ListedPage>) -> Vec<Option<End>> {
        let mut walk = Walk::default();
        let ends = pages.into_iter().map(|page| walk.ends_with(&page));
        ends.collect()
    }

    #[test]
    fn a_last_page_is_the_end_unless_its_total_says_that_there_are_more() {
        let ends = walk([of(0..2, false, None), of(2..4, true, None)]);
        assert_eq!(ends, [None, Some(End::All)]);
        let total = Some(6);
        let ends = walk([0..2, 2..4, 4..6].map(|ids| of(ids, true, total)));
        assert_eq!(ends, [None, None, Some(End::All)]);
    }

    #[test]
    fn an_empty_page_is_the_end_and_what_is_missing_is_told() {
        let fewer = End::Fewer { told: 2, said: 6 };
        let ends = walk([of(0..2, false, Some(6)), of(0..0, true, Some(6))]);
        assert_eq!(ends, [None, Some(fewer)]);
        let ends = walk([of(0..2, true, Some(6)), of(0..0, true, None)]);
        assert_eq!(ends, [None, Some(fewer)]);
    }

    #[test]
    fn rows_that_go_between_two_pages_are_not_missing() {
        let ends = walk([of(0..2, false, Some(3)), of(0..0, true, Some(2))]);
        assert_eq!(ends, [None, Some(End::All)]);
        let ends = walk([of(0..2, false, Some(4)), of(2..3, true, Some(3))]);
        assert_eq!(ends, [None, Some(End::All)]);
    }

    #[test]
    fn a_page_that_comes_again_and_again_is_counted_once_and_ends_the_listing() {
        let pages = [0..2, 0..2, 0..2, 0..2].map(|ids| of(ids, true, Some(4711)));
        assert_eq!(walk(pages), [None, None, None, Some(End::Repeats)]);
    }
}
