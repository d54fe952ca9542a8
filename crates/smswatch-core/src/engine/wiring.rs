//! Gives each part of a process what it may touch, and nothing else.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use smswatch_model::Timestamp;
use tokio::sync::mpsc;

use super::Parts;
use crate::alarm::Alarms;
use crate::alarm::tell::Tell;
use crate::alarm::unknown::TellUnknown;
use crate::arrivals::Arrivals;
use crate::clock::StoreClock;
use crate::commit::Commit;
use crate::contents::Contents;
use crate::context::Context;
use crate::deliver::dead::{DeadLetters, GiveUp};
use crate::deliver::{Deliver, Sinks};
use crate::gather::Gather;
use crate::health::{CALLBACKS, Health, POLLING, PROVIDER, REPLICAS, STORE};
use crate::held::release::Release;
use crate::inbox::changes::Change;
use crate::inbox::due_times::DueTimes;
use crate::inbox::log_tail::NewEntries;
use crate::inbox::requests::Requests;
use crate::inbox::unknown_words::UnknownWords;
use crate::inbox::{GroupInbox, LogInbox, PollInbox, Queues};
use crate::intake::Intake;
use crate::lag::PollLag;
use crate::limiter::Limiter;
use crate::live::Live;
use crate::liveness::Liveness;
use crate::measured_rules::MeasuredRules;
use crate::metrics::Metrics;
use crate::observe::Observe;
use crate::observe::pages::Pages;
use crate::rate::RateGroups;
use crate::replicas::Replicas;
use crate::route::Route;
use crate::rules::Rules;
use crate::service::pushes::Pushes;
use crate::service::{ReloadRequest, Service};
use crate::settings::Settings;
use crate::silences::Silences;
use crate::store::{Rate, Store};
use crate::traces::Traces;
use crate::traffic::Traffic;

/// How many watches that were polled wait to be written at most, in shards that work.
const MOST_UNCOMMITTED: usize = 1024;

/// How many wait at once for the configuration to be loaded again.
const MOST_RELOADS: usize = 16;

/// The parts of a process, each with what it may touch.
pub(super) struct Wired {
    pub(super) context: Arc<Context>,
    pub(super) observe: Arc<Observe>,
    pub(super) commit: Arc<Commit>,
    pub(super) route: Arc<Route>,
    pub(super) gather: Arc<Gather>,
    pub(super) deliver: Arc<Deliver>,
    pub(super) tell: Arc<Tell>,
    pub(super) tell_unknown: Arc<TellUnknown>,
    pub(super) give_up: Arc<GiveUp>,
    pub(super) replicas: Arc<Replicas>,
    pub(super) release: Arc<Release>,
    pub(super) service: Service,
    /// The way of claimed watches from the first stage to the second.
    pub(super) changes: (mpsc::Sender<Change>, mpsc::Receiver<Change>),
    /// What the second stage has appended to the log, for the third.
    pub(super) appended: mpsc::UnboundedReceiver<NewEntries>,
    pub(super) rules: Arc<Live<dyn Rules>>,
    pub(super) silences: Arc<Silences>,
    pub(super) alarms: Arc<Alarms>,
    /// Who waits for the configuration to be loaded again.
    pub(super) reload_requests: mpsc::Receiver<ReloadRequest>,
}

/// How many unknown messages callbacks may bring.
fn strangers(settings: &Settings, store: &Arc<dyn Store>) -> Limiter {
    let new_per_minute = settings.callbacks.unwrap_or_default().new_per_minute;
    let rate = Rate {
        permits: new_per_minute.max(1),
        per: Duration::from_secs(60),
    };
    Limiter::new(Arc::clone(store), "callbacks", rate)
}

