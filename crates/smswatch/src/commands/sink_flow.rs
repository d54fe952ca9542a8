//! `smswatch sink pause` and `sink resume`: hold a sink back and let it go, and tell how it is then.

use serde_json::json;
use smswatch_api::sinks::{SinkReply, SinkState};

use super::{instant, or_dash, print, print_json};
use crate::cli::SinkArgs;
use crate::client::{Client, read};

/// Does `action`, the last word of the path.
pub(crate) async fn change(args: SinkArgs, action: &str) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let told = client
        .post(&["v1", "sinks", &args.name, action], &json!({}))
        .await?;
    if args.call.output.json {
        return print_json(&told);
    }
    print(&render(&read(&told)?))
}

fn render(reply: &SinkReply) -> String {
    let how = match &reply.state {
        SinkState::Paused => format!("paused since {}", instant(reply.paused_since)),
        SinkState::Open => format!(
            "down since {} and tried now: {}",
            instant(reply.open_since),
            or_dash(reply.open_reason.as_deref())
        ),
        SinkState::Held => format!(
            "its receiver asked for a pause until {}",
            instant(reply.held_until)
        ),
        SinkState::Delivering | SinkState::Other(_) => reply.state.to_string(),
    };
    let sink = &reply.sink;
    let mut text = format!("{sink}: {how}\n");
    for held in &reply.destinations {
        let (destination, trouble) = (&held.destination, &held.trouble);
        text.push_str(&format!("{sink}, {destination}: {trouble}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(state: &str) -> String {
        let at = |text: &str| Some(text.parse().expect("an instant"));
        render(&SinkReply {
            state: state.into(),
            sink: "crm".to_owned(),
            rate: None,
            paused_since: at("2026-05-01T10:28:50Z"),
            open_since: at("2026-05-01T09:00:00Z"),
            open_reason: Some("the receiver answered 500".to_owned()),
            held_until: at("2026-05-01T11:00:00Z"),
            destinations: Vec::new(),
        })
    }

    #[test]
    fn each_state_is_said_in_one_line() {
        let all = ["paused", "open", "held", "delivering", "of next year"]
            .map(said)
            .concat();
        insta::assert_snapshot!(all, @r"
        crm: paused since 2026-05-01T10:28:50Z
        crm: down since 2026-05-01T09:00:00Z and tried now: the receiver answered 500
        crm: its receiver asked for a pause until 2026-05-01T11:00:00Z
        crm: delivering
        crm: of next year
        ");
    }
}
