//! Whether the service has started: before, callers are told what it waits for.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::{FromRef, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use smswatch_api::problem::ProblemCode;
use smswatch_core::{HealthReport, Service};

use crate::auth::{Caller, wants_page};
use crate::page::starting;
use crate::problem::Problem;
use crate::replies;

/// Opens the server to a service that starts later than it. Cheap to clone.
///
/// Until then `/healthz` and the front page answer, `/readyz` says what is waited for, and every
/// other call is told to come again.
#[derive(Debug, Clone)]
pub struct StartupGate {
    service: Arc<OnceLock<Service>>,
    waiting: Arc<Mutex<HealthReport>>,
}

impl StartupGate {
    pub(crate) fn closed() -> Self {
        Self {
            service: Arc::default(),
            waiting: Arc::new(Mutex::new(HealthReport::starting())),
        }
    }

    /// Lets callers through to `service` from now on; once open, it stays so.
    pub fn open(&self, service: Service) {
        // It stays open for the first service.
        let _opened = self.service.set(service);
    }

    /// The service, once it has started.
    pub(crate) fn service(&self) -> Option<Service> {
        self.service.get().cloned()
    }

    /// What `/readyz` says until the door opens.
    pub fn say(&self, report: HealthReport) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    /// What is waited for.
    pub(crate) fn report(&self) -> HealthReport {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.clone()
    }
}

impl FromRef<StartupGate> for Service {
    fn from_ref(door: &StartupGate) -> Self {
        let service = door.service.get().cloned();
        service.expect("`keep_closed` lets nobody through before")
    }
}

/// Answers requests until the service has started.
pub(crate) async fn keep_closed(
    State(door): State<StartupGate>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    if door.service.get().is_some() {
        return next.run(request).await;
    }
    if request.uri().path() == "/readyz" {
        let reply = replies::ready(door.report(), caller);
        return (StatusCode::SERVICE_UNAVAILABLE, Json(reply)).into_response();
    }
    if wants_page(request.headers()) {
        return starting(&door.report());
    }
    let message = "smswatch is starting; `/readyz` says what it waits for";
    Problem::try_again(ProblemCode::Starting, message).into_response()
}
