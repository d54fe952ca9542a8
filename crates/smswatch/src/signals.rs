//! What signals mean: SIGTERM, Ctrl-C and SIGQUIT end the process in order, and at once when told
//! again; SIGHUP loads the configuration again; the signals without a meaning here are noted in the log.

use std::sync::Arc;

use anyhow::anyhow;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::report::Failure;

/// What a terminal that closes means, which is what else sends SIGHUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The configuration is loaded again: a service outlives the terminal that it was started from.
    Reloads,
    /// The process ends; until then it works as usual.
    #[cfg(feature = "demo")]
    Ends,
}

/// What the process is told by signals.
pub(crate) struct Signals {
    /// Canceled when the process is to end.
    pub(crate) stop: CancellationToken,
    /// Canceled when it is told so again.
    again: CancellationToken,
    /// Notified when the configuration is to be loaded again.
    pub(crate) hangups: Arc<Notify>,
}

impl Signals {
    /// Listens to signals from now on; until then each has its usual meaning, which is mostly death.
    pub(crate) fn listen(hangup: Hangup) -> anyhow::Result<Self> {
        let signals = Self {
            stop: CancellationToken::new(),
            again: CancellationToken::new(),
            hangups: Arc::default(),
        };
        let mut ends = Ends {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: hangup_if(hangup != Hangup::Reloads)?,
        };
        let told = [signals.stop.clone(), signals.again.clone()];
        tokio::spawn(async move {
            for token in told {
                ends.wait().await;
                token.cancel();
            }
        });
        let mut harmless = Harmless {
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        };
        let (mut reloads, hangups) = (
            hangup_if(hangup == Hangup::Reloads)?,
            Arc::clone(&signals.hangups),
        );
        tokio::spawn(async move {
            loop {
                next(&mut reloads).await;
                hangups.notify_one();
            }
        });
        tokio::spawn(async move {
            loop {
                // Outside of the macro, which evaluates nothing that is not logged.
                let what = harmless.wait().await;
                tracing::warn!("{what}");
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

fn hangup_if(is_meant: bool) -> std::io::Result<Option<Signal>> {
    is_meant.then(|| signal(SignalKind::hangup())).transpose()
}

/// Waits for the next one, for ever where it is not listened to.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals that end the process.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Option<Signal>,
}

impl Ends {
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
            () = next(&mut self.hangup) => {}
        }
    }
}

/// The signals that would kill a process that did not listen to them.
struct Harmless {
    user_1: Signal,
    user_2: Signal,
}

impl Harmless {
    /// What to say of the next one.
    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.user_1.recv() => "SIGUSR1 has no meaning here and is ignored",
            _ = self.user_2.recv() => "SIGUSR2 has no meaning here and is ignored",
        }
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
        let signals = Signals::listen(Hangup::Reloads).expect("signals can be listened to");
        let hanging = async {
            for harmless in ["-HUP", "-USR1", "-USR2"] {
                send(harmless);
            }
            assert!(!signals.stop.is_cancelled());
            send("-TERM");
            signals.stop.cancelled().await;
            send("-QUIT");
            std::future::pending::<Result<(), Failure>>().await
        };
        let Err(Failure::Failed(error)) = signals.heed(hanging).await else {
            panic!("it has not failed")
        };
        assert!(error.to_string().contains("told to stop twice"), "{error}");
    }
}
