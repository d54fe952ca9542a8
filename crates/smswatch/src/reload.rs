//! Loads the configuration again on request, or when its file has changed.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use smswatch_core::{Changes, Reload, ReloadRequest, Reloader};
use smswatch_http::CallbackDoor;
use tokio::sync::{Notify, mpsc};
use tokio::time::MissedTickBehavior;

use crate::report::Failure;
use crate::rules::trial::InForce;
use crate::service_manager;
use crate::settings::{self, Configuration, Loaded, Sections};
use crate::sink_types::SinkTypes;
use crate::wiring;

/// How often the file is looked at. It is loaded once it has been the same twice, so that a program that writes
/// it in pieces is told of mistakes.
const LOOK: Duration = Duration::from_secs(2);

/// What loads the configuration again, and what it was when it was loaded last.
pub(crate) struct Reloading {
    pub(crate) types: Arc<SinkTypes>,
    pub(crate) file: PathBuf,
    /// What the process runs with.
    pub(crate) sections: Sections,
    pub(crate) reloader: Reloader,
    /// Who may call back.
    pub(crate) callback_door: CallbackDoor,
    /// What rules are compiled against that are tried on a page.
    pub(crate) in_force: InForce,
}

impl Reloading {
    /// Loads the file on each of `hangups` and `requests`, and when it changes; runs until it is cancelled.
    pub(crate) async fn run(
        mut self,
        hangups: Arc<Notify>,
        mut requests: mpsc::Receiver<ReloadRequest>,
    ) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watched = WatchedFile::new(Stamp::of(&self.file).await);
        loop {
            let request = tokio::select! {
                () = hangups.notified() => None,
                Some(request) = requests.recv() => Some(request),
                _ = look.tick() => {
                    let stamp = Stamp::of(&self.file).await;
                    if !watched.has_changed(stamp) {
                        continue;
                    }
                    None
                }
            };
            watched.is_loaded(Stamp::of(&self.file).await);
            service_manager::reloading();
            let came = self.reload().await;
            service_manager::reloaded();
            if let Some(request) = request {
                request.answer(came);
            }
        }
    }

    async fn reload(&mut self) -> Reload {
        let came = match self.load().await {
            Ok(loaded) => self.take_over(loaded),
            Err(problems) => Reload::Refused { problems },
        };
        match &came {
            Reload::Done {
                changed,
                needs_restart,
            } => {
                let file = self.file.display();
                tracing::info!(%file, "the configuration was loaded again (changed: {})", list(changed));
                if !needs_restart.is_empty() {
                    let sections = list(needs_restart);
                    tracing::warn!("restart smswatch to apply what has changed in {sections}");
                }
            }
            Reload::Refused { problems } => {
                self.reloader.note_failure();
                for problem in problems {
                    tracing::error!(
                        "the new configuration was refused, and the previous one stays in force: {problem}"
                    );
                }
            }
            Reload::Impossible => {}
        }
        self.reloader.note_difference(difference(&came).as_deref());
        came
    }

    /// Reads the file, away from the threads that do the work: sinks are made, and may block.
    async fn load(&self) -> Result<Loaded, Vec<String>> {
        let (types, file) = (Arc::clone(&self.types), self.file.clone());
        let load = move || settings::load(&types, Some(&file));
        match tokio::task::spawn_blocking(load).await {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(failure)) => Err(problems(&failure)),
            Err(error) => Err(vec![format!("could not load the configuration: {error}")]),
        }
    }

    fn take_over(&mut self, loaded: Loaded) -> Reload {
        if let Some(section) = loaded.sections.key_has_changed(&self.sections) {
            let file = self.file.display();
            let problem =
                format!("{file}: restart smswatch to apply what has changed in `{section}`");
            return Reload::Refused {
                problems: vec![problem],
            };
        }
        for warning in &loaded.warnings {
            tracing::warn!("{}", warning.in_one_line());
        }
        for unusable in wiring::unusable_proxies(&loaded.configuration) {
            tracing::warn!("{unusable}");
        }
        self.in_force.replace(&loaded.configuration);
        let differences = self.sections.differences(&loaded.sections);
        let Configuration {
            settings,
            mut sinks,
            rules,
            http,
            ..
        } = loaded.configuration;
        self.callback_door.replace(&http.callbacks);
        let is_kept = |name: &&String| loaded.sections.has_same_sink(&self.sections, name);
        let kept: BTreeSet<String> = sinks.keys().filter(is_kept).cloned().collect();
        sinks.retain(|name, _| !kept.contains(name));
        self.reloader.reload(Changes {
            rules: Arc::new(rules),
            sinks,
            kept,
            settings,
        });
        self.sections = self.sections.taken_over(loaded.sections);
        Reload::Done {
            changed: differences.live,
            needs_restart: differences.at_start,
        }
    }
}

