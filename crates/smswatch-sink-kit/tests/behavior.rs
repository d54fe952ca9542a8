//! The client keeps its promises, against real receivers.

#[path = "behavior/addresses.rs"]
mod addresses;
#[path = "behavior/answers.rs"]
mod answers;
#[path = "behavior/requests.rs"]
mod requests;

use smswatch_sink_kit::{
    DeliveryError, HttpClient, HttpClientBuilder, InvalidConfig, Receipt, SinkContext,
};
use smswatch_testkit::receiver::Receiver;

/// A client to be for `url`, that reaches loopback.
fn to(url: &str) -> HttpClientBuilder {
    HttpClient::to("url", url, &SinkContext::new("pager")).allow_private(true)
}

fn made(builder: HttpClientBuilder) -> HttpClient {
    builder.build().expect("the configuration is valid")
}

/// A client for `receiver` with nothing but its URL.
fn plain(receiver: &Receiver) -> HttpClient {
    made(to(&receiver.url("/hook")))
}

/// One attempt, judged by the table as it is.
async fn deliver(http: &HttpClient) -> Result<Receipt, DeliveryError> {
    http.post().json("an alert").send().await?.receipt().await
}

/// Why there is no client.
fn refused(builder: HttpClientBuilder) -> InvalidConfig {
    builder.build().expect_err("the configuration is not valid")
}
