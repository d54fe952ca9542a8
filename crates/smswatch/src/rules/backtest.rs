//! `smswatch rules backtest`: tries other rules on what the running service remembers, and counts what they would have
//! told, beside what today's rules would have told by the same reckoning.

mod count;
mod history;
mod render;
mod silences;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use smswatch_api::silences::SilenceReply;
use smswatch_plugin::model::{Event, MessageId, Timestamp};
use smswatch_plugin::rules::Rules;
use smswatch_rules::Span;

use self::count::{Busy, Counts, Trial};
use self::history::{Entries, History};
use crate::cli::BacktestArgs;
use crate::client::Client;
use crate::output::{print, print_json, remark};
use crate::plain::plain;
use crate::report::Failure;
use crate::settings::{self, Loaded};
use crate::sink_types::SinkTypes;

/// What came of it.
#[derive(Debug, Serialize)]
struct Backtest {
    /// When what was tried begins: the moment that was asked for, or the oldest event that is remembered.
    since: Timestamp,
    until: Timestamp,
    events: u64,
    messages: u64,
    /// One item for each rule and sink.
    items: Vec<Row>,
    /// One item for each sink.
    sinks: Vec<Row>,
    /// The rules that were tried and notified no one.
    silent: Vec<String>,
    /// What the counts leave out, in sentences.
    remarks: Vec<String>,
}

/// What one rule tells one sink, or all rules tell it.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    sink: String,
    /// By today's rules; `None` if they are not known.
    today: Option<Told>,
    /// By the rules that are tried.
    tried: Told,
}

/// How much was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Told {
    notifications: u64,
    /// What silences, maintenance windows, throttles and alerts would have held back.
    held_back: u64,
    /// The hour with the most notifications, for a sink.
    #[serde(skip_serializing_if = "Option::is_none")]
    busiest_hour: Option<Busy>,
}

pub(crate) async fn backtest(types: &SinkTypes, args: &BacktestArgs) -> Result<(), Failure> {
    let tried = settings::load(types, Some(&args.file))?;
    tried.warn();
    let today = today(types, args.today.config.as_deref())?;
    let client = Client::new(&args.call.service)?;
    let until = now();
    let since = start(&args.since, until);
    let history = History::fetch(&client, since).await?;
    let silences = silences::fetch(&client).await?;
    let outcome = compare(history, &silences, since, until, &tried, today.as_ref())?;
    for left_out in &outcome.remarks {
        remark(&format!("note: {}", plain(left_out)));
    }
    match args.call.output.json {
        true => print_json(&outcome)?,
        false => print(&render::table(&outcome, &args.file))?,
    }
    Ok(())
}

/// Today's configuration, if it is here.
fn today(types: &SinkTypes, named: Option<&Path>) -> Result<Option<Loaded>, Failure> {
    let named = named.filter(|named| !named.as_os_str().is_empty());
    let is_here = named.is_some() || settings::usual_place().is_ok();
    is_here.then(|| settings::load(types, named)).transpose()
}

/// The moment that `--since` names.
fn start(since: &str, until: Timestamp) -> Timestamp {
    let ago = since.parse::<Span>().map(|ago| until - ago.duration());
    ago.or_else(|_| since.parse())
        .expect("the arguments were refused otherwise")
}

fn compare(
    history: History,
    silences: &[SilenceReply],
    since: Timestamp,
    until: Timestamp,
    tried: &Loaded,
    today: Option<&Loaded>,
) -> anyhow::Result<Backtest> {
    let oldest = history.oldest().unwrap_or(until).max(since);
    let of_tried = silences::compile(silences, &tried.configuration.rules);
    let of_today = today.map(|today| silences::compile(silences, &today.configuration.rules));
    let mut tried_rules = Trial::new(&tried.configuration, &of_tried.silences, oldest);
    let mut today_rules = today
        .zip(of_today.as_ref())
        .map(|(today, known)| Trial::new(&today.configuration, &known.silences, oldest));
    let mut seen = Seen::default();
    let mut entries = Entries::of(history);
    while let Some(entry) = entries.next()? {
        if entry.detected_at < since {
            continue;
        }
        seen.note(&entry.events);
        tried_rules.take(&entry);
        if let Some(today) = &mut today_rules {
            today.take(&entry);
        }
    }
    let tried_counts = tried_rules.finish(until);
    let today_counts = today_rules.map(|today| today.finish(until));
    let mut remarks = Vec::new();
    if today.is_none() {
        remarks.push("today's rules are not here; `--config` names their file".to_owned());
    }
    if of_tried.n_unreadable > 0 {
        remarks.push(format!(
            "this version cannot read {} of the silences, so they hold back nothing here",
            of_tried.n_unreadable
        ));
    }
    let of_today = today.map(|today| today.configuration.rules.stuck_after());
    let unreadable = entries.n_unreadable;
    if unreadable > 0 {
        remarks.push(format!(
            "this version cannot read {unreadable} of the events, so they are left out"
        ));
    }
    for after in tried.configuration.rules.stuck_after().iter() {
        let is_known = of_today.as_ref().is_some_and(|known| known.contains(after));
        if !is_known && !seen.stuck_after.contains(&after.after.as_secs()) {
            remarks.push(format!(
                "the history has no events of `stuck` after {}, because no rule asks for them yet",
                Span::from_secs(after.after.as_secs())
            ));
        }
    }
    Ok(Backtest {
        since: oldest,
        until,
        events: seen.n_events,
        messages: seen.messages.len() as u64,
        items: rows(&tried_counts, today_counts.as_ref(), Counts::of_rules),
        sinks: rows(&tried_counts, today_counts.as_ref(), Counts::of_sinks),
        silent: tried_counts.silent(tried.configuration.rules.names()),
        remarks,
    })
}

/// What was tried.
#[derive(Debug, Default)]
struct Seen {
    n_events: u64,
    messages: HashSet<MessageId>,
    /// After how many seconds messages are stuck of which there are events.
    stuck_after: BTreeSet<u64>,
}

impl Seen {
    fn note(&mut self, events: &[Event]) {
        for event in events {
            self.n_events += 1;
            self.messages.extend(event.message.message_id.clone());
            self.stuck_after.extend(event.after);
        }
    }
}

/// What the rules that were tried tell, beside what today's tell, by the same key.
fn rows(
    tried: &Counts,
    today: Option<&Counts>,
    of: impl Fn(&Counts) -> BTreeMap<(Option<String>, String), Told>,
) -> Vec<Row> {
    let mut rows: BTreeMap<(Option<String>, String), (Told, Told)> = BTreeMap::new();
    for (key, told) in of(tried) {
        rows.entry(key).or_default().0 = told;
    }
    for (key, told) in today.map(&of).unwrap_or_default() {
        rows.entry(key).or_default().1 = told;
    }
    let rows = rows.into_iter().map(|((rule, sink), told)| Row {
        rule,
        sink,
        today: today.map(|_| told.1),
        tried: told.0,
    });
    rows.collect()
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_seconds(0) + since_epoch.unwrap_or(Duration::ZERO)
}
