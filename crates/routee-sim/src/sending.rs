//! `POST /sms` and `POST /sms/campaign`: accepts messages and gives each one a fate.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, error, invalid, json_value};
use crate::callback::{Callback, Campaign};
use crate::clock::{DateForm, format_date};
use crate::fate::{WeightedFate, pick};
use crate::ids;
use crate::message::MessageSpec;
use crate::script::PartSpec;
use crate::shape::Shape;
use crate::world::World;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    from: Option<String>,
    to: Option<Value>,
    body: Option<String>,
    label: Option<String>,
    campaign_name: Option<String>,
    #[serde(default)]
    flash: bool,
    callback: Option<Callback>,
    ttl: Option<u64>,
}

/// Answers `POST /sms`.
pub(crate) fn send(world: &World, body: &[u8], shape: &Shape) -> Answer {
    let order = match read(body, shape) {
        Ok(order) => order,
        Err(answer) => return *answer,
    };
    let Some(to) = order
        .to
        .as_ref()
        .and_then(Value::as_str)
        .filter(|to| is_number(to))
    else {
        return invalid("to", "invalid number", shape.error_code);
    };
    match accept(world, &order, to, None) {
        Ok(id) => {
            let mut answer = receipt(world, &order, &id);
            answer["status"] = json!("Queued");
            answer["to"] = json!(to);
            if let Some(label) = &order.label {
                answer["label"] = json!(label);
            }
            json_value(StatusCode::OK, &answer)
        }
        Err(answer) => *answer,
    }
}

/// Answers `POST /sms/campaign`.
pub(crate) fn send_campaign(world: &World, body: &[u8], shape: &Shape) -> Answer {
    let order = match read(body, shape) {
        Ok(order) => order,
        Err(answer) => return *answer,
    };
    let recipients: Vec<String> = match &order.to {
        Some(Value::Array(numbers)) => numbers
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    };
    if recipients.is_empty() {
        let text = "No recipients";
        return error(StatusCode::BAD_REQUEST, "400005000", text, shape.error_code);
    }
    let name = order
        .campaign_name
        .clone()
        .unwrap_or_else(|| "campaign".to_owned());
    let id = ids::uuid(world.random(), world.random()).to_string();
    let mut receipt = receipt(world, &order, &id);
    receipt["campaignName"] = json!(name);
    receipt["to"] = json!(recipients);
    receipt["state"] = json!("Queued");
    receipt["type"] = json!("Sms");
    {
        let mut campaigns = world.campaigns();
        if campaigns.values().any(|campaign| campaign.name == name) {
            let text = "The campaign name exists already";
            return error(StatusCode::CONFLICT, "409009000", text, shape.error_code);
        }
        let campaign = Campaign {
            receipt: receipt.clone(),
            name: name.clone(),
            recipients: recipients.len(),
            callback: order.callback.clone(),
            finals: 0,
        };
        campaigns.insert(id.clone(), campaign);
    }
    for to in &recipients {
        if let Err(answer) = accept(world, &order, to, Some((&name, &id))) {
            return *answer;
        }
    }
    json_value(StatusCode::OK, &receipt)
}

fn read(body: &[u8], shape: &Shape) -> Result<Order, Box<Answer>> {
    let order: Order = serde_json::from_slice(body)
        .map_err(|_| Box::new(invalid("body", "malformed JSON", shape.error_code)))?;
    if order
        .from
        .as_deref()
        .is_none_or(|from| from.is_empty() || from.len() > 16)
    {
        let text = "The sender is invalid";
        let answer = error(StatusCode::BAD_REQUEST, "400005000", text, shape.error_code);
        return Err(Box::new(answer));
    }
    if order.body.as_deref().is_none_or(str::is_empty) {
        return Err(Box::new(invalid(
            "body",
            "must not be empty",
            shape.error_code,
        )));
    }
    if let Some(problem) = order.callback.as_ref().and_then(Callback::problem) {
        return Err(Box::new(invalid("callback.url", problem, shape.error_code)));
    }
    if order
        .ttl
        .is_some_and(|minutes| !(1..=4320).contains(&minutes))
    {
        return Err(Box::new(invalid(
            "ttl",
            "must be from 1 to 4320",
            shape.error_code,
        )));
    }
    Ok(order)
}

