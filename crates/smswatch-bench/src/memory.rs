//! How much memory a process takes, as Linux tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;

/// How often the memory of a process is looked at that may be killed at any moment.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Resident memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What it takes now.
    pub resident: u64,
    /// The most that it took so far.
    pub highest: u64,
}

impl Memory {
    /// Of the process `pid`.
    ///
    /// # Errors
    ///
    /// It has ended, or this is not Linux.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let path = format!("/proc/{pid}/status");
        let text = std::fs::read_to_string(path).context("the process has ended")?;
        Self::read(&text)
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        let bytes = |name: &str| -> anyhow::Result<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next());
            // A process that has ended and was not waited for has no such line.
            let kib: u64 = number.context("the process has ended")?.parse()?;
            Ok(kib * 1024)
        };
        Ok(Self {
            resident: bytes("VmRSS:")?,
            highest: bytes("VmHWM:")?,
        })
    }
}

/// The most memory that any of several processes took, one after the other or at once.
#[derive(Debug, Clone, Default)]
pub struct Peak(Arc<AtomicU64>);

impl Peak {
    /// The most so far, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks at the process `pid` again and again, until it has ended.
    pub async fn follow(self, pid: u32) {
        while let Ok(memory) = Memory::of(pid) {
            self.0.fetch_max(memory.highest, Ordering::Relaxed);
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_memory_are_read() {
        let text = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let memory = Memory::read(text).expect("both lines");
        assert_eq!((memory.resident, memory.highest), (1 << 20, 2 << 20));
        assert!(Memory::read("Name:\tx\nState:\tZ (zombie)\n").is_err());
    }

    #[tokio::test]
    async fn a_peak_is_told_of_a_process_that_has_ended() {
        let peak = Peak::default();
        let mut child = tokio::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("there is `sleep`");
        let following = tokio::spawn(peak.clone().follow(child.id().expect("it runs")));
        while peak.bytes() == 0 {
            tokio::task::yield_now().await;
        }
        child.kill().await.expect("it runs");
        following.await.expect("it ends with the process");
        assert!(peak.bytes() > 0);
    }
}
