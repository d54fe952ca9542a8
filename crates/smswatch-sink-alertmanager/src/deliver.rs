//! One alert: where it goes, and with which labels.

use std::collections::BTreeMap;

use smswatch_sink_kit::{
    Clock, ConfiguredSink, DeliveryError, HttpClient, InvalidConfig, Method, Notification, Probe,
    Receipt, Sink, SinkContext, async_trait,
};

use crate::config::{Lifetimes, check_labels};
use crate::{AlertmanagerConfig, AlertmanagerOverrides, render};

/// Posts alerts to Alertmanager.
#[derive(Debug)]
pub struct AlertmanagerSink {
    http: HttpClient,
    labels: BTreeMap<String, String>,
    lifetimes: Lifetimes,
    clock: Clock,
}

impl ConfiguredSink for AlertmanagerSink {
    type Config = AlertmanagerConfig;
    type Overrides = AlertmanagerOverrides;

    fn configure(config: AlertmanagerConfig, context: &SinkContext) -> Result<Self, InvalidConfig> {
        check_labels(&config.labels)?;
        let lifetimes = Lifetimes::of(&config)?;
        let mut http = HttpClient::to("url", config.url.reveal(), context).allow_private(true);
        if let Some(token) = &config.token {
            http = http.bearer("token", token);
        }
        Ok(Self {
            http: http.build()?,
            labels: config.labels,
            lifetimes,
            clock: context.clock.clone(),
        })
    }

    fn check_overrides(&self, overrides: &AlertmanagerOverrides) -> Result<(), InvalidConfig> {
        check_labels(&overrides.labels)
    }

    fn is_default(&self, key: &str, overrides: &AlertmanagerOverrides) -> bool {
        let has = |(name, value): (&String, &String)| self.labels.get(name) == Some(value);
        key == "labels" && overrides.labels.iter().all(has)
    }
}

#[async_trait]
impl Sink for AlertmanagerSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let overrides = Self::overrides_of(notification)?.unwrap_or_default();
        let mut labels = self.labels.clone();
        labels.extend(overrides.labels);
        let alert = render::alert(notification, labels, self.lifetimes, self.clock.now());
        let request = self
            .http
            .request(Method::POST, self.http.below("api/v2/alerts"));
        request.json(&[alert]).send().await?.receipt().await
    }

    /// Asks Alertmanager whether it is ready, which also tries the credentials.
    async fn probe(&self) -> Result<Probe, DeliveryError> {
        let ready = self.http.request(Method::GET, self.http.below("-/ready"));
        ready.send().await?.receipt().await?;
        Ok(Probe::Answered("Alertmanager is ready".to_owned()))
    }
}
