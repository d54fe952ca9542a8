//! A sink of one's own: a pager that takes alerts as JSON. `docs/custom-sink.md` goes through it.

use std::process::ExitCode;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use smswatch_sink_kit::{
    ConfiguredSink, DeliveryError, HttpClient, InvalidConfig, Notification, Probe, Receipt, Secret,
    Severity, Sink, SinkContext, async_trait, cut, details, one_line,
};

/// A pager that takes alerts as JSON.
#[derive(Debug, Deserialize, JsonSchema)]
struct PagerConfig {
    /// Where alerts are posted. Example: `https://pager.example.com/v1/alerts`.
    url: String,
    /// The bearer token of its API.
    token: Secret,
    /// The team that is paged. Example: `sms`.
    team: String,
    /// Whether the pager may have a private address. Default: `false`.
    #[serde(default)]
    allow_private: bool,
}

/// What a rule may ask of the pager.
#[derive(Debug, Deserialize, JsonSchema)]
struct PagerOverrides {
    /// Another team to page.
    team: String,
}

#[derive(Debug)]
struct PagerSink {
    http: HttpClient,
    team: String,
}

impl ConfiguredSink for PagerSink {
    type Config = PagerConfig;
    type Overrides = PagerOverrides;

    fn configure(config: PagerConfig, context: &SinkContext) -> Result<Self, InvalidConfig> {
        let http = HttpClient::to("url", &config.url, context)
            .bearer("token", &config.token)
            .allow_private(config.allow_private)
            .build()?;
        let team = config.team;
        Ok(Self { http, team })
    }
}

#[async_trait]
impl Sink for PagerSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let overrides = Self::overrides_of(notification)?;
        let alert = json!({
            "dedup_key": notification.delivery_id,
            "team": overrides.map_or_else(|| self.team.clone(), |asked| asked.team),
            "priority": match notification.severity {
                Severity::Critical => "P1",
                Severity::Warning => "P3",
                Severity::Info => "P5",
            },
            "summary": cut(&one_line(&notification.title), 200),
            "details": details(notification, 4000),
        });
        let answer = self.http.post().json(&alert).send().await?;
        // 409: the pager has this alert already.
        answer.taken_by([409]).receipt().await
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        self.http.probe().await
    }
}

fn main() -> ExitCode {
    smswatch::App::new().sink::<PagerSink>("pager").main()
}

#[cfg(test)]
mod tests {
    use smswatch_testkit::sink_suite::{HttpSink, OverHttp};

    const TOKEN: &str = "tk_7f3Q9xLm2Vb8RzWn";

    struct Pager;

    impl HttpSink for Pager {
        type Sink = super::PagerSink;

        fn config(url: &str) -> serde_json::Value {
            serde_json::json!({"url": url, "token": TOKEN, "team": "sms", "allow_private": true})
        }

        fn secrets() -> Vec<String> {
            vec![TOKEN.to_owned()]
        }
    }

    smswatch_testkit::http_sink_suite!(OverHttp<Pager>);
}
