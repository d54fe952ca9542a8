//! `smswatch events`: what happened, and with `--follow` what happens.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use serde_json::Value;
use smswatch_api::events::{EventView, EventsQuery};
use smswatch_api::list::ListReply;

use super::show::summary;
use super::table::Table;
use super::{or_dash, print, print_json, remark, shown_of};
use crate::cli::EventsArgs;
use crate::client::{Client, read};
use crate::plain::plain;

/// How often a following command asks for what is new.
const PACE: Duration = Duration::from_millis(500);

/// How many events a following command remembers having printed.
const REMEMBERED: usize = 10_000;

pub(crate) async fn events(args: EventsArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    if args.follow {
        return follow(&client, &args).await;
    }
    let (found, is_all) = find(&client, &args).await?;
    if args.output.json {
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
    let mut printed = Printed::default();
    let mut is_first = true;
    loop {
        let mut news = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = page(client, args, cursor).await?;
            let n_items = page.items.len();
            let n_known = news.len();
            for told in page.items {
                let event: EventView = read(&told)?;
                if printed.is_new(&event) {
                    news.push((told, event));
                }
            }
            let is_all_new = news.len() - n_known == n_items;
            cursor = page.next;
            // A page with something known on it: everything behind it is known too. One with nothing
            // on it looked through the newest entries and found nothing.
            if is_first || !is_all_new || n_items == 0 || cursor.is_none() {
                break;
            }
        }
        is_first = false;
        for (told, event) in news.iter().rev() {
            if args.output.json {
                print(&format!("{told}\n"))?;
            } else {
                print(&format!("{}\n", plain(&cells(event).join("  "))))?;
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

#[derive(Default)]
struct Printed {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Printed {
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
