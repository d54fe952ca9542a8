//! What state a watch or a campaign is in.

use crate::words::words;

words! {
    /// What state a watch is in.
    WatchState {
        /// Its message is polled.
        Watching = "watching",
        /// Every part is final.
        Final = "final",
        /// It was not final when its time was over.
        GaveUp = "gave_up",
        /// The provider does not know the message.
        NotFound = "not_found",
    }
}
