//! The searches: `POST /sms/tracking`, the campaign's messages, and a campaign's summary.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, error, invalid, json_bytes, json_value};
use crate::clock::parse_date;
use crate::part::PartView;
use crate::render::{self, Form};
use crate::shape::Shape;
use crate::switches::{ListSwitches, Switches};
use crate::world::World;

/// A filter of the body of `POST /sms/tracking`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    field_name: Field,
    search_term: String,
    #[serde(default)]
    search_operator: Operator,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Field {
    #[serde(rename = "smsId")]
    SmsId,
    #[serde(rename = "to")]
    To,
    #[serde(rename = "status.status")]
    Status,
    #[serde(rename = "direction")]
    Direction,
    #[serde(rename = "label")]
    Label,
    #[serde(rename = "campaign")]
    Campaign,
    /// Not a field to filter by, but one to sort by.
    #[serde(rename = "operator")]
    Operator,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operator {
    #[default]
    Is,
    IsNot,
    Contains,
    StartsWith,
    EndsWith,
}

/// What is asked for.
#[derive(Debug, Default)]
struct Search {
    /// From and to, in Unix milliseconds, both included.
    window: Option<(i64, i64)>,
    campaign_id: Option<String>,
    only_campaigns: bool,
    filters: Vec<Filter>,
    page: usize,
    size: usize,
    sort: Option<(Field, bool)>,
}

impl Field {
    fn of<'a>(self, view: &PartView<'a>) -> &'a str {
        match self {
            Self::SmsId => view.sms_id,
            Self::To => view.to,
            Self::Status => &view.step.status,
            Self::Direction => &view.details.direction,
            Self::Label => view.label.unwrap_or(""),
            Self::Campaign => view.details.campaign_name.as_deref().unwrap_or(""),
            Self::Operator => view.details.operator.as_deref().unwrap_or(""),
        }
    }
}

impl Filter {
    fn matches(&self, view: &PartView<'_>) -> bool {
        let value = self.field_name.of(view);
        let term = self.search_term.as_str();
        match self.search_operator {
            Operator::Is => value == term,
            Operator::IsNot => value != term,
            Operator::Contains => value.contains(term),
            Operator::StartsWith => value.starts_with(term),
            Operator::EndsWith => value.ends_with(term),
        }
    }
}

impl Search {
    /// The first row of the page, when rows move by `shift` from page to page.
    fn first_row(&self, shift: i64) -> usize {
        let moved = i64::try_from(self.page)
            .unwrap_or(i64::MAX)
            .saturating_mul(shift);
        let moved = isize::try_from(moved).unwrap_or(isize::MAX);
        self.page
            .saturating_mul(self.size)
            .saturating_add_signed(moved)
    }

    fn matches(&self, view: &PartView<'_>, list: &ListSwitches) -> bool {
        let compared_ms = if list.window_by_status {
            view.date_ms
        } else {
            view.accepted_ms
        };
        let campaign_id = view.details.campaign_tracking_id.as_deref();
        let filtered = self.filters.is_empty()
            || if list.any_filter {
                self.filters.iter().any(|filter| filter.matches(view))
            } else {
                self.filters.iter().all(|filter| filter.matches(view))
            };
        filtered
            && self
                .window
                .is_none_or(|(from, to)| (from..=to).contains(&compared_ms))
            && (!self.only_campaigns || campaign_id.is_some())
            && self
                .campaign_id
                .as_deref()
                .is_none_or(|wanted| campaign_id == Some(wanted))
    }
}