/// Makes the parts of a process whose store says that it is `now`, with no sink yet.
pub(super) fn wire(parts: Parts, now: Timestamp) -> Wired {
    let shards = parts.store.shard_count();
    let mut health = vec![STORE, PROVIDER, POLLING, REPLICAS];
    if parts.settings.callbacks.is_some() {
        health.push(CALLBACKS);
    }
    let health = health.into_iter().map(str::to_owned);
    let context = Arc::new(Context {
        process: format!("{:016x}", fastrand::u64(..)),
        provider: parts.provider.name(),
        store: parts.store,
        privacy: parts.privacy,
        clock: StoreClock::new(now),
        metrics: Metrics::new(parts.settings.config_hash),
        health: Health::new(health),
        store_failures: AtomicU64::new(0),
        liveness: Liveness::new(),
        contents: Contents::default(),
        arrivals: Arrivals::default(),
        poll_lag: PollLag::default(),
        traces: Traces::to(parts.tracer),
        settings: Live::new(Arc::new(parts.settings)),
    });
    let polls = Arc::new(PollInbox::new(shards));
    let commits = Arc::new(Intake::new(shards, MOST_UNCOMMITTED));
    let (log, appended) = LogInbox::new(shards);
    let log = Arc::new(log);
    let groups = Arc::new(GroupInbox::new(shards));
    let rates = Arc::new(GroupInbox::new(shards));
    let alarms = Arc::new(Alarms::new(context.settings().alarms));
    let unknown = Arc::new(UnknownWords::default());
    let dead = Arc::new(DeadLetters::default());
    let traffic = Arc::new(Traffic::default());
    let queues = Queues::none();
    let sinks = Arc::new(Sinks::new(queues.clone()));
    let measured = MeasuredRules::new(parts.rules, Arc::clone(&context));
    let live: Arc<Live<dyn Rules>> = Arc::new(Live::new(Arc::new(measured)));
    let rules: Arc<dyn Rules> = live.clone();
    let silences = Arc::new(Silences::new(Arc::clone(&rules)));
    let (reloads, reload_requests) = mpsc::channel(MOST_RELOADS);
    let changes = mpsc::channel(context.settings().provider.concurrency.max(64));
    let requests = Requests {
        context: Arc::clone(&context),
        changes: changes.0.downgrade(),
        commits: Arc::clone(&commits),
    };
    let [held, campaigns] = [(); 2].map(|()| Arc::new(DueTimes::new(usize::from(shards))));
    let pushes = Arc::new(Pushes {
        provider: Arc::clone(&parts.provider),
        unknown: Arc::clone(&unknown),
        log: Arc::clone(&log),
        held: Arc::clone(&held),
        strangers: strangers(&context.settings(), &context.store),
    });
    Wired {
        observe: Arc::new(Observe {
            context: Arc::clone(&context),
            provider: parts.provider,
            alarms: Arc::clone(&alarms),
            inbox: Arc::clone(&polls),
            log: Arc::clone(&log),
            commits: Arc::clone(&commits),
            pages: Pages {
                context: Arc::clone(&context),
                requests: requests.clone(),
                rules: Arc::clone(&rules),
            },
            campaigns: Arc::clone(&campaigns),
        }),
        release: Arc::new(Release {
            context: Arc::clone(&context),
            requests: requests.clone(),
            due: held,
        }),
        commit: Arc::new(Commit {
            context: Arc::clone(&context),
            inbox: Arc::clone(&commits),
            polls: Arc::clone(&polls),
            log: Arc::clone(&log),
            rules: Arc::clone(&rules),
            unknown: Arc::clone(&unknown),
        }),
        route: Arc::new(Route {
            context: Arc::clone(&context),
            rules: Arc::clone(&live),
            inbox: Arc::clone(&log),
            groups: Arc::clone(&groups),
            rates: Arc::clone(&rates),
            rate_groups: RateGroups::default(),
            queues: queues.clone(),
            traffic: Arc::clone(&traffic),
            silences: Arc::clone(&silences),
        }),
        gather: Arc::new(Gather {
            context: Arc::clone(&context),
            rules: Arc::clone(&rules),
            inbox: groups,
            rates,
            log: Arc::clone(&log),
            queues: queues.clone(),
            traffic,
            silences: Arc::clone(&silences),
        }),
        deliver: Arc::new(Deliver {
            context: Arc::clone(&context),
            queues,
            dead: Arc::clone(&dead),
            silences: Arc::clone(&silences),
        }),
        tell_unknown: Arc::new(TellUnknown {
            context: Arc::clone(&context),
            words: unknown,
            log: Arc::clone(&log),
        }),
        tell: Arc::new(Tell {
            context: Arc::clone(&context),
            alarms: Arc::clone(&alarms),
            log: Arc::clone(&log),
        }),
        give_up: Arc::new(GiveUp {
            context: Arc::clone(&context),
            log: Arc::clone(&log),
            dead,
        }),
        replicas: Arc::new(Replicas {
            context: Arc::clone(&context),
            polls,
        }),
        service: Service {
            context: Arc::clone(&context),
            rules,
            log,
            requests,
            pushes,
            campaigns,
            sinks,
            counts: Arc::default(),
            tests: Arc::default(),
            reloads,
            silences: Arc::clone(&silences),
        },
        rules: live,
        silences,
        alarms,
        reload_requests,
        changes,
        appended,
        context,
    }
}
