//! `smswatch sink test`: one notification through the real path, and what came of it.

use std::time::Duration;

use anyhow::bail;
use serde_json::json;
use smswatch_api::sinks::{SinkTestReply, SinkTestResult};

use super::{print, print_json};
use crate::cli::SinkTestArgs;
use crate::client::{Client, read};

pub(crate) async fn sink_test(args: SinkTestArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let path = ["v1", "sinks", &args.name, "test"];
    let body = json!({});
    let testing = client.post(&path, &body);
    let Ok(told) = tokio::time::timeout(Duration::from_secs(args.wait), testing).await else {
        bail!("{}: nothing came of it within {} s", args.name, args.wait);
    };
    let told = told?;
    if args.call.output.json {
        print_json(&told)?;
    }
    match said(&args.name, &read(&told)?) {
        Ok(text) if args.call.output.json => drop(text),
        Ok(text) => print(&text)?,
        Err(text) => bail!(text),
    }
    Ok(())
}

/// What came of a test, in a line for people; an error where the notification was not delivered.
fn said(name: &str, test: &SinkTestReply) -> Result<String, String> {
    let detail = &test.detail;
    match test.result {
        SinkTestResult::Delivered => Ok(format!("{name}: delivered: {detail}\n")),
        SinkTestResult::Failed => Err(format!(
            "{name}: not delivered: {detail}. It is not tried again"
        )),
        SinkTestResult::NotTried | SinkTestResult::Other(_) => Err(detail.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_a_test_is_said_in_one_line() {
        let said = |result: &str, detail: &str| {
            let test = SinkTestReply {
                id: "dlv_1".parse().expect("an id"),
                sink: "pager".to_owned(),
                result: result.into(),
                detail: detail.to_owned(),
            };
            said("pager", &test)
        };
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
