//! What a form hands in, read within bounds, and only if a page of ours was asked for it.

use axum::RequestExt as _;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::Response;

use super::fields::Fields;
use super::visit::Visit;
use crate::auth::{Entrance, is_own_form};
use crate::door::StartupGate;
use crate::problem::Problem;

/// How large a form may be, in bytes: an event that is pasted takes a few kilobytes.
pub(super) const MAX_FORM: usize = 256 * 1024;

/// The field that shows where a form comes from.
const KEY: &str = "form_key";

/// A form of a page of ours, from a visitor who may change things.
pub(super) struct Form {
    pub(super) visit: Visit,
    pub(super) fields: Fields,
}

impl FromRequest<StartupGate> for Form {
    type Rejection = Response;

    async fn from_request(mut request: Request, gate: &StartupGate) -> Result<Self, Response> {
        let visit: Visit = request.extract_parts_with_state(gate).await?;
        let (fields, is_own) = match own_fields(request, gate).await {
            Ok(read) => read,
            Err(problem) => return Err(visit.refuse(&problem)),
        };
        if !is_own {
            return Err(visit.refuse(&old_form()));
        }
        if !visit.frame.visitor.may_change {
            return Err(visit.refuse(&reads_only()));
        }
        Ok(Self { visit, fields })
    }
}

/// The fields of a request, and whether a page of ours was given to the same browser with this form.
pub(super) async fn own_fields(
    request: Request,
    gate: &StartupGate,
) -> Result<(Fields, bool), Problem> {
    let entrance = request.extensions().get::<Entrance>().cloned();
    // Browsers say so themselves; what they do not say the form's key says.
    let site = request.headers().get("sec-fetch-site");
    let is_from_here = site.is_none_or(|site| site == "same-origin");
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| {
            media_type
                .as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
    if !is_form {
        return Ok((Fields::default(), false));
    }
    let body = Bytes::from_request(request, gate).await.map_err(|_| {
        let kilobytes = MAX_FORM / 1024;
        Problem::invalid(format!("a form has {kilobytes} KiB at most"))
    })?;
    let fields = Fields::read(&body);
    let key = fields.get(KEY).unwrap_or_default();
    let is_own = entrance.is_some_and(|entrance| is_own_form(&entrance, key));
    Ok((fields, is_own && is_from_here))
}

fn old_form() -> Problem {
    Problem::forbidden(
        "this form is too old, or another page sent it; go back, load the page again, and send it once more",
    )
}

fn reads_only() -> Problem {
    Problem::forbidden("the token with which you logged in reads everything and changes nothing")
}
