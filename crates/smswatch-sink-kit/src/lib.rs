#![doc = include_str!("../README.md")]

mod address;
mod answer;
mod body;
mod client;
mod guard;
mod meaning;
mod probe;
mod request;
mod resolve;
mod text;

pub use answer::Answer;
pub use bytes::Bytes;
pub use client::{HttpClient, HttpClientBuilder};
pub use request::Request;
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use reqwest::{Body, Certificate, ClientBuilder, Identity, Method, StatusCode, Url, header};
pub use smswatch_model::{Notification, Severity};
pub use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, NoOverrides, Preview, Probe, Receipt, Retry,
    Sink, SinkContext,
};
pub use smswatch_plugin::{Clock, Redactor, Secret, Span, async_trait, model, schemars};
pub use text::{cut, details, one_line};
