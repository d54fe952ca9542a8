//! Counts the messages of a campaign while its pages come in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::Number;
use smswatch_model::{CampaignOperator, CampaignSummary, MessageId, Timestamp};

use crate::privacy::Privacy;
use crate::provider::MessageReport;

/// How many operators a summary names.
const MOST_SHOWN: usize = 10;

/// How many operators are told apart; the messages of others count without one.
const MOST_OPERATORS: usize = 500;

/// Of how many delivered messages of one operator the time is kept.
const MOST_TIMES: usize = 2_000;

/// How many statuses are told apart.
const MOST_STATUSES: usize = 100;

/// What the pages of a campaign have told so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    name: Option<String>,
    /// Hashes of the messages that were counted: rows move between pages.
    seen: HashSet<u64>,
    hashes: RandomState,
    delivered: u64,
    failed: u64,
    pending: u64,
    by_status: BTreeMap<String, u64>,
    cost: f64,
    cost_of_failed: f64,
    operators: HashMap<String, Operator>,
    started_at: Option<Timestamp>,
    latest_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Operator {
    messages: u64,
    failed: u64,
    /// When messages were delivered, in seconds since 1970.
    delivered: Vec<i64>,
}

impl Tally {
    /// Counts what is told of a message, if it was not counted before. Of its people nothing is kept.
    pub(crate) fn count(
        &mut self,
        message_id: &MessageId,
        report: &MessageReport,
        privacy: &Privacy,
    ) {
        let hash = self.hashes.hash_one(message_id.to_lowercase().as_str());
        if !self.seen.insert(hash) {
            return;
        }
        let (facts, parts) = (&report.facts, &report.parts);
        let shown = |text: &str| privacy.text(text, facts);
        if self.name.is_none() {
            self.name = facts.campaign.as_deref().map(shown);
        }
        let n_parts = facts.part_count.unwrap_or(1).max(1) as usize;
        let is_final = parts.len() >= n_parts && parts.iter().all(|part| part.status.is_final());
        let is_delivered = is_final && parts.iter().all(|part| part.status.is_delivered());
        let has_failed = is_final && !is_delivered;
        self.delivered += u64::from(is_delivered);
        self.failed += u64::from(has_failed);
        self.pending += u64::from(!is_final);
        for part in parts {
            let price = part.price.as_ref().and_then(Number::as_f64);
            let price = price.filter(|price| price.is_finite()).unwrap_or_default();
            self.cost += price;
            self.cost_of_failed += if has_failed { price } else { 0.0 };
            let detail = part.detailed_status.as_ref();
            let word = shown(detail.unwrap_or(&part.status).as_str());
            if self.by_status.len() < MOST_STATUSES || self.by_status.contains_key(&word) {
                *self.by_status.entry(word).or_default() += 1;
            }
            if let Some(date) = part.date {
                self.started_at = Some(self.started_at.map_or(date, |known| known.min(date)));
                self.latest_at = self.latest_at.max(Some(date));
            }
        }
        let operator = facts.operator.as_deref().map(shown).unwrap_or_default();
        let is_known = self.operators.contains_key(&operator);
        let is_full = self.operators.len() >= MOST_OPERATORS && !is_known;
        let operator = if is_full { String::new() } else { operator };
        let operator = self.operators.entry(operator).or_default();
        operator.messages += 1;
        operator.failed += u64::from(has_failed);
        let latest = parts.iter().filter_map(|part| part.date).max();
        if let Some(latest) = latest.filter(|_| is_delivered)
            && operator.delivered.len() < MOST_TIMES
        {
            operator.delivered.push(latest.as_seconds());
        }
    }

    /// What there is to say of the campaign called `tracking_id`.
    pub(crate) fn summary(self, tracking_id: &MessageId) -> CampaignSummary {
        let started = self.started_at.map(Timestamp::as_seconds);
        let operators = self.operators.into_iter();
        let mut operators: Vec<CampaignOperator> = operators
            .map(|(operator, counted)| CampaignOperator {
                operator,
                messages: counted.messages,
                failed: counted.failed,
                median_seconds: median(counted.delivered)
                    .zip(started)
                    .and_then(|(median, started)| u64::try_from(median - started).ok()),
            })
            .collect();
        operators.sort_by(|a, b| {
            let slowest = b.median_seconds.cmp(&a.median_seconds);
            slowest.then_with(|| a.operator.cmp(&b.operator))
        });
        operators.truncate(MOST_SHOWN);
        CampaignSummary {
            tracking_id: tracking_id.clone(),
            name: self.name,
            messages: self.delivered + self.failed + self.pending,
            delivered: self.delivered,
            failed: self.failed,
            pending: self.pending,
            by_status: self.by_status,
            cost: money(self.cost),
            cost_of_failed: money(self.cost_of_failed),
            slowest_operators: operators,
            started_at: self.started_at,
            latest_at: self.latest_at,
        }
    }
}

fn median(mut times: Vec<i64>) -> Option<i64> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// A sum without the noise behind its sixth digit.
fn money(sum: f64) -> Number {
    let rounded = (sum * 1e6).round() / 1e6;
    Number::from_f64(rounded).unwrap_or_else(|| Number::from(0))
}