/// Answers `POST /sms/tracking`. Unless `counts`, the answer will be spoiled on its way.
pub(crate) fn range(
    world: &World,
    query: &str,
    body: &[u8],
    switches: &Switches,
    counts: bool,
) -> Answer {
    let pairs = pairs_of(query);
    let search = paged(&pairs, switches).and_then(|mut search| {
        search.window = Some(window(&pairs, world.clock.now_ms(), switches)?);
        search.campaign_id = pairs.get("trackingId").cloned();
        search.only_campaigns = pairs.get("campaign").is_some_and(|flag| flag == "true");
        if !body.is_empty() {
            search.filters =
                serde_json::from_slice(body).map_err(|trouble| ("filters", trouble.to_string()))?;
        }
        Ok(search)
    });
    match search {
        Ok(search) => page(world, &search, switches, counts),
        Err((field, trouble)) => invalid(field, &trouble, switches.shape.error_code),
    }
}

/// Answers `GET /sms/tracking/campaign/{id}`.
pub(crate) fn campaign_messages(
    world: &World,
    id: &str,
    query: &str,
    switches: &Switches,
    counts: bool,
) -> Answer {
    match paged(&pairs_of(query), switches) {
        Ok(search) => {
            let search = Search {
                campaign_id: Some(id.to_owned()),
                ..search
            };
            page(world, &search, switches, counts)
        }
        Err((field, trouble)) => invalid(field, &trouble, switches.shape.error_code),
    }
}

/// How a campaign stands.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    name: Option<String>,
    /// How many parts have which status.
    pub(crate) statuses: BTreeMap<String, u64>,
    /// Something may still change.
    pub(crate) is_open: bool,
}

/// Counts the statuses of a campaign's messages.
pub(crate) fn summary(world: &World, id: &str) -> Summary {
    let now_ms = world.clock.now_ms();
    let shape = Shape::default();
    let mut summary = Summary::default();
    let mut visit = |view: &PartView<'_>| {
        *summary
            .statuses
            .entry(view.step.status.clone())
            .or_default() += 1;
        summary.is_open |= !view.step.is_final();
        false
    };
    for message in world.messages() {
        if message.details.campaign_tracking_id.as_deref() == Some(id) {
            message.look(now_ms, &shape, &mut visit);
            summary.name.clone_from(&message.details.campaign_name);
        }
    }
    for population in world.populations().iter() {
        if population.spec.campaign_tracking_id.as_deref() == Some(id) {
            for index in 0..population.spec.count {
                population.look(index, now_ms, &shape, &mut visit);
            }
            summary.name.clone_from(&population.spec.campaign_name);
        }
    }
    summary
}

/// Answers `GET /campaigns/{id}`: its state and how many messages have which status.
pub(crate) fn campaign(world: &World, id: &str, shape: &Shape) -> Answer {
    let summary = summary(world, id);
    let sent = world.campaigns().get(id).map(|sent| sent.receipt.clone());
    let by_name = |name| json!({"trackingId": id, "campaignName": name});
    let Some(mut campaign) = sent.or_else(|| summary.name.map(by_name)) else {
        let text = "Campaign not found";
        return error(StatusCode::NOT_FOUND, "404009000", text, shape.error_code);
    };
    campaign["state"] = json!(if summary.is_open {
        "Running"
    } else {
        "Finished"
    });
    campaign["statuses"] = json!(summary.statuses);
    json_value(StatusCode::OK, &campaign)
}

