//! Pages of many messages: how one is asked for, and how it is read.

use reqwest::{StatusCode, Url};
use serde::de::{IgnoredAny, MapAccess};
use serde_json::{Value, json};
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::provider::{Filter, ListedPage, Listing};

use crate::item::Item;
use crate::loose::{Fields, Numeric, Object, Text, documented};
use crate::messages::Messages;
use crate::refusal;
use crate::rows::{self, Place, read_object};
use crate::tracking::{InvalidTracking, is_web_page};

/// How a page is asked for.
#[derive(Debug)]
pub(crate) struct Question {
    /// The address, with the number and the size of the page.
    pub(crate) url: Url,
    /// The filters as JSON, where the page is asked for with a body.
    pub(crate) filters: Option<String>,
}

/// What to ask for a page, given the address of tracking.
pub(crate) fn question(tracking: &Url, listing: &Listing, number: u32, size: u32) -> Question {
    let mut url = tracking.clone();
    let filters = match listing {
        Listing::Window { from, to, filters } => {
            url.query_pairs_mut()
                .append_pair("dateStart", &date(*from))
                .append_pair("dateEnd", &date(*to));
            let filters: Vec<Value> = filters.iter().map(filter).collect();
            Some(Value::from(filters).to_string())
        }
        Listing::Campaign(id) => {
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.push("campaign").push(id.as_str());
            }
            None
        }
    };
    url.query_pairs_mut()
        .append_pair("page", &number.to_string())
        .append_pair("size", &size.to_string());
    Question { url, filters }
}

/// An instant with three digits behind its seconds: what else Routee reads is not documented.
fn date(instant: Timestamp) -> String {
    let text = instant.to_string();
    match text.strip_suffix('Z') {
        Some(whole) if !text.contains('.') => format!("{whole}.000Z"),
        _ => text,
    }
}

fn filter(filter: &Filter) -> Value {
    let mut written = json!({"fieldName": filter.field, "searchTerm": filter.term});
    if let Some(operator) = &filter.operator {
        written["searchOperator"] = json!(operator);
    }
    written
}

/// Reads the page of this `number`. Rows are read one by one, and one that cannot be read hides no other. A page of which
/// nothing can be read is no empty page: taken for one, it would hide every message.
///
/// # Errors
///
/// The answer is no page, ends before its first row does, or tells of no message although there are some.
pub(crate) fn read(number: u32, body: &[u8]) -> Result<ListedPage, InvalidTracking> {
    if is_web_page(body) {
        return Err(InvalidTracking::Page);
    }
    let (told, shape) =
        rows::read(body, Told::take).map_err(|rows::NoRows| InvalidTracking::Json)?;
    let Told {
        mut messages,
        frame,
        rows,
        unnamed,
        has_inbound,
        is_error,
    } = told;
    // Without a list, only a total of nothing says that there are no rows.
    let has_rows = shape.elements > 0 || shape.is_empty_list || !messages.is_empty();
    if !has_rows && frame.total_rows() != Some(0) {
        return Err(if is_error {
            InvalidTracking::Error
        } else {
            InvalidTracking::NoPage
        });
    }
    let mut page = ListedPage {
        rows: rows.max(u32::try_from(shape.elements).unwrap_or(u32::MAX)),
        ..ListedPage::default()
    };
    page.oddities.answers = u32::from(shape.is_mended);
    page.oddities.rows = unnamed.saturating_add(messages.leave_out_the_untold());
    page.messages = messages.into_reports();
    if shape.is_cut && page.messages.is_empty() {
        return Err(InvalidTracking::Cut);
    }
    // A last page may well have one row, and that one may be bad: it spoils none of the pages before.
    let is_one_bad_row = number > 0 && page.rows == 1;
    if page.messages.is_empty() && page.rows > 0 && !has_inbound && !is_one_bad_row {
        return Err(if is_error {
            InvalidTracking::Error
        } else {
            InvalidTracking::NoRow
        });
    }
    if page.rows == 0 && number == 0 && frame.has_some() {
        return Err(InvalidTracking::Withheld);
    }
    page.total_rows = frame.total_rows();
    page.is_last = !shape.is_cut && (page.rows == 0 || frame.is_last(number));
    Ok(page)
}

/// What the rows of a page told so far.
#[derive(Debug, Default)]
struct Told {
    messages: Messages,
    frame: Frame,
    rows: u32,
    /// How many rows name no message, or more messages than are read.
    unnamed: u32,
    /// There is a message that came in: that it has no status is nothing odd.
    has_inbound: bool,
    is_error: bool,
}