/// Registers one message with a drawn fate and as many parts as its text needs.
fn accept(
    world: &World,
    order: &Order,
    to: &str,
    campaign: Option<(&str, &str)>,
) -> Result<String, Box<Answer>> {
    let send = &world.config.send;
    let certain = send
        .fate_by_recipient
        .get(to)
        .copied()
        .map(WeightedFate::from);
    let drawn = || pick(&send.fates, world.random()).map(|position| send.fates[position].clone());
    let script = certain.or_else(drawn).unwrap_or_default().script();
    let script = script.paced(send.time_scale, false);
    let text = order.body.clone().unwrap_or_default();
    let mut parts = script.parts;
    if let [only] = parts.as_slice() {
        parts = vec![PartSpec::clone(only); parts_of(&text).0];
    }
    let details = MessageSpec::default();
    let spec = MessageSpec {
        parts,
        visible_after_ms: Some(script.visible_after_ms),
        gone_after_ms: script.gone_after_ms,
        empty_until_ms: Some(script.empty_until_ms),
        from: order.from.clone().unwrap_or(details.from),
        to: Some(to.to_owned()),
        label: order.label.clone(),
        body: text,
        campaign_name: campaign.map(|(name, _)| name.to_owned()),
        campaign_tracking_id: campaign.map(|(_, id)| id.to_owned()),
        // That of a campaign is told of the campaign as a whole.
        callback: order.callback.clone().filter(|_| campaign.is_none()),
        ..MessageSpec::default()
    };
    let registered = world.register(spec).map(|message| message.id.clone());
    registered.map_err(|trouble| {
        let text = trouble.to_string();
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Box::new(error(
            status,
            "500005000",
            &text,
            crate::shape::CodeForm::String,
        ))
    })
}

fn receipt(world: &World, order: &Order, id: &str) -> Value {
    let text = order.body.as_deref().unwrap_or("");
    let (parts, is_unicode) = parts_of(text);
    let created = format_date(world.clock.now_ms(), DateForm::Millis);
    let mut receipt = json!({
        "trackingId": id,
        "createdAt": created.as_deref(),
        "from": order.from,
        "body": text,
        "flash": order.flash,
        "bodyAnalysis": {
            "parts": parts, "unicode": is_unicode, "characters": text.chars().count(),
        },
    });
    if let Some(callback) = &order.callback {
        receipt["callback"] = json!(callback);
    }
    receipt
}

/// How many parts a text takes, and whether it needs Unicode (roughly: anything beyond Latin-1).
fn parts_of(text: &str) -> (usize, bool) {
    let is_unicode = text.chars().any(|letter| u32::from(letter) > 0xff);
    let (length, alone, joined) = if is_unicode {
        (text.encode_utf16().count(), 70, 67)
    } else {
        (text.chars().count(), 160, 153)
    };
    (
        if length <= alone {
            1
        } else {
            length.div_ceil(joined)
        },
        is_unicode,
    )
}

fn is_number(to: &str) -> bool {
    let digits = to.strip_prefix('+').unwrap_or(to);
    (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_parts_as_documented() {
        assert_eq!(parts_of(&"a".repeat(160)), (1, false));
        assert_eq!(parts_of(&"a".repeat(161)), (2, false));
        assert_eq!(parts_of(&"a".repeat(307)), (3, false));
        assert_eq!(parts_of(&"α".repeat(70)), (1, true));
        assert_eq!(parts_of(&"α".repeat(135)), (3, true));
    }
}
