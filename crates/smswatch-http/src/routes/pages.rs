//! The pages for people: each is made of what calls of the API answer, by `smswatch-pages`.

mod assets;
mod campaigns;
mod deliveries;
mod fields;
mod form;
mod login;
mod messages;
mod now;
mod patience;
mod rules;
mod silences;
mod sinks;
mod visit;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use self::form::MAX_FORM;
pub(super) use self::now::show as now;
pub(super) use self::visit::Visit;
use crate::auth::Tokens;
use crate::door::StartupGate;
use crate::trial::RuleReader;

/// What is answered before the service has started, too.
pub(super) fn of_process() -> Router<StartupGate> {
    Router::new().route("/assets/{name}", get(assets::show))
}

/// What needs the service.
pub(super) fn of_service(tokens: Tokens, reader: Option<RuleReader>) -> Router<StartupGate> {
    Router::new()
        .merge(messages::router())
        .merge(deliveries::router())
        .merge(sinks::router())
        .merge(silences::router())
        .merge(rules::router(reader))
        .merge(campaigns::router())
        .merge(login::router(tokens))
        .layer(DefaultBodyLimit::max(MAX_FORM))
}
