//! The table of all routes: what answers each, and what it takes and answers.

use smswatch_api::campaigns::{CampaignReply, CampaignsQuery};
use smswatch_api::deliveries::{
    DeliveriesQuery, DeliveryReply, DroppedReply, EndedRequest, QueuedReply, RetriedReply,
};
use smswatch_api::events::{EventsQuery, StreamQuery};
use smswatch_api::groups::GroupReply;
use smswatch_api::health::{AliveReply, ReadyReply, StatusReply};
use smswatch_api::reload::ReloadReply;
use smswatch_api::rules::RuleReply;
use smswatch_api::set_aside::{SetAsideQuery, SetAsideReply};
use smswatch_api::silences::{
    ProposalQuery, ProposalReply, SilenceReply, SilenceRequest, SilencesQuery,
};
use smswatch_api::sinks::{SinkReply, SinkTestReply};
use smswatch_api::stats::{StatsQuery, StatsReply};
use smswatch_api::watches::{
    RegisteredReply, TimelineReply, WatchReply, WatchRequest, WatchedReply, WatchesQuery,
};
use smswatch_model::Event;

use super::{
    alerts, campaigns, deliveries, events, front_page, groups, health, redrive, reload, rules,
    set_aside, silences, sinks, stats, stream, stuck, watches,
};
use crate::described::{Access, Operation, Routes};

/// The prefix of everything that needs a token.
pub(crate) const V1: &str = "/v1";

/// What is answered before the service has started.
pub(super) fn of_process() -> Routes {
    Routes::of_process()
        .get(
            "/",
            front_page::show,
            Operation::new("frontPage", "A short page with the calls of the API")
                .tells("text/html", "the page"),
        )
        .get(
            "/healthz",
            health::alive,
            Operation::new(
                "alive",
                "Whether the process answers, and no part of it hangs",
            )
            .answers::<AliveReply>(200, "it does")
            .answers::<AliveReply>(503, "a part of it hangs: it is to be started anew"),
        )
}

/// What needs the service, and no token.
pub(super) fn of_health() -> Routes {
    Routes::of_service("", Access::OpenWithMore)
        .get(
            "/readyz",
            health::ready,
            Operation::new("ready", "Whether the process does its work")
                .answers::<ReadyReply>(200, "it does")
                .answers::<ReadyReply>(503, "it does not, or not yet"),
        )
        .get(
            "/metrics",
            health::metrics,
            Operation::new("metrics", "Figures for Prometheus")
                .tells("application/openmetrics-text", "the figures"),
        )
}

/// What needs a token.
pub(super) fn of_v1() -> Routes {
    let routes = Routes::of_service(V1, Access::Token);
    let routes = with_watches(routes);
    let routes = with_history(routes);
    let routes = with_redrive(routes);
    let routes = with_silences(routes);
    with_process(with_sinks(routes))
}

fn with_watches(routes: Routes) -> Routes {
    routes
        .get(
            "/watches",
            watches::list,
            Operation::new("listWatches", "Lists the messages that are watched")
                .query::<WatchesQuery>()
                .lists::<WatchReply>(),
        )
        .post(
            "/watches",
            watches::add,
            Operation::new(
                "registerMessages",
                "Registers messages to be watched, and campaigns to be followed",
            )
            .body::<WatchRequest>()
            .answers::<RegisteredReply>(202, "all of them are stored"),
        )
        .get(
            "/watches/{message_id}",
            watches::show,
            Operation::new("getWatch", "Shows one message, or one campaign")
                .answers::<WatchedReply>(200, "what is known of it"),
        )
        .delete(
            "/watches/{message_id}",
            watches::remove,
            Operation::new(
                "removeWatch",
                "Stops watching a message or a campaign and forgets it",
            )
            .ends("it is no longer watched"),
        )
        .get(
            "/watches/{message_id}/timeline",
            watches::timeline,
            Operation::new("getTimeline", "Shows all that happened to one message")
                .answers::<TimelineReply<Event>>(
                    200,
                    "the message, its events with what each rule did with them, its deliveries",
                ),
        )
}