impl Told {
    fn take(&mut self, row: Row, place: Place) {
        let Row {
            mut item,
            tracking_id,
            frame,
        } = row;
        self.is_error |= item.is_error;
        if frame.tells() && !item.tells() {
            self.frame = frame;
        } else if place == Place::Row {
            self.rows = self.rows.saturating_add(1);
            let direction = item.direction.0.as_deref();
            self.has_inbound |= direction.is_some_and(|it| it.eq_ignore_ascii_case("Inbound"));
            // Sending calls the id of a message so; beside a status it can be that of its campaign, too.
            let is_own = tracking_id != item.campaign_tracking_id;
            if item.message_id.0.is_none() && is_own && item.tells_status() && !item.is_cut {
                item.message_id = tracking_id;
            }
            if !self.messages.take(item) {
                self.unnamed = self.unnamed.saturating_add(1);
            }
        }
    }
}

/// One object of a page: a row, or what stands around the rows.
#[derive(Debug, Default)]
struct Row {
    item: Item,
    tracking_id: Text,
    frame: Frame,
}

/// What a page says of itself.
#[derive(Debug, Default)]
struct Frame {
    last: Text,
    number: Numeric,
    total_pages: Numeric,
    total_elements: Numeric,
}

impl Frame {
    fn tells(&self) -> bool {
        self.last.0.is_some() || self.total_pages.0.is_some() || self.total_elements.0.is_some()
    }

    /// Whether no page comes after this one, which was asked for by `number`. Where one figure says that there is more and
    /// another that there is not, there is: one page too many costs a call, and one too few hides messages.
    fn is_last(&self, number: u32) -> bool {
        let last = |word| {
            let last = self.last.0.as_deref().unwrap_or_default();
            last.eq_ignore_ascii_case(word)
        };
        let number = whole(&self.number).unwrap_or_else(|| number.into());
        let pages = whole(&self.total_pages);
        let is_end = last("true") || pages.is_some_and(|pages| number + 1 >= pages);
        let has_more = last("false") || pages.is_some_and(|pages| number + 1 < pages);
        is_end && !has_more
    }

    /// Whether it says that some page has rows. How many pages no rows make is told differently.
    fn has_some(&self) -> bool {
        let total = self.total_rows().or_else(|| whole(&self.total_pages));
        total.is_some_and(|total| total > 0)
    }

    fn total_rows(&self) -> Option<u64> {
        whole(&self.total_elements)
    }
}

fn whole(number: &Numeric) -> Option<u64> {
    number
        .0
        .as_ref()?
        .as_u64()
        .filter(|&number| number < u64::MAX)
}

impl Fields for Row {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        let names = &[
            "last",
            "number",
            "totalPages",
            "totalElements",
            "trackingId",
        ];
        match documented(name, names) {
            "trackingId" => self.tracking_id.take(map),
            "last" => self.frame.last.take(map),
            "number" => self.frame.number.take(map),
            "totalPages" => self.frame.total_pages.take(map),
            "totalElements" => self.frame.total_elements.take(map),
            name => self.item.field(name, map),
        }
    }

    fn tells(&self) -> bool {
        self.item.tells()
    }
}

/// The fields of a question that Routee's refusal may name.
const ASKED: &[&str] = &[
    "dateStart",
    "dateEnd",
    "page",
    "size",
    "sort",
    "filters",
    "fieldName",
    "searchTerm",
    "searchOperator",
    "trackingId",
];

/// Which of the fields that were sent a refusal complains of.
#[derive(Debug, Default)]
struct Refusal {
    named: Vec<&'static str>,
}

impl Fields for Refusal {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        if documented(name, &["properties"]) == "properties" {
            let Object(properties) = map.next_value::<Object<Self>>()?;
            self.named = properties.named;
            return Ok(());
        }
        let name = documented(name, ASKED);
        let asked = ASKED.iter().copied().find(|asked| *asked == name);
        self.named
            .extend(asked.filter(|asked| !self.named.contains(asked)));
        map.next_value::<IgnoredAny>().map(drop)
    }

    fn tells(&self) -> bool {
        !self.named.is_empty()
    }
}

/// Whether Routee's own words refuse the campaign that was asked for: there is none of this id, or can be none.
///
/// A refusal of something else in the request does not concern the campaign. A search that is refused
/// has failed: taken for one that finds nothing, it would hide every message.
pub(crate) fn is_unknown(listing: &Listing, status: StatusCode, body: &[u8]) -> bool {
    let is_own = matches!(listing, Listing::Campaign(_)) && refusal::read(status, body).is_some();
    is_own && read_object::<Refusal>(body).is_none_or(|refusal| !refusal.tells())
}

/// Why Routee refuses to give a page out, in words that show nothing of its answer but the names of
/// fields that were sent.
pub(crate) fn refusal(body: &[u8]) -> String {
    let refusal: Refusal = read_object(body).unwrap_or_default();
    let names: Vec<String> = refusal
        .named
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let because = match names.as_slice() {
        [] => String::new(),
        names => format!(" because of {}", names.join(", ")),
    };
    format!(
        "Routee refuses the search (400){because}: a search reaches back seven days, and a page has at most 2000 rows"
    )
}

#[cfg(test)]
mod tests;
