//! Asks the program to load its configuration again.

use tokio::sync::{mpsc, oneshot};

use super::Service;

/// What came of loading the configuration again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reload {
    /// It was taken over.
    Done {
        /// What is different now, such as `rules` or `sinks.crm`.
        changed: Vec<String>,
        /// What the file says otherwise, too, and takes effect when the process starts again.
        needs_restart: Vec<String>,
    },
    /// The file has mistakes: what was there before goes on.
    Refused {
        /// A line for each, with its place.
        problems: Vec<String>,
    },
    /// The program has no file that it could load again.
    Impossible,
}

/// A caller that waits for the configuration to be loaded again.
#[derive(Debug)]
pub struct ReloadRequest(oneshot::Sender<Reload>);

impl ReloadRequest {
    /// Tells what came of it.
    pub fn answer(self, came: Reload) {
        // The caller may have gone.
        let _sent = self.0.send(came);
    }
}

/// The way of such requests to the program.
pub(crate) type ReloadRequests = mpsc::Sender<ReloadRequest>;

impl Service {
    /// Has the program load its configuration again, and waits for what comes of it.
    pub async fn reload(&self) -> Reload {
        let (answer, answered) = oneshot::channel();
        if self.reloads.send(ReloadRequest(answer)).await.is_err() {
            return Reload::Impossible;
        }
        answered.await.unwrap_or(Reload::Impossible)
    }
}
