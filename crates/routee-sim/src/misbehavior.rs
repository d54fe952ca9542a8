//! What each fault does: an answer instead of the genuine one, or harm to the genuine one.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::time::sleep;

use crate::answer::{Answer, Dropped, Payload, error, json_bytes, too_many_requests, with_type};
use crate::auth::{forbidden, invalid_token};
use crate::fault::FaultKind;
use crate::shape::Shape;
use crate::tracking;

/// The answer that comes instead of the genuine one, if `kind` is of that sort.
pub(crate) async fn instead(kind: &FaultKind, shape: &Shape) -> Result<Option<Answer>, Dropped> {
    let json = |text: &'static str| json_bytes(StatusCode::OK, Bytes::from_static(text.as_bytes()));
    Ok(Some(match kind {
        FaultKind::Status { status, body } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            match body {
                Some(body) => with_type(status, body.clone().into(), "text/plain"),
                None => {
                    let text = status.canonical_reason().unwrap_or("Error");
                    error(
                        status,
                        &format!("{}000000", status.as_u16()),
                        text,
                        shape.error_code,
                    )
                }
            }
        }
        FaultKind::TooManyRequests { retry_after } => {
            too_many_requests(retry_after, shape.error_code)
        }
        FaultKind::InvalidToken => invalid_token("revoked", 401),
        FaultKind::Forbidden => forbidden(shape.error_code),
        FaultKind::NotFound => tracking::not_found(shape),
        FaultKind::Hang { ms } => {
            sleep(Duration::from_millis(*ms)).await;
            return Err(Dropped);
        }
        FaultKind::Reset | FaultKind::Close => return Err(Dropped),
        FaultKind::Html { status } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
            let page = "<!doctype html><html><head><title>Gateway</title></head>\
                <body><h1>We will be back soon</h1></body></html>";
            with_type(
                status,
                Bytes::from_static(page.as_bytes()),
                "text/html; charset=utf-8",
            )
        }
        FaultKind::BrokenJson => {
            json(r#"[{"smsId": "7b1e9c52", "status": {"status": Delivered,}]"#)
        }
        FaultKind::EmptyBody => json(""),
        FaultKind::EmptyArray => json("[]"),
        FaultKind::NullBody => json("null"),
        FaultKind::DeepJson { depth } => {
            let body = ["[".repeat(*depth), "]".repeat(*depth)].concat();
            json_bytes(StatusCode::OK, body.into())
        }
        FaultKind::Slow { .. }
        | FaultKind::TruncatedJson
        | FaultKind::CutBody
        | FaultKind::StalledBody { .. }
        | FaultKind::HugeJson { .. }
        | FaultKind::BadRow
        | FaultKind::ObjectInsteadOfArray => return Ok(None),
    }))
}

/// Does to a genuine answer what `kind` says.
pub(crate) async fn spoil(mut answer: Answer, kind: &FaultKind) -> Result<Answer, Dropped> {
    if let FaultKind::Slow { ms } = kind {
        sleep(Duration::from_millis(*ms)).await;
        return Ok(answer);
    }
    let Payload::Whole(Some(body)) = std::mem::replace(answer.body_mut(), Payload::Whole(None))
    else {
        return Ok(answer);
    };
    *answer.body_mut() = match kind {
        FaultKind::TruncatedJson => Payload::Whole(Some(body.slice(..body.len() / 2))),
        FaultKind::CutBody => Payload::cut(&body),
        FaultKind::StalledBody { ms } => Payload::stalled(body, *ms),
        FaultKind::HugeJson { mib } => Payload::huge(&body, *mib),
        FaultKind::BadRow => Payload::Whole(Some(with_bad_row(&body))),
        FaultKind::ObjectInsteadOfArray => Payload::Whole(Some(unwrapped(&body))),
        _ => Payload::Whole(Some(body)),
    };
    Ok(answer)
}

/// The body with a row of half an emoji, a raw line break and a number that is too large before its rows.
fn with_bad_row(body: &Bytes) -> Bytes {
    const ROW: &[u8] = b"{\"smsId\":\"odd\",\"label\":\"half \\ud83d\",\"body\":\"one\ntwo\",\"price\":1e400,\"status\":{}}";
    let Some(bracket) = body.iter().position(|byte| *byte == b'[') else {
        return body.clone();
    };
    let (head, tail) = body.split_at(bracket + 1);
    let comma: &[u8] = if tail.starts_with(b"]") { b"" } else { b"," };
    [head, ROW, comma, tail].concat().into()
}

/// The first element of a JSON array, or the body as it is.
fn unwrapped(body: &Bytes) -> Bytes {
    let first = serde_json::from_slice::<Vec<serde_json::Value>>(body);
    match first.ok().and_then(|all| all.into_iter().next()) {
        Some(first) => first.to_string().into(),
        None => body.clone(),
    }
}
