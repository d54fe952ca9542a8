//! The OpenAPI document of routes.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use smswatch_api::problem::ProblemReply;

use super::operation::{Content, Describe};
use super::{Access, Described, Operation};

const ABOUT: &str = "\
Registers SMS to be watched, and tells what became of them and who was told of it.

Every answer has the headers `smswatch-version` and `x-request-id`; a caller may send an `x-request-id` of its own, \
which the log of smswatch has as well. Later versions may add fields, and words where `x-extensible-enum` names \
those of this version: skip what your program does not know.

`docs/api.md` explains more, with examples.";

/// The security scheme's name.
const BEARER: &str = "bearer";

/// The media type of all bodies but a few.
const JSON: &str = "application/json";

/// Makes schemas. What is read may lack more than what is told, so each has a generator of its own.
struct Schemas {
    read: SchemaGenerator,
    told: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            read: settings.clone().for_deserialize().into_generator(),
            told: settings.for_serialize().into_generator(),
        }
    }

    /// All types that have a name.
    ///
    /// # Panics
    ///
    /// One is read in another form than it is told.
    fn named(mut self) -> Map<String, Value> {
        let mut named = self.told.take_definitions(true);
        for (name, schema) in self.read.take_definitions(true) {
            let told = named.insert(name.clone(), schema.clone());
            let is_same = told.is_none_or(|told| told == schema);
            assert!(is_same, "{name} is read in another form than it is told");
        }
        named.sort_keys();
        named
    }
}

/// The document of the routes that `described` names, for this version of smswatch.
pub(crate) fn document(described: &[Described], version: &str) -> Value {
    let mut schemas = Schemas::new();
    let problem: Describe = |generator| generator.subschema_for::<ProblemReply>();
    let problem = problem(&mut schemas.told);
    let mut paths = Map::new();
    for route in described {
        let path = paths.entry(&*route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(route, &mut schemas);
    }
    let responses = statuses(described).into_iter().map(|status| {
        let response = json!({
            "description": explained(status),
            "content": { JSON: { "schema": problem.clone() } },
        });
        (name_of(status), response)
    });
    let responses: Map<String, Value> = responses.collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "smswatch",
            "version": version,
            "summary": "A status-change notifier for SMS",
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.named(),
            "responses": responses,
            "securitySchemes": {
                BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the configuration; where there are none, none is needed.",
                },
            },
        },
    })
}

fn operation(route: &Described, schemas: &mut Schemas) -> Value {
    let operation = &route.operation;
    let mut parameters: Vec<Value> = names_in(&route.path).map(in_path).collect();
    if let Some(query) = operation.query {
        parameters.extend(in_query(query, schemas));
    }
    let headers = operation.headers.iter().map(|(name, what)| {
        json!({
            "name": name, "in": "header", "required": false, "description": what,
            "schema": { "type": "string" },
        })
    });
    parameters.extend(headers);
    let mut told = json!({
        "operationId": operation.id,
        "tags": [tag(&route.path)],
        "summary": operation.summary,
        "security": security(route.access),
    });
    if !parameters.is_empty() {
        told["parameters"] = parameters.into();
    }
    if let Some(body) = operation.body {
        let schema = body(&mut schemas.read);
        told["requestBody"] = json!({
            "required": true,
            "content": { JSON: { "schema": schema } },
        });
    }
    let mut responses = Map::new();
    for answer in &operation.answers {
        let mut response = json!({ "description": answer.what });
        match answer.content {
            Content::Nothing => {}
            Content::Json(schema) => {
                let schema = schema(&mut schemas.told);
                response["content"] = json!({ JSON: { "schema": schema } });
            }
            Content::Text(media_type) => {
                response["content"] = json!({ media_type: { "schema": { "type": "string" } } });
            }
        }
        responses.insert(answer.status.to_string(), response);
    }
    for status in problems(route) {
        let reference = format!("#/components/responses/{}", name_of(status));
        let problem = || json!({ "$ref": reference });
        responses.entry(status.to_string()).or_insert_with(problem);
    }
    told["responses"] = responses.into();
    told
}

/// The names in braces of a path.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    let pieces = path.split('{').skip(1);
    pieces.filter_map(|piece| piece.split('}').next())
}

fn in_path(name: &str) -> Value {
    let schema = match name {
        "name" => json!({ "type": "string", "minLength": 1 }),
        _ => json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$" }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

fn in_query(query: Describe, schemas: &mut Schemas) -> Vec<Value> {
    let schema = query(&mut schemas.read);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|it| it == name));
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flatten();
    let parameters = properties.map(|(name, property)| {
        let mut property = property.clone();
        let object = property.as_object_mut().expect("a property has a schema");
        let description = object.remove("description");
        // A parameter is there or not; it is never null.
        if let Some(Value::Array(words)) = object.get_mut("enum") {
            words.retain(|word| !word.is_null());
        }
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = &types[..] {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        json!({
            "name": name, "in": "query", "required": is_required(name),
            "description": description, "schema": property,
        })
    });
    parameters.collect()
}

fn security(access: Access) -> Value {
    match access {
        Access::Open | Access::Secret => json!([]),
        Access::OpenWithMore => json!([{}, { BEARER: [] }]),
        Access::Token => json!([{ BEARER: [] }]),
    }
}

/// Operations about one noun stand together.
fn tag(path: &str) -> &str {
    let noun = path
        .strip_prefix("/v1/")
        .and_then(|rest| rest.split('/').next());
    noun.unwrap_or("process")
}

/// The errors that a route can answer with.
fn problems(route: &Described) -> BTreeSet<u16> {
    let Operation {
        query,
        body,
        problems,
        ..
    } = &route.operation;
    // Without tokens, requests that do not mean this address are refused whatever the path.
    let mut all = BTreeSet::from([500]);
    if route.access != Access::Secret {
        all.insert(403);
    }
    if route.needs_service {
        all.insert(503);
    }
    if route.access == Access::Token {
        all.extend([401, 429]);
    }
    if names_in(&route.path).next().is_some() {
        all.extend([400, 404]);
    }
    if query.is_some() {
        all.extend([400, 422]);
    }
    if body.is_some() {
        all.extend([400, 408, 413, 415, 422]);
    }
    all.extend(problems);
    all
}

/// Every status with which some route tells a problem.
fn statuses(described: &[Described]) -> BTreeSet<u16> {
    described.iter().flat_map(problems).collect()
}

fn name_of(status: u16) -> String {
    let status = StatusCode::from_u16(status).expect("it is a status");
    let reason = status.canonical_reason().expect("it is a known status");
    reason.chars().filter(char::is_ascii_alphabetic).collect()
}

fn explained(status: u16) -> &'static str {
    match status {
        400 => "the request cannot be read: the path, an id, a cursor, or the body",
        401 => "there is no token, or a wrong one",
        403 => "the token may not do this; without tokens: another `Host` or `Origin`",
        404 => "there is no such thing",
        408 => "the body took too long to arrive",
        409 => "what is asked about is in another state",
        413 => "the body is too large",
        415 => "the body is not announced as JSON",
        422 => "the request can be read, and asks for something that cannot be",
        429 => {
            "too many wrong tokens came from this address; `Retry-After` says for how long no other is looked at"
        }
        500 => "a defect in smswatch, or what is stored cannot be read by this version",
        503 => {
            "the store is away, the process starts or stops, or everything is busy; asking again helps"
        }
        _ => "it was not done",
    }
}
