//! `smswatch events`: what happened, and with `--follow` what happens.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use serde_json::Value;
use smswatch_api::client::{CallError, EventStream};
use smswatch_api::events::{EventView, EventsQuery, StreamQuery};
use smswatch_api::list::ListReply;
use smswatch_api::problem::ProblemCode;

use super::show::summary;
use super::table::Table;
use super::{or_dash, print, print_json, remark, shown_of};
use crate::cli::EventsArgs;
use crate::client::{Client, read};
use crate::plain::plain;

/// How long a following command waits before it tries for the second time to go on.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two tries.
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// How many events a following command remembers having printed.
const REMEMBERED: usize = 10_000;

pub(crate) async fn events(args: EventsArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    if args.follow {
        return follow(&client, &args).await;
    }
    let (found, is_all) = find(&client, &args).await?;
    if args.call.output.json {
        return print_json(&found);
    }
    let mut table = Table::new(&["TIME", "MESSAGE", "TO", "COUNTRY", "WHAT"]);
    for event in &found {
        table.row(cells(&read(event)?));
    }
    print(&table.render())?;
    if !is_all {
        remark(&shown_of(found.len(), None));
    }
    Ok(())
}

/// The newest events that are wanted, and whether these are all there are. A page may hold fewer than
/// were asked for, even none, and not be the last.
async fn find(client: &Client, args: &EventsArgs) -> anyhow::Result<(Vec<Value>, bool)> {
    let wanted = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut found: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = page(client, args, cursor).await?;
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() || found.len() >= wanted {
            let is_all = cursor.is_none() && found.len() <= wanted;
            found.truncate(wanted);
            return Ok((found, is_all));
        }
    }
}

async fn page(
    client: &Client,
    args: &EventsArgs,
    cursor: Option<String>,
) -> anyhow::Result<ListReply<Value>> {
    let query = EventsQuery {
        message_id: args.message_id.clone(),
        kind: args.kind.clone(),
        cursor,
        limit: Some(args.limit.to_string()),
    };
    client.list(&["v1", "events"], &query).await
}

/// Prints what is there, then what comes, until the command is ended. An event is printed once.
async fn follow(client: &Client, args: &EventsArgs) -> anyhow::Result<()> {
    let mut query = StreamQuery {
        message_id: args.message_id.clone(),
        kind: args.kind.clone(),
        cursor: None,
    };
    // It begins before the list is read, so that nothing falls in between.
    let stream = client.typed().follow(&query).await;
    let mut stream = stream.map_err(|error| client.explain(error))?;
    let mut printed = Printed::default();
    let latest = page(client, args, None).await?;
    for told in latest.items.iter().rev() {
        printed.print(told, args.call.output.json)?;
    }
    loop {
        match stream.next().await {
            Ok(Some(streamed)) => printed.print(&streamed.event, args.call.output.json)?,
            Ok(None) | Err(_) => {
                query.cursor = stream.last_id().map(str::to_owned);
                stream = go_on(client, &mut query).await?;
            }
        }
    }
}

/// Opens a stream that goes on where another one broke, as soon as the service answers again.
async fn go_on(client: &Client, query: &mut StreamQuery) -> anyhow::Result<EventStream> {
    let mut pause = FIRST_PAUSE;
    let mut is_told = false;
    loop {
        match client.typed().follow(query).await {
            Ok(stream) => return Ok(stream),
            Err(CallError::Refused(refused)) if refused.code == ProblemCode::InvalidCursor => {
                remark(
                    "the service does not know any more where this was; some events may be missing",
                );
                query.cursor = None;
            }
            Err(error) if error.may_help_to_ask_again() => {
                if !is_told {
                    let error = client.explain(error);
                    remark(&format!("{error}; going on as soon as it answers"));
                    is_told = true;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
            Err(error) => return Err(client.explain(error)),
        }
    }
}

#[derive(Default)]
struct Printed {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Printed {
    /// Prints an event unless it was printed before.
    fn print(&mut self, told: &Value, is_json: bool) -> anyhow::Result<()> {
        let event: EventView = read(told)?;
        if !self.is_new(&event) {
            return Ok(());
        }
        match is_json {
            true => print(&format!("{told}\n")),
            false => print(&format!("{}\n", plain(&cells(&event).join("  ")))),
        }
    }

    fn is_new(&mut self, event: &EventView) -> bool {
        // A status can come back, so an event's id alone may be printed before.
        let id = format!("{} {}", event.event_id, event.sequence);
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

fn cells(event: &EventView) -> Vec<String> {
    let message = &event.message;
    vec![
        or_dash(Some(&event.time)).to_owned(),
        or_dash(message.message_id.as_deref()).to_owned(),
        or_dash(message.to.as_deref()).to_owned(),
        or_dash(message.country.as_deref()).to_owned(),
        summary(event),
    ]
}