fn with_history(routes: Routes) -> Routes {
    routes
        .get(
            "/alerts",
            alerts::list,
            Operation::new(
                "listAlerts",
                "Lists the alerts that fire, each as the event that told of it, with the figures of now",
            )
            .lists::<Event>(),
        )
        .get(
            "/campaigns",
            campaigns::list,
            Operation::new("listCampaigns", "Lists the campaigns that are followed")
                .query::<CampaignsQuery>()
                .lists::<CampaignReply>(),
        )
        .get(
            "/events",
            events::list,
            Operation::new("listEvents", "Lists events, newest first")
                .query::<EventsQuery>()
                .lists::<Event>(),
        )
        .get(
            "/events/stream",
            stream::follow,
            Operation::new(
                "followEvents",
                "Tells events as they come, as server-sent events",
            )
            .query::<StreamQuery>()
            .header(
                "Last-Event-ID",
                "Goes on behind the event with this `id:`, without a gap.",
            )
            .tells(
                "text/event-stream",
                "events as they come; `data:` is one event",
            ),
        )
        .get(
            "/stuck",
            stuck::list,
            Operation::new(
                "listStuck",
                "Lists the messages that have no final status in the time that a rule gave them, each as the latest event that told so",
            )
            .excerpts::<Event>(),
        )
        .get(
            "/groups",
            groups::list,
            Operation::new(
                "listGroups",
                "Lists the groups of events that wait to be told, the earliest first",
            )
            .excerpts::<GroupReply>(),
        )
        .get(
            "/rules",
            rules::list,
            Operation::new("listRules", "Lists the rules, and how often each fired of late")
                .lists::<RuleReply>(),
        )
        .get(
            "/stats",
            stats::show,
            Operation::new(
                "getStats",
                "Counts what became of messages in the last while",
            )
            .query::<StatsQuery>()
            .answers::<StatsReply>(200, "the counts"),
        )
        .get(
            "/deliveries",
            deliveries::list,
            Operation::new("listDeliveries", "Lists deliveries")
                .query::<DeliveriesQuery>()
                .lists::<DeliveryReply>(),
        )
        .get(
            "/deliveries/{id}",
            deliveries::show,
            Operation::new("getDelivery", "Shows one delivery with its attempts")
                .answers::<DeliveryReply>(200, "the delivery"),
        )
}

fn with_redrive(routes: Routes) -> Routes {
    routes
        .delete(
            "/deliveries/{id}",
            redrive::drop_dead,
            Operation::new("dropDelivery", "Drops a dead letter")
                .ends("it is gone")
                .fails(409),
        )
        .post(
            "/deliveries/{id}/retry",
            redrive::retry,
            Operation::new(
                "retryDelivery",
                "Sends a delivery that has ended again, under its id",
            )
            .answers::<QueuedReply>(202, "it is on its way again")
            .fails(409),
        )
        .post(
            "/deliveries/retry",
            redrive::retry_all,
            Operation::new("retryDeliveries", "Sends again all that the filter names")
                .body::<EndedRequest>()
                .answers::<RetriedReply>(202, "they are on their way again"),
        )
        .post(
            "/deliveries/drop",
            redrive::drop_all,
            Operation::new(
                "dropDeliveries",
                "Drops all dead letters that the filter names",
            )
            .body::<EndedRequest>()
            .answers::<DroppedReply>(200, "they are gone"),
        )
}

fn with_silences(routes: Routes) -> Routes {
    routes
        .get(
            "/silences",
            silences::list,
            Operation::new(
                "listSilences",
                "Lists open maintenance windows and silences, the active ones first",
            )
            .query::<SilencesQuery>()
            .lists::<SilenceReply>(),
        )
        .post(
            "/silences",
            silences::add,
            Operation::new("addSilence", "Makes a silence")
                .body::<SilenceRequest>()
                .answers::<SilenceReply>(201, "the silence"),
        )
        .get(
            "/silences/proposal",
            silences::propose,
            Operation::new(
                "proposeSilence",
                "Proposes what holds back what a delivery told",
            )
            .query::<ProposalQuery>()
            .answers::<ProposalReply>(200, "what to match")
            .fails(404),
        )
        .get(
            "/silences/{id}",
            silences::show,
            Operation::new("getSilence", "Shows one silence")
                .answers::<SilenceReply>(200, "the silence"),
        )
        .delete(
            "/silences/{id}",
            silences::end,
            Operation::new("endSilence", "Ends a silence").ends("it has ended"),
        )
}

fn with_sinks(routes: Routes) -> Routes {
    routes
        .get(
            "/sinks",
            sinks::list,
            Operation::new(
                "listSinks",
                "Lists the sinks, and whether each takes deliveries",
            )
            .lists::<SinkReply>(),
        )
        .post(
            "/sinks/{name}/test",
            sinks::test,
            Operation::new("testSink", "Makes one attempt with a test notification")
                .answers::<SinkTestReply>(200, "what came of it"),
        )
        .post(
            "/sinks/{name}/pause",
            sinks::pause,
            Operation::new("pauseSink", "Holds a sink back until it is resumed")
                .answers::<SinkReply>(200, "how the sink is"),
        )
        .post(
            "/sinks/{name}/resume",
            sinks::resume,
            Operation::new("resumeSink", "Lets a sink have its deliveries again")
                .answers::<SinkReply>(200, "how the sink is"),
        )
}

fn with_process(routes: Routes) -> Routes {
    routes
        .post(
            "/reload",
            reload::reload,
            Operation::new("reload", "Loads the configuration again")
                .answers::<ReloadReply>(200, "it holds from now on")
                .fails(409)
                .fails(422),
        )
        .get(
            "/set-aside",
            set_aside::list,
            Operation::new("listSetAside", "Lists log entries that could not be routed")
                .query::<SetAsideQuery>()
                .lists::<SetAsideReply>(),
        )
        .get(
            "/status",
            health::status,
            Operation::new(
                "getStatus",
                "How the process is, and how much there is of everything",
            )
            .answers::<StatusReply>(200, "how it is"),
        )
}
