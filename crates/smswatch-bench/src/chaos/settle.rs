//! The end of a run: waits until everything is told, has sent what was held back, and settles the account of what the
//! rules told.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use smswatch_model::{Event, EventKind};
use tokio::sync::watch;

use super::account::{Account, Balance};
use super::leftovers;
use super::letters::Letters;
use super::receiver::Receiver;
use super::rules::{EXACT_RATE, SILENCED};
use super::wanted::{Matching, Wanted};

/// How many looks in a row show the same before an account that is not even is final: groups wait for some seconds, alerts
/// end after half a minute, and what was held back is sent and arrives. Counted in looks, so that a machine that was
/// paused does not use them up.
const LOOKS_AT_THE_SAME: u32 = 120;

/// How many looks there are in all before an account that is not even is final: an alert that fires on is told again and
/// again.
const MOST_LOOKS: u32 = 600;

/// How long after each other the looks are.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// The account of a run that goes on.
#[derive(Debug)]
pub(super) struct Books {
    rules: Vec<Wanted>,
    /// By the silences' ids.
    silences: HashMap<String, (&'static str, &'static str)>,
    /// Why deliveries were held back, by their ids.
    held_back: HashMap<String, String>,
    matching: Matching,
    /// The events of the log, oldest first.
    events: Vec<Event>,
}

impl Books {
    /// Begins an account: makes the silences.
    ///
    /// # Errors
    ///
    /// No replica takes a silence.
    pub(super) async fn open(
        rules: Vec<Wanted>,
        doors: &[watch::Receiver<Option<String>>],
    ) -> anyhow::Result<Self> {
        let mut silences = HashMap::new();
        for (rule, detailed_status) in SILENCED {
            let matching = json!({"rule": rule, "detailed_status": detailed_status});
            let id = leftovers::silence(doors, matching).await;
            let id = id.context("no silence could be made")?;
            silences.insert(id, (rule, detailed_status));
        }
        // Every replica knows them a second later.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(Self {
            rules,
            silences,
            held_back: HashMap::new(),
            matching: Matching::default(),
            events: Vec::new(),
        })
    }

    /// Waits until the account is even, or until nothing happens any more. What is held back is sent, so that it shows
    /// its events.
    ///
    /// # Errors
    ///
    /// No replica answers, or sends what was held back.
    pub(super) async fn settle(
        &mut self,
        receivers: &[Receiver; 3],
        doors: &[watch::Receiver<Option<String>>],
    ) -> anyhow::Result<Balance> {
        let (mut seen, mut is_weighed, mut looks, mut looks_in_all) = (None, false, 0, 0);
        loop {
            let n_sent = self.send_held_back(doors).await?;
            let waiting = leftovers::ask(doors, leftovers::WAITING).await;
            let n_waiting = waiting.context("no replica answers")?.len();
            let n_taken = n_taken(receivers);
            looks_in_all += 1;
            let is_last = |looks| looks >= LOOKS_AT_THE_SAME || looks_in_all >= MOST_LOOKS;
            if is_last(looks + 1) {
                // Of two shards, an entry of the same millisecond may have come behind the last one that was read.
                self.events.clear();
            }
            leftovers::catch_up(doors, &mut self.events)
                .await
                .context("no replica answers")?;
            let now = Some((n_sent, n_waiting, n_taken, self.events.len()));
            if now != seen {
                (seen, is_weighed, looks) = (now, false, 0);
            }
            looks += 1;
            let is_told = n_sent == 0 && n_waiting == 0;
            if is_told && !is_weighed || is_last(looks) {
                self.matching.extend(&self.rules, &self.events);
                let balance = self.balance(receivers);
                // What came meanwhile may be about events that came meanwhile.
                let is_still = n_taken == self::n_taken(receivers);
                if is_still && balance.is_even() || is_last(looks) {
                    return Ok(balance);
                }
                is_weighed = is_still;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Sends what is held back just now; returns how many deliveries that were.
    async fn send_held_back(
        &mut self,
        doors: &[watch::Receiver<Option<String>>],
    ) -> anyhow::Result<usize> {
        let held_back = leftovers::held_back(doors)
            .await
            .context("no replica answers")?;
        leftovers::send(doors, &held_back).await?;
        let n_sent = held_back.len();
        for delivery in held_back {
            let reason = delivery.reason.unwrap_or_default();
            self.held_back.insert(delivery.id.to_string(), reason);
        }
        Ok(n_sent)
    }

    /// The numbers among a message's changes that events of other kinds than changes have.
    pub(super) fn other_numbers(&self) -> HashSet<(String, u64)> {
        let others = self.events.iter();
        let others = others.filter(|event| event.kind != EventKind::StatusChanged);
        let numbered = others.filter_map(|event| {
            let message = event.message.message_id.as_ref()?;
            Some((message.to_string(), event.sequence))
        });
        numbered.collect()
    }

    fn balance(&self, receivers: &[Receiver; 3]) -> Balance {
        let letters = receivers.each_ref().map(Receiver::letters);
        let letters: Vec<&Letters> = letters.iter().map(|letters| &**letters).collect();
        let account = Account {
            rules: &self.rules,
            events: &self.events,
            matching: &self.matching,
            letters: &letters,
            held_back: &self.held_back,
            silences: &self.silences,
        };
        let mut balance = account.balance();
        let exact = self.rules.iter().find(|rule| rule.name == EXACT_RATE);
        account.judge_alerts(exact.expect("it is one of them"), &mut balance);
        balance
    }
}

fn n_taken(receivers: &[Receiver; 3]) -> u64 {
    let letters = receivers.iter().map(Receiver::letters);
    letters.map(|letters| letters.n_taken()).sum()
}
