//! How long a page looks for more: its first byte is to come soon, however much the store holds and whatever else the
//! machine does. What was not looked at yet, the page says, and leads on to it.

use std::time::Duration;

use tokio::time::Instant;

/// How long a page looks. Reading once more takes a few milliseconds, and the page itself as many.
const MOST: Duration = Duration::from_millis(20);

/// When a page began to look.
pub(super) struct Patience(Instant);

impl Patience {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether the page is to be shown with what was found until now.
    pub(super) fn is_over(&self) -> bool {
        self.0.elapsed() >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_over_after_a_while() {
        let patience = Patience::begin();
        assert!(!patience.is_over());
        tokio::time::advance(MOST).await;
        assert!(patience.is_over());
    }
}
