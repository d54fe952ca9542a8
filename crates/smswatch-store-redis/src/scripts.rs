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

/// The text of a script, after what those that queue deliveries have in common.
fn text(name: &str, script: &str) -> String {
    match name {
        "bury" | "complete" | "route" => [include_str!("scripts/enqueue.lua"), script].concat(),
        _ => script.to_owned(),
    }
}

scripts!(
    bury,
    claim,
    claim_deliveries,
    commit,
    complete,
    deliveries,
    delivery,
    disown,
    gauges,
    hasten,
    load,
    memo,
    put_memo,
    read_log,
    redrive,
    redrive_one,
    release,
    reserve,
    route,
    trim,
    waiting,
    watches,
);
