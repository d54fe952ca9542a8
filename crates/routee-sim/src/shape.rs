//! How an answer is written where Routee's pages are silent or disagree.

use serde::{Deserialize, Serialize};

use crate::clock::DateForm;

/// What becomes of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Written as it is.
    #[default]
    Keep,
    /// `null`.
    Null,
    /// Not there.
    Absent,
}

/// What becomes of the leading plus of `to`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plus {
    /// As registered.
    #[default]
    Keep,
    /// Always there.
    With,
    /// Never there.
    Without,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberForm {
    /// JSON numbers.
    #[default]
    Number,
    /// JSON strings.
    String,
    /// Numbers with a fraction: `1.0`.
    Decimal,
    /// `null`.
    Null,
    /// Not there.
    Absent,
}

/// How words of `status.status` are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordCase {
    /// `Delivered`.
    #[default]
    Keep,
    /// `DELIVERED`.
    Upper,
    /// `delivered`.
    Lower,
}

/// How the `code` of an error is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeForm {
    /// `"404005000"`.
    #[default]
    String,
    /// `404005000`.
    Number,
    /// Not there.
    Absent,
}

/// The open questions of an answer, one switch each. The default is the documented form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// `status.reason` of every status.
    pub reason: Presence,
    /// `status.reason` of `Delivered`.
    pub delivered_reason: Presence,
    /// `status.reason.detailedStatus`, inside a reason.
    pub detailed_status: Presence,
    /// `status.date`.
    pub date: DateForm,
    /// `status.status`.
    pub status: Presence,
    /// Replaces `status.status`, whatever the status is.
    pub unknown_status: Option<String>,
    /// Letters of `status.status`.
    pub status_case: WordCase,
    /// `status` itself is the word instead of an object.
    pub status_is_string: bool,
    /// `groups` when there are none.
    pub groups: Presence,
    /// `operator`.
    pub operator: Presence,
    /// `label`; `null` writes it for messages that have none, too.
    pub label: Presence,
    /// `latency`, `price`.
    pub numbers: NumberForm,
    /// `part`, `parts`.
    pub part_numbers: NumberForm,
    /// `smsId`.
    pub sms_id: Presence,
    /// The leading plus of `to`.
    pub to_plus: Plus,
    /// The country as an English name, as in an old sample.
    pub country_name: bool,
    /// Every field that is not needed to know the status is `null`.
    pub nulls: bool,
    /// Adds fields that no page names.
    pub unknown_fields: bool,
    /// The parts from the last to the first.
    pub reversed: bool,
    /// So many of the last parts are left out of the answer.
    pub missing_parts: usize,
    /// Lists name the campaign `campaign`, as in older samples.
    pub old_campaign_field: bool,
    /// Callbacks of single messages leave the campaign's fields out instead of writing `null`.
    pub callback_without_campaign: bool,
    /// `code` of errors.
    pub error_code: CodeForm,
}

impl Shape {
    /// The positions of the parts that an answer shows, in its order.
    pub(crate) fn shown_parts(&self, parts: usize) -> impl Iterator<Item = usize> + use<> {
        let shown = parts.saturating_sub(self.missing_parts);
        let reversed = self.reversed;
        (0..shown).map(move |position| {
            if reversed {
                shown - 1 - position
            } else {
                position
            }
        })
    }
}
