//! Writes that there is trouble, once for all processes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{Event, EventKind, Timestamp};

use super::Trouble;
use super::episode::{self, Action, Episode, renewal};
use crate::announce::own_event;
use crate::health::POLLING;
use crate::memo;
use crate::metrics::KindLabel;
use crate::shared::Shared;
use crate::store::{NewEntry, StoreError, shard_of};

/// How long a note that could not be written waits.
const RETRY: Duration = Duration::from_secs(1);

/// Tells trouble as it is noticed; ends never by itself.
pub(crate) async fn run(shared: Arc<Shared>) {
    let quiet = shared.alarms.settings().quiet;
    // Until when there is nothing to note about a kind of trouble.
    let mut noted_until: HashMap<EventKind, Timestamp> = HashMap::new();
    loop {
        let mut is_noted = true;
        for trouble in shared.alarms.troubles() {
            let now = shared.clock.now();
            if noted_until
                .get(&trouble.kind)
                .is_some_and(|until| now < *until)
            {
                continue;
            }
            match note(&shared, &trouble, now).await {
                Ok(true) => {
                    noted_until.insert(trouble.kind, now + renewal(quiet));
                }
                Ok(false) | Err(_) => is_noted = false,
            }
        }
        let is_behind = report_polling(&shared);
        let pause = match (is_noted, is_behind) {
            (false, _) => RETRY,
            (true, true) => shared.alarms.settings().polling_behind_after,
            (true, false) => Duration::MAX,
        };
        tokio::select! {
            () = shared.alarms.noticed(), if is_noted => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Says among the parts of the process whether polls start in time; answers whether they do not.
fn report_polling(shared: &Shared) -> bool {
    match shared.alarms.behind(shared.clock.now()) {
        Some(trouble) => {
            shared.health.trouble(POLLING, &trouble.description);
            true
        }
        None => {
            shared.health.well(POLLING);
            false
        }
    }
}

/// Does what is to be done about `trouble`; answers false when another process noted something
/// meanwhile.
async fn note(shared: &Shared, trouble: &Trouble, now: Timestamp) -> Result<bool, StoreError> {
    let name = format!("episode:{}", trouble.kind);
    let shard = shard_of(&name, shared.store.shard_count());
    let known = memo::read(shared, shard, &name, episode::FORMAT, Episode::decode).await?;
    let event = match Episode::duty(known.value, trouble, shared.alarms.settings().quiet) {
        Action::Nothing => return Ok(true),
        Action::Note => None,
        Action::Tell => Some(event(trouble, shared.provider.name(), now)),
    };
    let entries = event
        .iter()
        .map(|event| NewEntry::of(std::slice::from_ref(event)));
    let seen = Episode { seen: trouble.seen };
    let put = shared.store.put_memo(
        shard,
        &known.name,
        known.version,
        seen.encode(),
        entries.collect(),
    );
    let is_done = shared.call("put_memo", put).await?;
    if let (true, Some(event)) = (is_done, event) {
        tracing::warn!(kind = %event.kind, what = trouble.description, "smswatch is in trouble");
        let label = KindLabel {
            r#type: event.kind.as_str(),
        };
        shared.metrics.events.get_or_create(&label).inc();
        shared.routes.hint_now(usize::from(shard.0));
    }
    Ok(is_done)
}

/// The event that trouble has begun.
fn event(trouble: &Trouble, provider: &str, now: Timestamp) -> Event {
    let text = trouble.description.clone();
    Event {
        time: trouble.since,
        ..own_event(trouble.kind, provider, text, provider, now, 0)
    }
}
