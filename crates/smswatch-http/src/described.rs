//! Routes that say what they take and answer: a route gets into the router with its description only.

mod document;
mod operation;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

pub(crate) use self::document::document;
pub(crate) use self::operation::Operation;
use crate::door::StartupGate;

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Open,
    /// Anybody; who has a token is told more.
    OpenWithMore,
    /// Who has a token, where there are tokens.
    Token,
    /// Who knows a secret in the path, from any address.
    Secret,
}

/// Which routes there are below a path, and what each takes and answers.
pub(crate) struct Routes<S = StartupGate> {
    prefix: &'static str,
    access: Access,
    /// Whether they are answered by the service, once it has started.
    needs_service: bool,
    router: Router<S>,
    described: Vec<Described>,
}

/// A route and its description.
pub(crate) struct Described {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) access: Access,
    pub(crate) needs_service: bool,
    pub(crate) operation: Operation,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Routes below `prefix` that the service answers.
    pub(crate) fn of_service(prefix: &'static str, access: Access) -> Self {
        Self {
            prefix,
            access,
            needs_service: true,
            router: Router::new(),
            described: Vec::new(),
        }
    }

    /// Routes that are answered before the service has started, too.
    pub(crate) fn of_process() -> Self {
        Self {
            needs_service: false,
            ..Self::of_service("", Access::Open)
        }
    }

    pub(crate) fn get<H, T>(self, path: &str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::GET, MethodFilter::GET, path, handler, operation)
    }

    pub(crate) fn post<H, T>(self, path: &str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(Method::POST, MethodFilter::POST, path, handler, operation)
    }

    pub(crate) fn delete<H, T>(self, path: &str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = MethodFilter::DELETE;
        self.add(Method::DELETE, filter, path, handler, operation)
    }

    fn add<H, T>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &str,
        handler: H,
        operation: Operation,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.router = self.router.route(path, on(filter, handler));
        self.described.push(Described {
            method,
            path: format!("{}{path}", self.prefix),
            access: self.access,
            needs_service: self.needs_service,
            operation,
        });
        self
    }

    /// The routes alone, below their prefix.
    pub(crate) fn into_router(self) -> Router<S> {
        self.router
    }

    /// The descriptions alone.
    pub(crate) fn into_described(self) -> Vec<Described> {
        self.described
    }
}
