//! Writes that there is trouble, once for all processes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{Event, EventKind, Timestamp};

use super::Alarms;
use super::Trouble;
use super::episode::{self, Action, Episode, holds, renewal};
use crate::context::Context;
use crate::event::own_event;
use crate::health::POLLING;
use crate::inbox::LogInbox;
use crate::memo::{Decision, Memo};
use crate::store::{NewEntry, StoreError};

/// How long a note that could not be written waits.
const RETRY: Duration = Duration::from_secs(1);

/// What telling of trouble touches.
#[derive(Debug)]
pub(crate) struct Tell {
    pub(crate) context: Arc<Context>,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) log: Arc<LogInbox>,
}

/// Tells trouble as it is noticed; runs until it is cancelled.
pub(crate) async fn run(stage: Arc<Tell>) {
    let quiet = stage.alarms.settings().quiet;
    // Until when there is nothing to note about a kind of trouble.
    let mut noted_until: HashMap<EventKind, Timestamp> = HashMap::new();
    loop {
        let mut is_noted = true;
        for trouble in stage.alarms.troubles() {
            let now = stage.context.clock.now();
            if noted_until
                .get(&trouble.kind)
                .is_some_and(|until| holds(*until, now, quiet))
            {
                continue;
            }
            match note(&stage, &trouble, now).await {
                Ok(()) => {
                    noted_until.insert(trouble.kind, now + renewal(quiet));
                }
                Err(_) => is_noted = false,
            }
        }
        let is_behind = report_polling(&stage);
        let pause = match (is_noted, is_behind) {
            (false, _) => RETRY,
            (true, true) => stage.alarms.settings().polling_behind_after,
            (true, false) => Duration::MAX,
        };
        tokio::select! {
            () = stage.alarms.noticed(), if is_noted => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Says among the parts of the process whether polls start in time; returns whether they do not.
fn report_polling(stage: &Tell) -> bool {
    match stage.alarms.behind(stage.context.clock.now()) {
        Some(trouble) => {
            stage.context.health.trouble(POLLING, &trouble.description);
            true
        }
        None => {
            stage.context.health.well(POLLING);
            false
        }
    }
}

/// Does what is to be done about `trouble`.
async fn note(stage: &Tell, trouble: &Trouble, now: Timestamp) -> Result<(), StoreError> {
    let name = format!("episode:{}", trouble.kind);
    let (format, decode) = (episode::FORMAT, Episode::decode);
    let memo = Memo::new(&stage.context, name, format, decode, Episode::encode);
    let quiet = stage.alarms.settings().quiet;
    let noted = memo.change(&stage.context, |found| {
        let believed = found.value.and_then(|noted| noted.believed(now, quiet));
        let event = match Episode::action(believed, trouble, quiet) {
            Action::Nothing => return Decision::Leave(None),
            Action::Note => None,
            Action::Tell => Some(event(trouble, stage.context.provider, now)),
        };
        let entries = event.iter();
        let entries = entries.map(|event| NewEntry::of(std::slice::from_ref(event)));
        Decision::Write {
            value: Episode { seen: trouble.seen },
            entries: entries.collect(),
            answer: event,
        }
    });
    if let Some(event) = noted.await? {
        tracing::warn!(kind = %event.kind, what = trouble.description, "smswatch is in trouble");
        stage.context.metrics.count_event(event.kind);
        stage.log.hint_now(memo.shard());
    }
    Ok(())
}

/// The event that trouble has begun.
fn event(trouble: &Trouble, provider: &str, now: Timestamp) -> Event {
    let text = trouble.description.clone();
    let mut event = own_event(trouble.kind, provider, text, provider, now, 0);
    event.time = trouble.since;
    if let Some(about) = &mut event.about {
        about.destination = trouble.call.map(|call| call.words().to_owned());
    }
    event
}
