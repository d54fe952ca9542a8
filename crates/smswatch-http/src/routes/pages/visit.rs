//! Who looks at a page, and where they are led.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use smswatch_core::Service;
use smswatch_pages::{Done, Frame};

use super::fields::Fields;
use crate::auth::Entrance;
use crate::door::StartupGate;
use crate::page::{html, starting};
use crate::problem::Problem;

/// A person who may look, with the page around whatever they see.
pub(crate) struct Visit {
    pub(super) frame: Frame,
    pub(super) service: Service,
    /// What stands behind the `?`.
    pub(super) query: Fields,
}

impl FromRequestParts<StartupGate> for Visit {
    /// Who has to log in first is led there, and back afterwards.
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, gate: &StartupGate) -> Result<Self, Response> {
        let Some(service) = gate.service() else {
            return Err(starting(&gate.report()));
        };
        let entrance = parts.extensions.get::<Entrance>();
        let Some(visitor) = entrance.and_then(|entrance| entrance.visitor.clone()) else {
            return Err(lead_to_login(parts));
        };
        let query = Fields::read(parts.uri.query().unwrap_or_default().as_bytes());
        let frame = Frame {
            version: smswatch_plugin::VERSION.to_owned(),
            visitor,
            now: service.now(),
            done: query.get("done").and_then(Done::read),
        };
        Ok(Self {
            frame,
            service,
            query,
        })
    }
}

impl Visit {
    /// The answer that a page is, or why there is none.
    pub(super) fn answer(&self, page: Result<String, Problem>) -> Response {
        match page {
            Ok(page) => html(StatusCode::OK, page),
            Err(problem) => self.refuse(&problem),
        }
    }

    /// A page that says why something was not done.
    pub(super) fn refuse(&self, problem: &Problem) -> Response {
        let status = problem.status();
        let heading = match status {
            StatusCode::NOT_FOUND => "There is nothing here",
            StatusCode::FORBIDDEN => "This was not done",
            status if status.is_server_error() => "This cannot be shown just now",
            _ => "This could not be done",
        };
        let page = smswatch_pages::problem(&self.frame, heading, problem.message());
        html(status, page)
    }
}

/// Leads on to a page after something was done, which that page tells.
pub(super) fn after(page: &str, done: &Done) -> Response {
    let separator = if page.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{page}{separator}done={}", done.parameter())).into_response()
}

fn lead_to_login(parts: &Parts) -> Response {
    let next = match parts.method.is_safe() {
        true => parts.uri.path_and_query().map_or("/", |path| path.as_str()),
        false => "/",
    };
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let login = format!("/login?next={next}");
    // A browser that comes by a link from elsewhere keeps its cookie back. It hands it in where a page of ours leads it,
    // and who has logged in is led on from there.
    let site = parts.headers.get("sec-fetch-site");
    if site.is_some_and(|site| site == "cross-site") && parts.method.is_safe() {
        let refresh = [(
            HeaderName::from_static("refresh"),
            format!("0; url={login}"),
        )];
        return (refresh, html(StatusCode::OK, String::new())).into_response();
    }
    Redirect::to(&login).into_response()
}

/// A path of this server to lead a browser to; `/` for anything that a browser could take for another server.
pub(super) fn own_path(path: &str) -> &str {
    let is_own = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
        && path
            .parse::<Uri>()
            .is_ok_and(|uri| uri.authority().is_none());
    if is_own { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_server() {
        for path in [
            "/",
            "/messages/m1?done=x",
            "/deliveries?state=dead&sink=crm",
        ] {
            assert_eq!(own_path(path), path);
        }
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
            "evil",
        ] {
            assert_eq!(own_path(path), "/", "{path}");
        }
    }
}
