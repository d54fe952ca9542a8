//! `/v1/reload`: loads the configuration again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use smswatch_api::problem::ProblemCode;
use smswatch_api::reload::ReloadReply;
use smswatch_core::{Reload, Service};

use crate::problem::Problem;

pub(super) async fn reload(State(service): State<Service>) -> Result<Json<ReloadReply>, Problem> {
    match service.reload().await {
        Reload::Done {
            changed,
            needs_restart,
        } => Ok(Json(ReloadReply {
            changed,
            needs_restart,
        })),
        Reload::Refused { problems } => {
            let what = "the new configuration was refused, and the previous one stays in force";
            let message = format!("{what}:\n{}", problems.join("\n"));
            let code = ProblemCode::InvalidConfiguration;
            Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                code,
                message,
            ))
        }
        Reload::Impossible => Err(Problem::new(
            StatusCode::CONFLICT,
            ProblemCode::Conflict,
            "this process has no configuration file that it could load again, or is about to end",
        )),
    }
}
