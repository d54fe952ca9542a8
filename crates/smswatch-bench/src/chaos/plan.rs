//! What goes wrong when: plans that follow from a seed alone.

use std::time::Duration;

use fastrand::Rng;

/// A fault, and how long all is well before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned<F> {
    pub(super) pause: Duration,
    pub(super) fault: F,
}

/// What happens to a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplicaFault {
    /// `kill -9`, and a start after this long.
    Kill(Duration),
    /// `SIGSTOP` for this long.
    Stop(Duration),
}

/// What happens to a connection, or to the process behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoorFault {
    /// All connections are closed; new ones are taken.
    Cut,
    /// Nothing passes for this long.
    Stall(Duration),
    /// Connections are refused for this long.
    Refuse(Duration),
}

/// Longer than the lease of a delivery, which is the sinks' timeout and ten seconds.
const PAST_A_DELIVERY: (u64, u64) = (12_500, 15_000);

/// Longer than the lease of a watch, too.
const PAST_A_WATCH: (u64, u64) = (41_000, 46_000);

/// Everything that goes wrong in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) replicas: [Vec<Planned<ReplicaFault>>; 2],
    /// Between each replica and Redis.
    pub(super) cuts: [Vec<Planned<DoorFault>>; 2],
    /// How long Redis is gone after each kill.
    pub(super) redis: Vec<Planned<Duration>>,
    /// Of the receiver that hangs at times.
    pub(super) hangs: Vec<Planned<Duration>>,
    /// Of the receiver that is down for a while.
    pub(super) outages: Vec<Planned<DoorFault>>,
}

impl Plan {
    /// The plan of `seed` for a run whose faults last for `length`.
    pub(super) fn new(seed: u64, length: Duration) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut replica = |is_first| {
            let mut rng = rng.fork();
            let mut stops = if is_first { 1 } else { 0 };
            fill(length, (2_000, 5_500), &mut rng, move |rng, left| {
                let fault = replica_fault(rng, left, stops == 1);
                stops += 1;
                fault
            })
        };
        let replicas = [replica(true), replica(false)];
        let mut cut = || {
            fill(length, (2_000, 9_000), &mut rng.fork(), |rng, _| {
                let fault = match rng.u8(..10) {
                    0 => DoorFault::Stall(millis(rng, (2_000, 7_000))),
                    1 => DoorFault::Refuse(millis(rng, (300, 2_000))),
                    _ => DoorFault::Cut,
                };
                (fault, fault.lasts())
            })
        };
        let cuts = [cut(), cut()];
        let mut within = |pauses, lasts| {
            fill(length, pauses, &mut rng.fork(), |rng, _| {
                let lasts = millis(rng, lasts);
                (lasts, lasts)
            })
        };
        let redis = within((9_000, 28_000), (50, 2_500));
        let hangs = within((2_000, 6_000), (2_500, 5_000));
        let outages = within((2_000, 8_000), (1_000, 9_000));
        let outages = outages.into_iter().map(|planned| Planned {
            pause: planned.pause,
            fault: DoorFault::Refuse(planned.fault),
        });
        Self {
            replicas,
            cuts,
            redis,
            hangs,
            outages: outages.collect(),
        }
    }
}

impl DoorFault {
    fn lasts(self) -> Duration {
        match self {
            Self::Cut => Duration::ZERO,
            Self::Stall(lasts) | Self::Refuse(lasts) => lasts,
        }
    }
}

/// Mostly kills; a stop where `is_stop` wants one or one comes by chance, as long as there is time.
fn replica_fault(rng: &mut Rng, left: Duration, is_stop: bool) -> (ReplicaFault, Duration) {
    let chance = rng.u8(..100);
    let stop = millis(rng, PAST_A_DELIVERY);
    let long_stop = millis(rng, PAST_A_WATCH);
    let down = millis(rng, (100, 1_500));
    if chance < 3 && long_stop < left {
        (ReplicaFault::Stop(long_stop), long_stop)
    } else if (is_stop || chance < 12) && stop < left {
        (ReplicaFault::Stop(stop), stop)
    } else {
        (ReplicaFault::Kill(down), down)
    }
}

/// Faults until the time is up, each with a pause before it; `draw` says how long each lasts.
fn fill<F>(
    length: Duration,
    pauses: (u64, u64),
    rng: &mut Rng,
    mut draw: impl FnMut(&mut Rng, Duration) -> (F, Duration),
) -> Vec<Planned<F>> {
    let mut left = length;
    let mut plan = Vec::new();
    loop {
        let pause = millis(rng, pauses);
        let Some(rest) = left.checked_sub(pause) else {
            return plan;
        };
        let (fault, lasts) = draw(rng, rest);
        let Some(rest) = rest.checked_sub(lasts) else {
            return plan;
        };
        left = rest;
        plan.push(Planned { pause, fault });
    }
}

fn millis(rng: &mut Rng, (from, to): (u64, u64)) -> Duration {
    Duration::from_millis(rng.u64(from..=to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_follows_from_its_seed() {
        let length = Duration::from_secs(120);
        assert_eq!(Plan::new(7, length), Plan::new(7, length));
        assert_ne!(Plan::new(7, length), Plan::new(8, length));
    }

    #[test]
    fn ten_minutes_hold_a_hundred_kills_and_a_stop_past_every_lease() {
        for seed in 0..20 {
            let plan = Plan::new(seed, Duration::from_secs(540));
            let faults = plan.replicas.iter().flatten().map(|planned| planned.fault);
            let is_kill = |fault: &ReplicaFault| matches!(fault, ReplicaFault::Kill(_));
            let (kills, stops): (Vec<_>, Vec<_>) = faults.partition(is_kill);
            assert!(kills.len() + plan.redis.len() >= 100, "{}", kills.len());
            assert!(!stops.is_empty());
        }
    }

    #[test]
    fn a_short_run_stops_a_replica_too() {
        for seed in 0..20 {
            let plan = Plan::new(seed, Duration::from_secs(30));
            let is_stop =
                |planned: &Planned<ReplicaFault>| matches!(planned.fault, ReplicaFault::Stop(_));
            assert!(plan.replicas.iter().flatten().any(is_stop), "seed {seed}");
            assert!(!plan.redis.is_empty());
        }
    }
}
