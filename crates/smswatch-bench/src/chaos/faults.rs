//! Makes things go wrong as planned, and counts them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use smswatch_testkit::redis_server::RedisServer;
use tokio::time::{Instant, sleep, sleep_until};

use super::findings::Findings;
use super::plan::{DoorFault, Planned, ReplicaFault};
use super::receiver::{Mood, Receiver};
use super::replica::{Reload, Reloaded, Replica};
use smswatch_testkit::proxy::Proxy;

/// How often what went wrong.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) kills: AtomicU64,
    pub(super) stops: AtomicU64,
    /// Replicas that ended without being killed.
    pub(super) ends: Mutex<Findings>,
    pub(super) redis_kills: AtomicU64,
    pub(super) cuts: AtomicU64,
    pub(super) hangs: AtomicU64,
    pub(super) outages: AtomicU64,
    /// Other configurations that replicas took over.
    pub(super) reloads: AtomicU64,
    /// Configurations that they refused.
    pub(super) refusals: AtomicU64,
    /// Configurations that were answered otherwise.
    pub(super) wrong_reloads: Mutex<Findings>,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    /// Whether a replica ended without being killed, which breaks a promise.
    pub(super) fn has_ended(&self, replica: &mut Replica) -> bool {
        let Some(how) = replica.ended_by_itself() else {
            return false;
        };
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.add(|| how);
        true
    }

    fn note(&self, reloaded: Reloaded) {
        match reloaded {
            Reloaded::Done => count(&self.reloads),
            Reloaded::Refused => count(&self.refusals),
            Reloaded::Unanswered => {}
            Reloaded::Wrong(what) => {
                let wrong = self.wrong_reloads.lock();
                wrong.unwrap_or_else(PoisonError::into_inner).add(|| what);
            }
        }
    }
}

/// In which order replicas are given other configurations.
const RELOADS: [Reload; 3] = [Reload::Asked, Reload::Bad, Reload::Signaled];

/// Kills and stops a replica, and has it load another configuration before each time; it runs afterwards.
pub(super) async fn of_replica(
    mut replica: Replica,
    plan: Vec<Planned<ReplicaFault>>,
    counts: &Counts,
) -> anyhow::Result<Replica> {
    for (Planned { pause, fault }, reload) in plan.into_iter().zip(RELOADS.into_iter().cycle()) {
        let again = Instant::now() + pause;
        sleep(pause / 2).await;
        // As a supervisor would, so that the rest of the run is worth something.
        if counts.has_ended(&mut replica) {
            replica.kill().await;
            replica.start().await?;
        }
        counts.note(replica.reload(reload).await?);
        sleep_until(again).await;
        match fault {
            ReplicaFault::Kill(down) => {
                count(&counts.kills);
                replica.kill().await;
                sleep(down).await;
                replica.start().await?;
            }
            ReplicaFault::Stop(lasts) => {
                count(&counts.stops);
                replica.signal("STOP").await?;
                sleep(lasts).await;
                replica.signal("CONT").await?;
            }
        }
    }
    Ok(replica)
}

/// Kills Redis and starts it again on its data.
pub(super) async fn of_redis(
    mut redis: RedisServer,
    plan: Vec<Planned<Duration>>,
    counts: &Counts,
) -> anyhow::Result<RedisServer> {
    for Planned { pause, fault: down } in plan {
        sleep(pause).await;
        count(&counts.redis_kills);
        redis.kill();
        sleep(down).await;
        let restarting = tokio::task::spawn_blocking(move || {
            redis.restart();
            redis
        });
        redis = restarting.await.context("Redis did not start again")?;
    }
    Ok(redis)
}

/// Cuts, stalls and closes a proxy; it is open afterwards.
pub(super) async fn of_door(proxy: &Proxy, plan: Vec<Planned<DoorFault>>, counter: &AtomicU64) {
    for Planned { pause, fault } in plan {
        sleep(pause).await;
        count(counter);
        match fault {
            DoorFault::Cut => proxy.cut(),
            DoorFault::Stall(lasts) => {
                proxy.stall();
                sleep(lasts).await;
                proxy.open();
                proxy.cut();
            }
            DoorFault::Refuse(lasts) => {
                proxy.close();
                sleep(lasts).await;
                proxy.open();
            }
        }
    }
}

/// Lets a receiver hang at times; it is well afterwards.
pub(super) async fn of_hanging(receiver: &Receiver, plan: Vec<Planned<Duration>>, counts: &Counts) {
    for Planned {
        pause,
        fault: lasts,
    } in plan
    {
        sleep(pause).await;
        count(&counts.hangs);
        receiver.set_mood(Mood::Hanging);
        sleep(lasts).await;
        receiver.set_mood(Mood::Well);
    }
}
