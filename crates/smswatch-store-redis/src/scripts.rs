//! The scripts, loaded into Redis when it does not know them.

use redis::Script;

macro_rules! scripts {
    ($($name:ident),* $(,)?) => {
        /// Every script that the store calls.
        pub(crate) struct Scripts {
            $(pub(crate) $name: Script,)*
        }

        impl Scripts {
            pub(crate) fn new() -> Self {
                Self { $($name: Script::new(&text(
                    stringify!($name),
                    include_str!(concat!("scripts/", stringify!($name), ".lua")),
                )),)* }
            }
        }
    };
}

const APPEND: &str = include_str!("scripts/append.lua");
const ATTEMPTS: &str = include_str!("scripts/attempts.lua");
const BEHIND: &str = include_str!("scripts/behind.lua");
const CLOCK: &str = include_str!("scripts/clock.lua");
const DUE: &str = include_str!("scripts/due.lua");
const ENQUEUE: &str = include_str!("scripts/enqueue.lua");
const FORGET: &str = include_str!("scripts/forget.lua");
const LEAVE: &str = include_str!("scripts/leave.lua");
const PLACE: &str = include_str!("scripts/place.lua");
const RECORD: &str = include_str!("scripts/record.lua");
const REQUEUE: &str = include_str!("scripts/requeue.lua");
const TURN: &str = include_str!("scripts/turn.lua");

/// The text of a script, after what it has in common with others.
fn text(name: &str, script: &str) -> String {
    let script = match name {
        "complete" => [TURN, ENQUEUE, LEAVE, ATTEMPTS, script].concat(),
        "claim" | "recall" => [DUE, script].concat(),
        "dead_letter" => [TURN, ENQUEUE, ATTEMPTS, script].concat(),
        "route" | "route_left" => [RECORD, TURN, ENQUEUE, script].concat(),
        "commit_records" => [PLACE, APPEND, RECORD, TURN, ENQUEUE, script].concat(),
        "leave_deliveries" => [LEAVE, script].concat(),
        "commit" | "put_memo" => [PLACE, APPEND, script].concat(),
        "redrive" => [PLACE, FORGET, TURN, REQUEUE, BEHIND, script].concat(),
        "redrive_one" => [PLACE, FORGET, TURN, REQUEUE, script].concat(),
        "trim" => [PLACE, FORGET, script].concat(),
        "events" => [PLACE, script].concat(),
        "waiting" => [BEHIND, script].concat(),
        _ => script.to_owned(),
    };
    // Redis's own time is for the script alone that carries the store's clock on.
    if name == "tick" || !script.contains("'TIME'") {
        return script;
    }
    [CLOCK, &script].concat()
}

scripts!(
    dead_letter,
    claim,
    claim_deliveries,
    claim_records,
    commit,
    commit_records,
    complete,
    deliveries,
    deliveries_of,
    delivery,
    disown,
    disown_records,
    events,
    gauges,
    make_due,
    leave_deliveries,
    load,
    load_records,
    memo,
    note_deliveries,
    put_aside,
    put_memo,
    read_log,
    recall,
    recall_deliveries,
    records,
    redrive,
    redrive_one,
    release,
    reserve,
    route,
    route_left,
    tick,
    trim,
    trim_left,
    waiting,
    watches,
);
