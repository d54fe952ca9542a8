//! `smswatch sink test`: one notification through the real path, and what came of it.

use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};

use super::{field, print, print_json};
use crate::cli::SinkTestArgs;
use crate::client::Client;

pub(crate) async fn sink_test(args: SinkTestArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let (path, body) = (["v1", "sinks", &args.name, "test"], json!({}));
    let testing = client.post(&path, &body);
    let Ok(test) = tokio::time::timeout(Duration::from_secs(args.wait), testing).await else {
        bail!("{}: nothing came of it within {} s", args.name, args.wait);
    };
    let test = test?;
    if args.output.json {
        print_json(&test)?;
    }
    let said = said(&args.name, &test);
    match said {
        Ok(text) if args.output.json => drop(text),
        Ok(text) => print(&text)?,
        Err(text) => bail!(text),
    }
    Ok(())
}

/// What came of a test, in a line for people; an error where the notification was not delivered.
fn said(name: &str, test: &Value) -> Result<String, String> {
    let detail = field(test, "/detail");
    match field(test, "/result") {
        "delivered" => Ok(format!("{name}: delivered: {detail}\n")),
        "failed" => Err(format!(
            "{name}: not delivered: {detail}. It is not tried again"
        )),
        _ => Err(detail.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_a_test_is_said_in_one_line() {
        let said = |result, detail| said("pager", &json!({"result": result, "detail": detail}));
        assert_eq!(
            said("delivered", "taken"),
            Ok("pager: delivered: taken\n".to_owned())
        );
        assert_eq!(
            said("failed", "it answered 500"),
            Err("pager: not delivered: it answered 500. It is not tried again".to_owned())
        );
        assert_eq!(
            said("not_tried", "pager is paused since 12:00"),
            Err("pager is paused since 12:00".to_owned())
        );
    }
}
