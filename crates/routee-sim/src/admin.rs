//! The `/_sim/…` calls: everything that [`Sim`](crate::Sim) does, as JSON.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::{Answer, json_value, with_type};
use crate::callback::Inbound;
use crate::error::SimError;
use crate::fault::FaultRule;
use crate::message::{MessageSpec, StatusChange};
use crate::population::{Advance, PopulationSpec};
use crate::world::World;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClockOrder {
    advance_ms: i64,
}

/// Answers an admin call; `path` is what follows `/_sim/`.
pub(crate) fn answer(
    world: &World,
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Answer {
    match act(world, method, path, query, body) {
        Ok(answer) => answer,
        Err(trouble) => {
            let status = match &trouble {
                SimError::UnknownMessage(_) | SimError::UnknownPopulation(_) => {
                    StatusCode::NOT_FOUND
                }
                SimError::Taken(_) => StatusCode::CONFLICT,
                SimError::Invalid(_) | SimError::Document(_) => StatusCode::BAD_REQUEST,
            };
            let cause = std::error::Error::source(&trouble).map(ToString::to_string);
            json_value(
                status,
                &json!({"error": trouble.to_string(), "cause": cause}),
            )
        }
    }
}

fn act(
    world: &World,
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Result<Answer, SimError> {
    let pairs: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            percent_encoding::percent_decode_str(segment)
                .decode_utf8_lossy()
                .into()
        })
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let now_ms = world.clock.now_ms();
    Ok(match (method.as_str(), segments.as_slice()) {
        ("GET", ["stats"]) => {
            let with_messages = pairs.get("messages").is_none_or(|wish| wish != "false");
            json(&world.stats(with_messages))?
        }
        ("POST", ["messages"]) => {
            let mut ids = Vec::new();
            for spec in read_some::<MessageSpec>(body)? {
                ids.push(world.register(spec)?.id.clone());
            }
            json_value(StatusCode::CREATED, &json!({"ids": ids}))
        }
        ("GET", ["messages", id]) => json(&world.known_message(id)?.report(now_ms))?,
        ("DELETE", ["messages", id]) => {
            world.known_message(id)?;
            json_value(StatusCode::OK, &json!({"forgotten": world.forget(id)}))
        }
        ("POST", ["messages", id, "status"]) => {
            let message = world.set_status(id, &read::<StatusChange>(body)?)?;
            json(&message.report(world.clock.now_ms()))?
        }
        ("POST", ["messages", id, "advance"]) => json_value(
            StatusCode::OK,
            &json!({"moved": world.advance_message(id)?}),
        ),
        ("POST", ["populations"]) => {
            let spec: PopulationSpec = read(body)?;
            let told = json!({"name": spec.name, "count": spec.count});
            world.add_population(spec)?;
            json_value(StatusCode::CREATED, &told)
        }
        ("GET", ["populations", name]) => json(&world.population(name)?.report())?,
        ("GET", ["populations", name, what @ ("ids" | "ledger")]) => {
            let population = world.population(name)?;
            let count = population.spec.count;
            let offset = number(&pairs, "offset", 0)?.min(count);
            let end = offset
                .saturating_add(number(&pairs, "limit", 1_000)?)
                .min(count);
            let mut text = String::new();
            for index in offset..end {
                if *what == "ids" {
                    text.push_str(&population.message_id(index));
                    text.push('\n');
                } else {
                    text.push_str(&population.ledger_line(index));
                }
            }
            with_type(StatusCode::OK, text.into(), "text/plain; charset=utf-8")
        }
        ("POST", ["populations", name, "advance"]) => {
            let moved = world.advance_population(name, read::<Advance>(body)?)?;
            json_value(StatusCode::OK, &json!({"moved": moved}))
        }
        ("GET", ["switches"]) => json(&world.active().switches)?,
        ("PUT", ["switches"]) => json(&world.merge_switches(&read::<Value>(body)?)?)?,
        ("POST", ["faults"]) => {
            let rules = read_some::<FaultRule>(body)?;
            let added = rules.len();
            rules.into_iter().for_each(|rule| world.add_fault(rule));
            json_value(StatusCode::CREATED, &json!({"added": added}))
        }
        ("DELETE", ["faults"]) => {
            world.clear_faults();
            json_value(StatusCode::OK, &json!({}))
        }
        ("POST", ["tokens", "revoke"]) => {
            json_value(StatusCode::OK, &json!({"revoked": world.tokens.revoke()}))
        }
        ("POST", ["clock"]) => {
            world.advance_clock(read::<ClockOrder>(body)?.advance_ms);
            json_value(StatusCode::OK, &json!({"now_ms": world.clock.now_ms()}))
        }
        ("POST", ["inbound"]) => {
            let told = world.receive(&read::<Inbound>(body)?)?;
            json_value(StatusCode::CREATED, &json!({"told": told}))
        }
        ("POST", ["reset"]) => {
            world.reset();
            json_value(StatusCode::OK, &json!({}))
        }
        _ => {
            let text = format!("there is no `{method} /_sim/{path}`");
            json_value(
                StatusCode::NOT_FOUND,
                &json!({"error": text, "cause": null}),
            )
        }
    })
}

fn json(value: &impl serde::Serialize) -> Result<Answer, SimError> {
    Ok(with_type(
        StatusCode::OK,
        serde_json::to_vec(value)?.into(),
        "application/json",
    ))
}

/// Reads a JSON body; an empty one is an empty object.
/// One thing or a list of several. What cannot be read is told as what it is, with the words there are.
fn read_some<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, SimError> {
    match body.trim_ascii_start().first() {
        Some(b'[') => read(body),
        _ => Ok(vec![read(body)?]),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SimError> {
    Ok(serde_json::from_slice(if body.is_empty() {
        b"{}"
    } else {
        body
    })?)
}

fn number(pairs: &BTreeMap<String, String>, name: &str, default: u64) -> Result<u64, SimError> {
    let Some(text) = pairs.get(name) else {
        return Ok(default);
    };
    text.parse()
        .map_err(|_| SimError::Invalid(format!("`{name}` must be a number from 0 on")))
}
