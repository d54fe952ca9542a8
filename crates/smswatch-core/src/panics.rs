//! What a panic said, and what becomes of a process of which a part panicked.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

/// The words that a panic came with.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Does the `work` of the part called `name`; if that ends by a panic, says so and cancels `broken`.
/// Without the part the process would look well and do half of its work.
pub(crate) async fn guarded(
    name: &'static str,
    broken: CancellationToken,
    work: impl Future<Output = ()>,
) {
    if let Err(panic) = AssertUnwindSafe(work).catch_unwind().await {
        let what = panic_text(panic.as_ref());
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
    use super::*;

    #[tokio::test]
    async fn a_part_that_panics_is_noticed_and_one_that_ends_is_not() {
        let broken = CancellationToken::new();
        guarded("commit", broken.clone(), async {}).await;
        assert!(!broken.is_cancelled());
        guarded("commit", broken.clone(), async { panic!("a bug") }).await;
        assert!(broken.is_cancelled());
    }
}
