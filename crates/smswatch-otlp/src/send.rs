//! Sends batches, tries again where that can help, and logs when the receiver does not take them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use smswatch_outbound::{ClientOptions, HttpClient, Route, address, read_body};
use smswatch_plugin::traces::TraceSpan;
use smswatch_plugin::{VERSION, retry_after};
use tokio_util::sync::CancellationToken;

use crate::counts::Counts;
use crate::encode::{Origin, request};
use crate::options::{ExporterOptions, InvalidOptions, endpoint, header};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long is waited after each try of one batch but the last.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// How long is waited at most when the receiver asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How much of an answer is read.
const MOST_ANSWER: usize = 64 * 1024;

/// Sends batches of spans to one receiver.
#[derive(Debug)]
pub(crate) struct Sender {
    http: HttpClient,
    url: Url,
    headers: HeaderMap,
    origin: Origin,
    counts: Arc<Counts>,
    /// The latest batch was not taken, and that was said.
    is_failing: bool,
}

/// Tries whether traces would be taken, by a batch of no steps, which leaves nothing behind. Returns who takes them.
///
/// # Errors
///
/// They would not; the text says why, for people.
pub async fn probe(options: &ExporterOptions) -> Result<String, String> {
    let sender = Sender::new(options, Arc::default()).map_err(|error| error.to_string())?;
    match sender.try_once(Vec::new()).await {
        Ok(_) => Ok(format!("{} takes traces", address(&sender.url))),
        Err(refused) => Err(refused.why),
    }
}

/// Why a batch was not taken.
struct Refused {
    why: String,
    /// When it may be tried again, at the earliest; `None` if that cannot help.
    again: Option<Duration>,
}

impl Sender {
    pub(crate) fn new(
        options: &ExporterOptions,
        counts: Arc<Counts>,
    ) -> Result<Self, InvalidOptions> {
        let url = endpoint(&options.endpoint).ok_or(InvalidOptions::Endpoint)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let sent = header(name, value).ok_or_else(|| InvalidOptions::Header(name.clone()))?;
            headers.insert(sent.0, sent.1);
        }
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(CONTENT_TYPE, protobuf);
        let user_agent = format!("smswatch/{VERSION}");
        let client = ClientOptions {
            urls: &[&url],
            route: Route::new(&options.proxy),
            user_agent: &user_agent,
            follows_redirects: false,
            trusted: None,
        };
        let http = HttpClient::new(client, |client| client.timeout(TIMEOUT))?;
        let origin = Origin {
            service_name: options.service_name.clone(),
            instance: format!("{:016x}", fastrand::u64(..)),
        };
        Ok(Self {
            http,
            url,
            headers,
            origin,
            counts,
            is_failing: false,
        })
    }

    /// Sends a batch, several times if need be, but only once more after `stop`. What the receiver does not take is
    /// dropped and counted.
    pub(crate) async fn send(&mut self, spans: &[TraceSpan], stop: &CancellationToken) {
        if spans.is_empty() {
            return;
        }
        let n_spans = u64::try_from(spans.len()).unwrap_or(u64::MAX);
        let body = request(&self.origin, spans);
        let mut pauses = PAUSES.into_iter();
        loop {
            let refused = match self.try_once(body.clone()).await {
                Ok(n_refused) => {
                    let n_refused = n_refused.min(n_spans);
                    add(&self.counts.exported, n_spans - n_refused);
                    add(&self.counts.failed, n_refused);
                    return self.well();
                }
                Err(refused) => refused,
            };
            self.unwell(&refused.why);
            let pause = refused.again.zip(pauses.next());
            let is_last = stop.is_cancelled();
            let Some((asked, pause)) = pause.filter(|_| !is_last) else {
                return add(&self.counts.failed, n_spans);
            };
            let pause = tokio::time::sleep(asked.clamp(pause, LONGEST_PAUSE));
            stop.run_until_cancelled(pause).await;
        }
    }

    /// Sends a batch once; returns how many of its spans were refused by a receiver that took the others.
    async fn try_once(&self, body: Vec<u8>) -> Result<u64, Refused> {
        let asked = self.http.client().post(self.url.clone());
        let asked = asked.headers(self.headers.clone()).body(body);
        let answer = asked.send().await.map_err(|error| Refused {
            why: self.http.explain(&error, &self.url),
            again: Some(Duration::ZERO),
        })?;
        let status = answer.status();
        if !status.is_success() {
            return Err(self.refused(status, &answer));
        }
        let body = read_body(answer, MOST_ANSWER).await.unwrap_or_default();
        let told = ExportTraceServiceResponse::decode(body).unwrap_or_default();
        let refused = told.partial_success.unwrap_or_default();
        Ok(self.partly(&refused))
    }

    fn refused(&self, status: StatusCode, answer: &Response) -> Refused {
        let head = |name: &str| answer.headers().get(name)?.to_str().ok();
        let wanted = retry_after(head, SystemTime::now());
        // The four that OTLP names; anything else the receiver would say again.
        let can_be_again = matches!(status.as_u16(), 429 | 502 | 503 | 504);
        Refused {
            why: format!("{} answered {}", address(&self.url), status.as_u16()),
            again: can_be_again.then(|| wanted.unwrap_or_default()),
        }
    }

    fn partly(&self, refused: &ExportTracePartialSuccess) -> u64 {
        let n_refused = u64::try_from(refused.rejected_spans).unwrap_or(0);
        if n_refused > 0 {
            let (receiver, why) = (address(&self.url), &refused.error_message);
            tracing::debug!(n_refused, "{receiver} refuses some spans of traces: {why}");
        }
        n_refused
    }

    fn well(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            tracing::info!("traces are taken again by {}", address(&self.url));
        }
    }

    fn unwell(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(
                "traces are not taken by the receiver, and are dropped while that lasts: {why}"
            );
        }
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}