type Trouble = (&'static str, String);

fn pairs_of(query: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn paged(pairs: &BTreeMap<String, String>, switches: &Switches) -> Result<Search, Trouble> {
    let number = |name: &'static str, default: usize| match pairs.get(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| (name, "must be a number from 0 on".to_owned())),
    };
    let list = &switches.list;
    let size = number("size", list.default_size)?;
    if size == 0 || (list.reject_oversize && size > list.max_size) {
        return Err(("size", format!("must be from 1 to {}", list.max_size)));
    }
    let sort = match pairs.get("sort") {
        None => None,
        Some(text) => {
            let (field, direction) = text.split_once(',').unwrap_or((text, "asc"));
            let field = serde_json::from_value(json!(field))
                .map_err(|_| ("sort", "not a known field".to_owned()))?;
            Some((field, direction.eq_ignore_ascii_case("desc")))
        }
    };
    Ok(Search {
        page: number("page", 0)?,
        size: size.min(list.max_size),
        sort,
        ..Search::default()
    })
}

fn window(
    pairs: &BTreeMap<String, String>,
    now_ms: i64,
    switches: &Switches,
) -> Result<(i64, i64), Trouble> {
    let date = |name: &'static str| {
        let text = pairs
            .get(name)
            .ok_or_else(|| (name, "is required".to_owned()))?;
        parse_date(text).ok_or_else(|| (name, "is no ISO-8601 date".to_owned()))
    };
    let (from, to) = (date("dateStart")?, date("dateEnd")?);
    let window_ms = i64::try_from(switches.list.window_ms).unwrap_or(i64::MAX);
    let earliest = now_ms.saturating_sub(window_ms);
    if from > to {
        Err(("dateEnd", "is before dateStart".to_owned()))
    } else if from < earliest && switches.list.reject_old_window {
        Err(("dateStart", "is too long ago".to_owned()))
    } else {
        Ok((from.max(earliest), to))
    }
}

/// Collects the rows of one page; with `sort` all rows are kept until they are in order.
fn page(world: &World, search: &Search, switches: &Switches, counts: bool) -> Answer {
    let now_ms = world.clock.now_ms();
    let (shape, list) = (&switches.shape, &switches.list);
    let first = search.first_row(list.shift);
    let wanted = first..first.saturating_add(search.size);
    let mut total = 0;
    let mut rows: Vec<(String, BytesMut)> = Vec::new();
    let mut visit = |view: &PartView<'_>| {
        if !search.matches(view, list) {
            return false;
        }
        let is_wanted = wanted.contains(&total);
        total += 1;
        if is_wanted || search.sort.is_some() {
            let mut row = BytesMut::new();
            render::part(&mut row, view, shape, Form::Listed);
            let key = search.sort.map_or("", |(field, _)| field.of(view));
            rows.push((key.to_owned(), row));
        }
        counts && is_wanted && search.sort.is_none()
    };
    for message in world.messages() {
        message.look(now_ms, shape, &mut visit);
    }
    let populations: Arc<_> = world.populations();
    let listed = populations
        .iter()
        .filter(|population| population.spec.listed);
    let wanted_campaign = search.campaign_id.as_deref();
    for population in listed {
        let campaign_id = population.spec.campaign_tracking_id.as_deref();
        let is_wanted = match wanted_campaign {
            Some(wanted) => campaign_id == Some(wanted),
            None => !search.only_campaigns || campaign_id.is_some(),
        };
        let accepted = match search.window {
            Some((from, to)) if !list.window_by_status => population.accepted_within(from, to),
            _ => 0..population.spec.count,
        };
        for index in accepted.filter(|_| is_wanted) {
            population.look(index, now_ms, shape, &mut visit);
        }
    }
    if let Some((_, is_descending)) = search.sort {
        rows.sort_by(|left, right| left.0.cmp(&right.0));
        if is_descending {
            rows.reverse();
        }
        rows = rows.into_iter().skip(first).take(search.size).collect();
    }
    write_page(&rows, total, search)
}

fn write_page(rows: &[(String, BytesMut)], total: usize, search: &Search) -> Answer {
    let pages = total.div_ceil(search.size);
    let mut body = BytesMut::with_capacity(512 * rows.len() + 256);
    body.put_slice(b"{\"content\":[");
    for (position, (_, row)) in rows.iter().enumerate() {
        if position > 0 {
            body.put_u8(b',');
        }
        body.put_slice(row);
    }
    body.put_slice(b"],");
    let frame: Value = json!({
        "totalPages": pages, "totalElements": total, "numberOfElements": rows.len(),
        "size": search.size, "number": search.page, "first": search.page == 0,
        "last": search.page + 1 >= pages,
    });
    body.put_slice(&frame.to_string().as_bytes()[1..]);
    json_bytes(StatusCode::OK, body.freeze())
}
