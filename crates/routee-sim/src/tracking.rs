//! `GET /sms/tracking/single/{id}`: the endpoint that is asked all day long.

use bytes::{BufMut, BytesMut};
use http::StatusCode;

use crate::answer::{Answer, error, json_bytes};
use crate::ids;
use crate::part::PartView;
use crate::render::{self, Form};
use crate::script::Sight;
use crate::shape::Shape;
use crate::switches::{Switches, TrackingSwitches};
use crate::world::World;

/// Answers what is known of message `id`. Unless `counts`, the answer will be spoiled on its way:
/// it is then no change served.
pub(crate) fn single(
    world: &World,
    id: &str,
    switches: &Switches,
    buffer: &mut BytesMut,
    counts: bool,
) -> Answer {
    let now_ms = world.clock.now_ms();
    let shape = &switches.shape;
    buffer.reserve(1024);
    buffer.put_u8(b'[');
    let mut visit = |view: &PartView<'_>| {
        if buffer.len() > 1 {
            buffer.put_u8(b',');
        }
        render::part(buffer, view, shape, Form::Single);
        counts
    };
    let sight = if let Some(message) = world.message(id) {
        if is_hidden(message.accepted_ms, now_ms, &switches.tracking) {
            Some(Sight::NotFound)
        } else {
            Some(message.look(now_ms, shape, &mut visit))
        }
    } else {
        world.populations().iter().find_map(|population| {
            let index = population.index_of(id)?;
            Some(population.look(index, now_ms, shape, &mut visit))
        })
    };
    buffer.put_u8(b']');
    let body = buffer.split().freeze();
    match sight {
        Some(Sight::Parts | Sight::Empty) => json_bytes(StatusCode::OK, body),
        Some(Sight::NotFound) => not_found(shape),
        None if ids::is_uuid(id) || switches.tracking.malformed_id_status != 400 => {
            not_found(shape)
        }
        None => crate::answer::invalid("messageId", "not a valid id", shape.error_code),
    }
}

/// Counts a poll, whatever becomes of it.
pub(crate) fn count(world: &World, id: &str, now_ms: i64) {
    if let Some(message) = world.message(id) {
        message.polled(now_ms);
        return;
    }
    for population in world.populations().iter() {
        if let Some(index) = population.index_of(id) {
            population.polled(index);
            return;
        }
    }
}

/// 404 as Routee words it.
pub(crate) fn not_found(shape: &Shape) -> Answer {
    error(
        StatusCode::NOT_FOUND,
        "404005000",
        "Tracking not found",
        shape.error_code,
    )
}

fn is_hidden(accepted_ms: i64, now_ms: i64, switches: &TrackingSwitches) -> bool {
    let age_ms = u64::try_from(now_ms - accepted_ms).unwrap_or(0);
    age_ms < switches.not_visible_ms
        || switches
            .retention_ms
            .is_some_and(|retention_ms| age_ms > retention_ms)
}
