//! The `console` sink: prints alerts for people, as they would appear in a chat.

use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_plugin::async_trait;
use smswatch_plugin::model::{Notification, Severity};
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, NoOverrides, Receipt, Sink, SinkContext,
};

use crate::output::print_soon;
use crate::plain::plain;

/// Prints alerts on standard output; in color only on a terminal.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsoleConfig {}

/// Prints alerts on standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConsoleSink;

impl ConfiguredSink for ConsoleSink {
    type Config = ConsoleConfig;
    type Overrides = NoOverrides;

    fn configure(_: ConsoleConfig, _: &SinkContext) -> Result<Self, InvalidConfig> {
        Ok(Self)
    }
}

#[async_trait]
impl Sink for ConsoleSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let printed = print_soon(render(notification)).await;
        printed
            .map_err(|error| DeliveryError::temporary("could not print").because(error.cause()))?;
        Ok(Receipt::new("printed"))
    }
}

/// The alert in a few lines, with escape sequences for color.
fn render(notification: &Notification) -> String {
    let (mark, color) = match notification.severity {
        Severity::Info => ("info", AnsiColor::Cyan),
        Severity::Warning => ("warning", AnsiColor::Yellow),
        Severity::Critical => ("CRITICAL", AnsiColor::Red),
    };
    let color = match notification.is_resolved() {
        true => AnsiColor::Green,
        false => color,
    };
    let strong = Style::new().bold().fg_color(Some(color.into()));
    let faint = Style::new().dimmed();
    let title = plain(&notification.title);
    let mut text = format!("{strong}{mark:<8}{strong:#} {title}\n");
    for line in notification.text.lines() {
        text.push_str(&format!("         {}\n", plain(line)));
    }
    for link in &notification.links {
        let (title, url) = (plain(&link.title), plain(&link.url));
        text.push_str(&format!("         {title}: {url}\n"));
    }
    let rule = plain(&notification.rule);
    let id = &notification.delivery_id;
    text.push_str(&format!("         {faint}rule {rule}, {id}{faint:#}\n\n"));
    text
}

#[cfg(test)]
mod tests {
    use smswatch_plugin::model::Link;
    use smswatch_testkit::sample;

    use super::*;

    #[test]
    fn colors_stand_beside_the_words() {
        let alerts = [sample::worded(), sample::worded_group(), sample::resolved()];
        let rendered = alerts.iter().map(render).collect::<String>();
        insta::assert_snapshot!(rendered.replace('\u{1b}', "␛"));
    }

    #[test]
    fn an_alert_is_readable_without_color() {
        let notification = Notification {
            text: "line\u{1b}[2J one\nline two".to_owned(),
            links: vec![Link {
                title: "Run\u{1b}book".to_owned(),
                url: "https://wiki.example.com/sms/GR".to_owned(),
            }],
            ..sample::notification()
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&render(&notification)).to_string());
    }
}
