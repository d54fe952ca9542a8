//! What a provider is asked for when it tells of many messages at once, and what it answers.

use smswatch_model::{MessageId, Timestamp};

use super::{MessageReport, Oddities};

/// Which messages a page is wanted of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Those of a span of time, by whichever date the provider compares.
    Window {
        /// Its beginning, included.
        from: Timestamp,
        /// Its end, included.
        to: Timestamp,
        /// What else must hold of them; the provider says how several hold together.
        filters: Vec<Filter>,
    },
    /// Those of one campaign, by the id that the provider gave the campaign.
    Campaign(MessageId),
}

/// What must hold of the messages of a listing, in the provider's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The field that is compared, such as `status.status`.
    pub field: String,
    /// What it is compared with.
    pub term: String,
    /// How it is compared, such as `is`; the provider's default if there is none.
    pub operator: Option<String>,
}

/// One page of a listing.
///
/// Pages are no snapshot: rows can move from one to another between two requests.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListedPage {
    /// The messages that it tells of, each once, with the parts that stand on this page.
    pub messages: Vec<(MessageId, MessageReport)>,
    /// How many rows it has, whether they can be read or not.
    pub rows: u32,
    /// Whether no page comes after it.
    pub is_last: bool,
    /// How many rows all pages have together, if the provider says so.
    pub total_rows: Option<u64>,
    /// The provider says that it knows nothing of what was asked for, such as a campaign that is about to be sent:
    /// there are no rows, and there is no trouble.
    pub is_unknown: bool,
    /// What in it was not as it should be, beside what its messages say of themselves: rows that name no
    /// message, for example.
    pub oddities: Oddities,
}

impl ListedPage {
    /// The only page of what the provider says it knows nothing of.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            is_last: true,
            is_unknown: true,
            ..Self::default()
        }
    }
}
