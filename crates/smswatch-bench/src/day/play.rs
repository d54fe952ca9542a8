//! Plays the day: starts the engine on a store in memory, sends what is sent in each second, and lets time pass.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fastrand::Rng;
use smswatch_core::{Engine, NewWatch};
use smswatch_model::{Tags, Timestamp};
use smswatch_plugin::provider::Provider;
use smswatch_plugin::sink::Sink;
use tokio::time::{Instant, sleep_until};

use super::Options;
use super::incident::Incident;
use super::letter::{Letter, byte};
use super::provider::DayProvider;
use super::recorder::{Book, Recorder};
use super::report::Report;
use super::rules::{SINKS, default_rules};
use super::traffic::{Traffic, poisson};
use super::verdict::judge;
use crate::virtual_engine::{self, DAY};

/// How many polls a second there may be: a million messages are sent within the day.
const POLLS_PER_SECOND: u32 = 1_000;

/// How long after the last message what is under way may still be told.
const AFTERWARDS: Duration = Duration::from_secs(1200);

/// Plays a day, and judges what was told.
pub(super) fn play(options: &Options) -> anyhow::Result<Report> {
    virtual_engine::on_paused_clock(play_here(options))
}

async fn play_here(options: &Options) -> anyhow::Result<Report> {
    // What the engine draws by chance follows from the seed, too.
    fastrand::seed(options.seed);
    let mut rng = Rng::with_seed(options.seed);
    let mut traffic = Traffic::new(options, &mut rng);
    let incidents = Incident::draw_all(options, &mut traffic, &mut rng)?;
    let traffic = Arc::new(traffic);
    let start = Timestamp::from_seconds(DAY + i64::from(options.begins()));
    let began = Instant::now();
    let provider = Arc::new(DayProvider::new(start, Arc::clone(&traffic)));
    let book = Book::default();
    let engine = start_engine(start, began, &provider, &book).await?;
    let service = engine.service();
    let seconds = u32::try_from(options.length().as_secs()).expect("a day fits into u32");
    for second in 0..seconds {
        sleep_until(began + Duration::from_secs(u64::from(second))).await;
        let mut watches = Vec::new();
        for mut letter in sent(&traffic, second, &mut rng) {
            for (position, incident) in incidents.iter().enumerate() {
                incident.strike(byte(position), &mut letter, &traffic, &mut rng);
            }
            let team = letter.product().team.to_owned();
            watches.push(NewWatch {
                message_id: provider.send(letter),
                tags: Tags::from([("team".to_owned(), team)]),
            });
        }
        if !watches.is_empty() {
            let registered = service.register(watches).await;
            registered.context("the engine did not take a message")?;
        }
    }
    sleep_until(began + options.length() + AFTERWARDS).await;
    drop(service);
    engine.stop().await;
    let report = judge(options, &incidents, &provider, &book.all());
    Ok(report)
}

/// The messages that are sent in a second.
fn sent(traffic: &Traffic, second: u32, rng: &mut Rng) -> Vec<Letter> {
    let moment = second * 1000;
    let mut letters = Vec::new();
    for _ in 0..poisson(rng, traffic.in_all(second)) {
        let operator = traffic.draw(rng, second);
        letters.push(Letter::draw(rng, moment, operator, None));
    }
    for (number, campaign) in traffic.campaigns.iter().enumerate() {
        if !(campaign.from..campaign.until).contains(&second) {
            continue;
        }
        let average = campaign.messages / f64::from(campaign.until - campaign.from);
        for _ in 0..poisson(rng, average) {
            let operator = traffic.draw_in(rng, campaign.country);
            letters.push(Letter::draw(rng, moment, operator, Some(byte(number))));
        }
    }
    letters
}

async fn start_engine(
    start: Timestamp,
    began: Instant,
    provider: &Arc<DayProvider>,
    book: &Book,
) -> anyhow::Result<Engine> {
    let sinks = SINKS.map(|name| {
        let recorder = Recorder {
            name,
            began,
            book: book.clone(),
        };
        let sink: Arc<dyn Sink> = Arc::new(recorder);
        (name, sink)
    });
    let provider = Arc::clone(provider) as Arc<dyn Provider>;
    let rules = Arc::new(default_rules()?);
    let settings = virtual_engine::settings(POLLS_PER_SECOND);
    virtual_engine::start(start, provider, rules, sinks, settings).await
}
