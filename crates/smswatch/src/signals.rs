//! SIGTERM and Ctrl-C: the first one ends the process in order, the second one at once.

use anyhow::anyhow;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::report::Failure;

/// What the process is told by signals.
pub(crate) struct Signals {
    /// Canceled when the process is to end.
    pub(crate) stop: CancellationToken,
    /// Canceled when it is told so again.
    again: CancellationToken,
}

impl Signals {
    /// Listens to SIGTERM and Ctrl-C from now on.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let signals = Self {
            stop: CancellationToken::new(),
            again: CancellationToken::new(),
        };
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told = [signals.stop.clone(), signals.again.clone()];
        tokio::spawn(async move {
            for token in told {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                token.cancel();
            }
        });
        Ok(signals)
    }

    /// Does `work`, and leaves it where it is when the process is told to stop for the second time.
    pub(crate) async fn heed<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let done = self.again.run_until_cancelled(work).await;
        done.unwrap_or_else(|| {
            let what = "told to stop twice and ended at once; what was in flight is repeated when its lease ends";
            Err(anyhow!(what).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn send(signal: &str) {
        let pid = std::process::id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("there is `kill`").success());
    }

    #[tokio::test]
    async fn the_first_signal_asks_for_the_end_and_the_second_one_does_not_wait_for_it() {
        let signals = Signals::listen().expect("signals can be listened to");
        let hanging = async {
            send("-TERM");
            signals.stop.cancelled().await;
            send("-INT");
            std::future::pending::<Result<(), Failure>>().await
        };
        let Err(Failure::Failed(error)) = signals.heed(hanging).await else {
            panic!("it has not failed")
        };
        assert!(error.to_string().contains("told to stop twice"), "{error}");
    }
}
