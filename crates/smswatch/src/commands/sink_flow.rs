//! `smswatch sink pause` and `sink resume`: hold a sink back and let it go, and tell how it is then.

use serde_json::{Value, json};

use super::{field, print, print_json};
use crate::cli::SinkArgs;
use crate::client::Client;

/// Does `action`, the last word of the path.
pub(crate) async fn change(args: SinkArgs, action: &str) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let state = client
        .post(&["v1", "sinks", &args.name, action], &json!({}))
        .await?;
    if args.output.json {
        return print_json(&state);
    }
    print(&render(&state))
}

fn render(state: &Value) -> String {
    let how = match field(state, "/state") {
        "paused" => format!("paused since {}", field(state, "/paused_since")),
        "open" => format!(
            "down since {} and tried now: {}",
            field(state, "/open_since"),
            field(state, "/open_reason")
        ),
        "held" => format!(
            "its receiver wants nothing until {}",
            field(state, "/held_until")
        ),
        word => word.to_owned(),
    };
    let sink = field(state, "/sink");
    let mut text = format!("{sink}: {how}\n");
    for held in state["destinations"].as_array().into_iter().flatten() {
        let (destination, trouble) = (field(held, "/destination"), field(held, "/trouble"));
        text.push_str(&format!("{sink}, {destination}: {trouble}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(state: &str) -> String {
        render(&json!({
            "sink": "crm", "state": state, "paused_since": "2026-05-01T10:28:50Z",
            "open_since": "2026-05-01T09:00:00Z", "open_reason": "the receiver answered 500",
            "held_until": "2026-05-01T11:00:00Z",
        }))
    }

    #[test]
    fn each_state_is_said_in_one_line() {
        let all = ["paused", "open", "held", "delivering"].map(said).concat();
        insta::assert_snapshot!(all, @r"
        crm: paused since 2026-05-01T10:28:50Z
        crm: down since 2026-05-01T09:00:00Z and tried now: the receiver answered 500
        crm: its receiver wants nothing until 2026-05-01T11:00:00Z
        crm: delivering
        ");
    }
}
