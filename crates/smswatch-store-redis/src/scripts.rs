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

/// The text of a script, after what those that queue deliveries have in common, and those that read the
/// time.
fn text(name: &str, script: &str) -> String {
    let script = match name {
        "bury" | "complete" | "route" | "route_left" => {
            [include_str!("scripts/enqueue.lua"), script].concat()
        }
        _ => script.to_owned(),
    };
    // Redis's own time is for the script alone that carries the store's clock on.
    if name == "tick" || !script.contains("'TIME'") {
        return script;
    }
    [include_str!("scripts/clock.lua"), &script].concat()
}

scripts!(
    bury,
    claim,
    claim_deliveries,
    commit,
    complete,
    deliveries,
    delivery,
    gauges,
    hasten,
    load,
    memo,
    put_aside,
    put_memo,
    read_log,
    recall,
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