/// A line for each problem; the lines of the file are not among them, since secrets may stand there.
fn problems(failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Configuration(problems) => {
            let errors = problems.iter().filter(|problem| problem.is_error());
            errors.map(|problem| problem.in_one_line()).collect()
        }
        Failure::Usage(what) => vec![what.clone()],
        Failure::Failed(error) => vec![format!("{error:#}")],
    }
}

/// What the file says that is not in force, in a line for `smswatch status`; `None` if all of it is in force.
fn difference(came: &Reload) -> Option<String> {
    match came {
        Reload::Refused { problems } => {
            let (first, others) = problems.split_first()?;
            let others = match others.len() {
                0 => String::new(),
                1 => " (and 1 more mistake)".to_owned(),
                count => format!(" (and {count} more mistakes)"),
            };
            Some(format!(
                "the changed file was refused, and an older configuration is in force: {first}{others}"
            ))
        }
        Reload::Done { needs_restart, .. } if !needs_restart.is_empty() => Some(format!(
            "an older configuration is in force until smswatch is restarted; what has changed: {}",
            list(needs_restart)
        )),
        Reload::Done { .. } | Reload::Impossible => None,
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}

/// What tells one state of a file from the next, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// Another one stands there when a file was put in place of the one before.
    inode: u64,
}

impl Stamp {
    /// `None` if there is no file just now.
    async fn of(file: &Path) -> Option<Self> {
        let metadata = tokio::fs::metadata(file).await.ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
            inode: inode(&metadata),
        })
    }
}

fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

/// A file that is looked at now and then.
#[derive(Debug)]
struct WatchedFile {
    /// As it was when it was loaded.
    loaded: Option<Stamp>,
    /// As it was when it was looked at.
    seen: Option<Stamp>,
}

impl WatchedFile {
    fn new(stamp: Option<Stamp>) -> Self {
        Self {
            loaded: stamp,
            seen: stamp,
        }
    }

    /// Whether the file is another one than the one that was loaded, and has stayed the same since it was
    /// looked at before. A file that is not there is about to be replaced.
    fn has_changed(&mut self, stamp: Option<Stamp>) -> bool {
        let is_steady = self.seen == stamp;
        self.seen = stamp;
        is_steady && stamp.is_some() && stamp != self.loaded
    }

    fn is_loaded(&mut self, stamp: Option<Stamp>) {
        self.loaded = stamp;
        self.seen = stamp;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(bytes: u64) -> Option<Stamp> {
        Some(Stamp {
            modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(bytes)),
            bytes,
            inode: 7,
        })
    }

    #[test]
    fn a_file_is_loaded_once_it_has_changed_and_stayed_the_same() {
        let mut watched = WatchedFile::new(stamp(1));
        assert!(!watched.has_changed(stamp(1)));
        assert!(!watched.has_changed(stamp(2)), "it may still be written");
        assert!(!watched.has_changed(stamp(3)));
        assert!(watched.has_changed(stamp(3)));
        watched.is_loaded(stamp(3));
        assert!(!watched.has_changed(stamp(3)));
    }

    #[test]
    fn a_file_that_is_gone_is_waited_for() {
        let mut watched = WatchedFile::new(stamp(1));
        assert!(!watched.has_changed(None));
        assert!(!watched.has_changed(None));
        assert!(!watched.has_changed(stamp(1)), "it is back");
    }
}
