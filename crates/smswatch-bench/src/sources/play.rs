//! Plays the days of the measurement: the real engine watches all messages from their sending on, until the last has
//! ended.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use smswatch_core::NewWatch;
use smswatch_model::{Tags, Timestamp};
use smswatch_plugin::provider::Provider;
use tokio::time::{Instant, sleep_until};

use super::Options;
use super::life::{self, LONGEST, SENDING};
use super::report::SourceReport;
use super::watcher::{Counted, Finals};
use crate::day::letter::Letter;
use crate::day::provider::DayProvider;
use crate::virtual_engine::{self, DAY};

/// How many polls a second there may be, as by default.
const POLLS_PER_SECOND: u32 = 20;

/// How long the last end may wait to be noticed, and final messages to be looked at once more.
const AFTERWARDS: Duration = Duration::from_secs(3 * 3600);

/// What it takes smswatch to learn of the ends of all messages by polling alone.
pub(super) fn polling(options: &Options, sent: &[Letter]) -> anyhow::Result<SourceReport> {
    virtual_engine::on_paused_clock(polling_here(options, sent))
}

async fn polling_here(options: &Options, sent: &[Letter]) -> anyhow::Result<SourceReport> {
    fastrand::seed(options.seed);
    let (start, began) = (Timestamp::from_seconds(DAY), Instant::now());
    let traffic = Arc::new(life::traffic(options));
    let provider = Arc::new(Counted::new(DayProvider::new(start, traffic)));
    let finals = Arc::new(Finals::default());
    let rules = Arc::clone(&finals);
    let asked = Arc::clone(&provider) as Arc<dyn Provider>;
    let engine = virtual_engine::start(start, asked, rules, [], POLLS_PER_SECOND).await?;
    let service = engine.service();
    for letters in sent.chunk_by(|one, other| one.sent == other.sent) {
        sleep_until(began + Duration::from_millis(u64::from(letters[0].sent))).await;
        let watches = letters.iter().map(|letter| NewWatch {
            message_id: provider.provider.send(*letter),
            tags: Tags::new(),
        });
        let registered = service.register(watches.collect()).await;
        registered.context("the engine did not take a message")?;
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
    let name = "smswatch, polling alone".to_owned();
    Ok(SourceReport::of(
        name,
        sent.len(),
        provider.calls(),
        delays.collect(),
    ))
}
