//! Plays the days of the measurement: the real engine follows all messages from their sending on, until the last has
//! ended.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fastrand::Rng;
use smswatch_core::settings::{CallbackSettings, Settings, SweepSettings};
use smswatch_core::{NewWatch, Service};
use smswatch_model::{MessageId, Tags, Timestamp};
use smswatch_plugin::provider::Provider;
use tokio::time::{Instant, sleep_until};

use super::Options;
use super::life::{self, LONGEST, SENDING};
use super::report::SourceReport;
use super::watcher::{Counted, Finals};
use crate::day::letter::Letter;
use crate::day::provider::{DayProvider, QUEUED};
use crate::virtual_engine::{self, DAY};

/// How many calls a second there may be, as by default.
const CALLS_PER_SECOND: u32 = 20;

/// How long the last end may wait to be noticed, and final messages to be looked at once more: until the rarest sweep.
const AFTERWARDS: Duration = Duration::from_secs(27 * 3600);

/// A sweep: how often, and over how long, in minutes.
type EveryOver = (u64, u64);

/// A way to learn of the ends of messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) name: &'static str,
    /// Whether each message is registered when it is sent.
    pub(super) registers: bool,
    /// How many of a hundred callbacks get lost; `None` if there are none.
    pub(super) lost: Option<u32>,
    pub(super) sweeps: &'static [EveryOver],
}

/// Sweeps that follow messages by themselves: young ones every three minutes, old ones more rarely.
const FOLLOWING: &[EveryOver] = &[(3, 15), (20, 200), (200, 1800), (1440, 98 * 60)];

/// Sweeps that make up for callbacks that got lost.
const REPAIRING: &[EveryOver] = &[(10, 60), (90, 900), (720, 74 * 60)];

/// All ways that are measured.
pub(super) const WAYS: [Way; 7] = [
    Way {
        name: "registered, polls",
        registers: true,
        lost: None,
        sweeps: &[],
    },
    Way {
        name: "sweeps",
        registers: false,
        lost: None,
        sweeps: FOLLOWING,
    },
    callbacks("callbacks, none lost", 0, &[]),
    callbacks("callbacks, 1 % lost", 1, &[]),
    callbacks("callbacks, 10 % lost", 10, &[]),
    callbacks("callbacks, 1 % lost; sweeps", 1, REPAIRING),
    callbacks("callbacks, 10 % lost; sweeps", 10, REPAIRING),
];

const fn callbacks(name: &'static str, lost: u32, sweeps: &'static [EveryOver]) -> Way {
    Way {
        name,
        registers: false,
        lost: Some(lost),
        sweeps,
    }
}

impl Way {
    fn settings(&self) -> Settings {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let mut settings = virtual_engine::settings(CALLS_PER_SECOND);
        // A sweep that finds a message whose watch has gone would take it for a new one.
        settings.watch.retention = minutes(7 * 24 * 60);
        settings.callbacks = self.lost.map(|_| CallbackSettings {
            // Nothing is registered here whose tags would be worth waiting for.
            hold: Duration::ZERO,
            ..CallbackSettings::default()
        });
        let sweeps = self.sweeps.iter().map(|(every, over)| SweepSettings {
            every: minutes(*every),
            window: minutes(*over),
            register: true,
            filters: Vec::new(),
        });
        settings.sweeps = sweeps.collect();
        settings
    }
}

/// What happens at a moment, beside what the engine does by itself.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A message is sent.
    Sent(Letter),
    /// The provider calls back about the message at a position.
    CalledBack(usize),
}

/// What happens to messages, in its order, in milliseconds from the beginning.
fn steps(way: &Way, sent: &[Letter], rng: &mut Rng) -> Vec<(u32, Step)> {
    let mut steps = Vec::new();
    for (position, letter) in sent.iter().enumerate() {
        steps.push((letter.sent, Step::Sent(*letter)));
        let Some(lost) = way.lost else { continue };
        let changes = [letter.sent + QUEUED.min(letter.lasts), letter.ends()];
        let arrives = changes.iter().filter(|_| rng.u32(..100) >= lost);
        steps.extend(arrives.map(|at| (*at, Step::CalledBack(position))));
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}

/// What it takes to learn of the ends of all messages in one way.
///
/// # Errors
///
/// The engine does not take a message or a callback.
pub(super) fn play(way: &Way, options: &Options, sent: &[Letter]) -> anyhow::Result<SourceReport> {
    virtual_engine::on_paused_clock(play_here(way, options, sent))
}

async fn play_here(way: &Way, options: &Options, sent: &[Letter]) -> anyhow::Result<SourceReport> {
    fastrand::seed(options.seed);
    let steps = steps(way, sent, &mut Rng::with_seed(options.seed));
    let (start, began) = (Timestamp::from_seconds(DAY), Instant::now());
    let traffic = Arc::new(life::traffic(options));
    let provider = Arc::new(Counted::new(DayProvider::new(start, traffic)));
    let finals = Arc::new(Finals::default());
    let rules = Arc::clone(&finals);
    let asked = Arc::clone(&provider) as Arc<dyn Provider>;
    let engine = virtual_engine::start(start, asked, rules, [], way.settings()).await?;
    let service = engine.service();
    let mut ids = Vec::with_capacity(sent.len());
    for now in steps.chunk_by(|(one, _), (other, _)| one == other) {
        sleep_until(began + Duration::from_millis(u64::from(now[0].0))).await;
        let mut registered = Vec::new();
        for (_, step) in now {
            match step {
                Step::Sent(letter) => {
                    let id = provider.provider.send(*letter);
                    ids.push(id.clone());
                    registered.push(id);
                }
                Step::CalledBack(position) => {
                    let taken = service.push(ids[*position].as_str().as_bytes()).await;
                    taken.context("the engine did not take a callback")?;
                }
            }
        }
        if way.registers {
            register(&service, registered).await?;
        }
    }
    let ends = Duration::from_secs(u64::from(SENDING + LONGEST)) + AFTERWARDS;
    sleep_until(began + ends).await;
    drop(service);
    engine.stop().await;
    let delays = finals.all().into_iter().filter_map(|(message, noticed)| {
        let (_, letter) = provider.provider.find(&message)?;
        let ended = start + Duration::from_millis(u64::from(letter.ends()));
        u64::try_from(noticed.as_millis() - ended.as_millis()).ok()
    });
    let (name, calls) = (way.name.to_owned(), provider.calls());
    Ok(SourceReport::of(name, sent.len(), calls, delays.collect()))
}

async fn register(service: &Service, ids: Vec<MessageId>) -> anyhow::Result<()> {
    let watches = ids.into_iter().map(|message_id| NewWatch {
        message_id,
        tags: Tags::new(),
    });
    let watches: Vec<_> = watches.collect();
    if !watches.is_empty() {
        let registered = service.register(watches).await;
        registered.context("the engine did not take a message")?;
    }
    Ok(())
}
