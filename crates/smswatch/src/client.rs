//! Calls the API of a running service, and words its errors for a terminal.

use anyhow::anyhow;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smswatch_api::client::{self, CallError};
use smswatch_api::list::ListReply;
use smswatch_api::problem::ProblemCode;

use crate::cli::ServiceArgs;
use crate::report::WrongUsage;

/// Speaks to the API of one service.
///
/// What it returns is the JSON that the service told, which `--json` prints as it is. [`read`] makes sense
/// of it for people.
pub(crate) struct Client(client::Client);

/// The service answered, and did not do it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    /// Why not, and what to do.
    pub(crate) message: String,
}

impl Client {
    pub(crate) fn new(service: &ServiceArgs) -> anyhow::Result<Self> {
        let client = client::Client::new(&service.url());
        let client = client.and_then(|client| match service.token() {
            Some(token) => client.with_token(&token),
            None => Ok(client),
        });
        client.map(Self).map_err(|error| explained(error, false))
    }

    pub(crate) async fn get(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.done(self.0.get_json(path, &()).await)
    }

    /// The same; `None` if the service knows no such thing.
    pub(crate) async fn find(&self, path: &[&str]) -> anyhow::Result<Option<Value>> {
        self.query(path, &()).await
    }

    /// The part of a list that `query` asks for, whose fields are texts.
    pub(crate) async fn list(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> anyhow::Result<ListReply<Value>> {
        read(&self.done(self.0.get_json(path, query).await)?)
    }

    /// What a query with these fields, which are texts, is answered; `None` if the service knows no such thing.
    pub(crate) async fn query(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> anyhow::Result<Option<Value>> {
        self.done(self.0.find_json(path, query).await)
    }

    pub(crate) async fn post(&self, path: &[&str], body: &impl Serialize) -> anyhow::Result<Value> {
        self.done(self.0.post_json(path, body).await)
    }

    /// The same; `None` if the service knows no such thing.
    pub(crate) async fn try_post(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> anyhow::Result<Option<Value>> {
        self.done(self.0.try_post_json(path, body).await)
    }

    /// Deletes something, and returns whether it was there.
    pub(crate) async fn delete(&self, path: &[&str]) -> anyhow::Result<bool> {
        self.done(self.0.delete(path).await)
    }

    /// What `/readyz` says, whether it is ready or not.
    pub(crate) async fn readiness(&self) -> anyhow::Result<Value> {
        self.done(self.0.readiness_json().await)
    }

    /// The client itself, for a command that decides by what failed.
    pub(crate) fn typed(&self) -> &client::Client {
        &self.0
    }

    /// What failed, in words for the person at the terminal.
    pub(crate) fn explain(&self, error: CallError) -> anyhow::Error {
        explained(error, self.0.has_token())
    }

    fn done<T>(&self, called: Result<T, CallError>) -> anyhow::Result<T> {
        called.map_err(|error| self.explain(error))
    }
}

/// Makes sense of what the service told, or of a part of it.
///
/// # Errors
///
/// It lacks what every version told so far, or tells it in another form.
pub(crate) fn read<T: DeserializeOwned>(told: &Value) -> anyhow::Result<T> {
    T::deserialize(told).map_err(|error| {
        anyhow!(
            "this version of smswatch cannot read the answer of the one that runs: {error}; `--json` \
             shows it"
        )
    })
}

/// What failed, and which option or variable mends it.
fn explained(error: CallError, has_token: bool) -> anyhow::Error {
    match error {
        CallError::Address => WrongUsage::new(
            "`--url` (or SMSWATCH_URL) must be an http or https URL, such as http://127.0.0.1:8080",
        )
        .into(),
        CallError::Token => WrongUsage::new(
            "the token (`--token` or SMSWATCH_TOKEN) has characters that no header can hold",
        )
        .into(),
        CallError::Unreachable { address, cause } => anyhow!(
            "could not reach smswatch at {address}: {cause}; is it running? `--url` or SMSWATCH_URL \
             names another address"
        ),
        CallError::Foreign { address, status } => {
            let status = match status {
                200..300 => String::new(),
                status => format!(" (status {status})"),
            };
            anyhow!(
                "{address} answers, but it is not smswatch{status}; `--url` or SMSWATCH_URL names \
                 another address"
            )
        }
        CallError::Refused(refused) => Refused {
            message: what_to_do(refused, has_token),
        }
        .into(),
        error => error.into(),
    }
}

fn what_to_do(refused: client::Refused, has_token: bool) -> String {
    let client::Refused {
        address,
        status,
        code,
        message,
        store_trouble,
    } = refused;
    if let Some(trouble) = store_trouble {
        return format!(
            "smswatch cannot use its store ({trouble}); try again when `smswatch status` says that it \
             is well"
        );
    }
    match (status, code) {
        (401, _) if has_token => format!(
            "smswatch at {address} does not accept this token; check `--token` or SMSWATCH_TOKEN"
        ),
        (401, _) => {
            format!("smswatch at {address} wants a token; pass `--token`, or set SMSWATCH_TOKEN")
        }
        // These already say what is wrong with the request.
        (400 | 404 | 409 | 422, _) => message,
        (503, ProblemCode::StoreUnavailable) => format!(
            "smswatch at {address} has trouble with its store; try again when `smswatch status` says \
             that it is well"
        ),
        (503, ProblemCode::Starting) => {
            format!("smswatch at {address} is starting; try again in a moment")
        }
        (status, _) => format!("smswatch answered {status}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use smswatch_api::deliveries::RetriedReply;

    use super::*;

    #[test]
    fn an_answer_that_cannot_be_read_says_what_is_missing() {
        let error =
            read::<RetriedReply>(&json!({"revived": 1})).expect_err("it is of another kind");
        insta::assert_snapshot!(error, @"this version of smswatch cannot read the answer of the one that runs: missing field `retried`; `--json` shows it");
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_wrong_usage() {
        let client = client::Client::new("http://127.0.0.1:8080").expect("a client");
        let error = client
            .with_token("a\nb")
            .expect_err("no header can hold it");
        assert!(
            explained(error, false)
                .downcast_ref::<WrongUsage>()
                .is_some()
        );
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let said = |status: u16, code: &str, has_token| {
            let refused = client::Refused {
                address: "http://127.0.0.1:8080".to_owned(),
                status,
                code: code.into(),
                message: "`sink`: unknown".to_owned(),
                store_trouble: None,
            };
            explained(refused.into(), has_token).to_string()
        };
        let all = [
            said(401, "unauthorized", false),
            said(401, "unauthorized", true),
            said(404, "not_found", true),
            said(409, "conflict", true),
            said(422, "invalid", true),
            said(500, "internal", true),
            said(503, "store_unavailable", true),
            said(503, "starting", true),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
