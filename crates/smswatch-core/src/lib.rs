//! The verbs of smswatch: observe, commit, route, gather, deliver.

mod alarm;
mod arrivals;
mod backoff;
mod campaign;
mod clock;
mod commit;
mod contents;
mod context;
mod deliver;
mod engine;
mod event;
mod fingerprint;
mod fired;
mod firing;
mod forget;
mod form;
mod gather;
mod group;
mod health;
mod held;
mod hours;
mod inbox;
mod intake;
mod lag;
mod leased;
mod let_through;
mod limiter;
mod live;
mod liveness;
mod marks;
mod measured_rules;
mod memo;
mod metrics;
mod notification;
mod observe;
mod panics;
mod pause_monitor;
pub mod preview;
mod privacy;
mod rate;
pub mod rehearsal;
mod remembered;
mod replicas;
mod route;
mod schedule;
mod service;
pub mod settings;
mod silences;
mod spoken;
pub mod stats;
mod taken;
mod throttle;
mod throttles;
mod traces;
mod traffic;
mod watch;
mod whose;

pub use clock::store_time;
pub use engine::{Changes, Engine, Parts, Reloader};
pub use fingerprint::config_hash;
pub use fired::Fired;
pub use health::HealthReport;
pub use privacy::Privacy;
pub use service::{
    Backtest, CampaignView, DestinationState, EndedFilter, EventFilter, Followed, FollowedEvent,
    Follower, GivenUp, HeldBackBy, MadeSilence, NewCampaign, NewSilence, NewWatch, PushError,
    Redriven, Registered, Reload, ReloadRequest, Service, ServiceError, SinkPreview, SinkState,
    SinkTest, SinkTestOutcome, Standing, StuckMessages, Taken, Timeline, ToldCount, TriedEvent,
    WaitingGroup, WaitingGroups, WatchView, no_such_sink,
};
pub use silences::Silence;
pub use watch::registration::{MAX_TAG_BYTES, MAX_TAGS};
pub use watch::{Trouble, TroubleKind};

use smswatch_plugin::{Secret, VERSION, budget, codec, provider, record, rules, sink, store};
