//! What a panic said, what becomes of a process of which a part panicked, and work and rules that may panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

/// The words that a panic came with.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// How often the rules are asked before it is given up.
const TRIES: u32 = 3;

/// What `attempt`, which asks the rules, returns when it does not panic; what it said if it did so every time.
pub(crate) fn without_panic<T>(attempt: impl Fn() -> T) -> Result<T, String> {
    let mut what = String::new();
    for _ in 0..TRIES {
        match catch_unwind(AssertUnwindSafe(&attempt)) {
            Ok(done) => return Ok(done),
            Err(panic) => what = panic_text(panic.as_ref()).to_owned(),
        }
    }
    Err(format!("the rules panicked {TRIES} times: {what}"))
}

/// What `work` comes to that others do not depend on; what it said if it panicked.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.map_err(|panic| panic_text(panic.as_ref()).to_owned())
}

/// Does the `work` of the part called `name`; if that ends by a panic, says so and cancels `broken`.
/// Without the part the process would look well and do half of its work.
pub(crate) async fn guarded(
    name: &'static str,
    broken: CancellationToken,
    work: impl Future<Output = ()>,
) {
    if let Err(what) = caught(work).await {
        tracing::error!(
            part = name,
            what,
            "a part of smswatch has a bug: it panicked"
        );
        broken.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_panics_now_and_then_is_done_and_what_always_does_is_given_up() {
        let n_tried = Cell::new(0);
        let third_time = || {
            n_tried.set(n_tried.get() + 1);
            assert!(n_tried.get() == 3, "not yet");
            "done"
        };
        assert_eq!(without_panic(third_time), Ok("done"));
        let never = || -> () { panic!("at {}", "once") };
        let error = without_panic(never).expect_err("it always panics");
        assert_eq!(error, "the rules panicked 3 times: at once");
    }

    #[tokio::test]
    async fn a_part_that_panics_is_noticed_and_one_that_ends_is_not() {
        let broken = CancellationToken::new();
        guarded("commit", broken.clone(), async {}).await;
        assert!(!broken.is_cancelled());
        guarded("commit", broken.clone(), async { panic!("a bug") }).await;
        assert!(broken.is_cancelled());
    }
}
