//! Recognizes a listing that never ends: its pages tell again what the page before told.

use std::collections::HashSet;

use smswatch_model::SmsId;

use crate::provider::ListedPage;

/// After how many pages in a row without anything new a listing is taken to repeat itself. Rows move from page to page
/// while messages are sent, so one page alone may tell nothing new.
const MOST: u32 = 3;

/// What the latest pages of a listing told.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    previous: HashSet<SmsId>,
    in_a_row: u32,
}

impl Repeats {
    /// Takes note of the next page; returns whether it tells of no part but those of the page before. A page of which no
    /// message can be read repeats nothing.
    pub(super) fn seen_in(&mut self, page: &ListedPage) -> bool {
        let parts = page.messages.iter().flat_map(|(_, report)| &report.parts);
        let told: HashSet<SmsId> = parts.map(|part| part.sms_id.clone()).collect();
        if told.is_empty() || !told.is_subset(&self.previous) {
            self.in_a_row = 0;
        } else {
            self.in_a_row += 1;
        }
        self.previous = told;
        self.in_a_row > 0
    }

    /// Whether so many pages in a row told nothing new that the listing repeats itself.
    pub(super) fn are_endless(&self) -> bool {
        self.in_a_row >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::tests::page;
    use super::*;

    fn seen_in(repeats: &mut Repeats, ids: std::ops::Range<u32>) -> bool {
        repeats.seen_in(&page(ids));
        repeats.are_endless()
    }

    #[test]
    fn pages_that_tell_the_same_three_times_more_repeat_themselves() {
        let mut repeats = Repeats::default();
        let seen = [0..9, 9..18, 9..18, 12..18, 12..18].map(|ids| seen_in(&mut repeats, ids));
        assert_eq!(seen, [false, false, false, false, true]);
    }

    #[test]
    fn a_page_that_moved_or_that_nobody_can_read_repeats_nothing() {
        let mut repeats = Repeats::default();
        let pages = [0..9, 0..9, 0..9, 8..17, 8..17, 0..0, 0..0, 0..0, 0..0];
        for ids in pages {
            assert!(!seen_in(&mut repeats, ids));
        }
    }
}
