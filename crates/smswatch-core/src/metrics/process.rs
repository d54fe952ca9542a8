//! What the process costs, as Linux tells it: processor time, memory, and since when it runs.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

use super::Metrics;

/// In how many ticks of a second Linux tells the time of processes, on whichever machine.
const TICKS: f64 = 100.0;

/// Takes over into the metrics when the process started, which is about now.
pub(super) fn note_start(metrics: &Metrics) {
    // By the machine's clock, with which Prometheus compares its own.
    let seconds = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    metrics
        .process_start_time_seconds
        .set(i64::try_from(seconds).unwrap_or(i64::MAX));
}

/// Takes over into the metrics what the process costs by now; what cannot be read stays as it was.
pub(super) fn measure(metrics: &Metrics) {
    let read = |file| fs::read_to_string(file).ok();
    if let Some(seconds) = read("/proc/self/stat").as_deref().and_then(cpu_seconds) {
        let counter = metrics.process_cpu_seconds.inner();
        counter.store(seconds.to_bits(), Ordering::Relaxed);
    }
    if let Some(bytes) = read("/proc/self/status").as_deref().and_then(resident) {
        metrics.process_resident_memory_bytes.set(bytes);
    }
}

/// The processor time in what `/proc/self/stat` says.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name of the program stands in parentheses, and may hold some itself.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut ticks = || times.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

/// The bytes in memory in what `/proc/self/status` says.
fn resident(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read() {
        let stat = "71 (sms) watch) S 1 71 71 0 -1 4194560 5205 0 0 0 250 130 0 0 20 0 4 0 9 1 2";
        assert_eq!(cpu_seconds(stat), Some(3.8));
        let status = "Name:\tsmswatch\nVmRSS:\t   23140 kB\nRssAnon:\t 9 kB\n";
        assert_eq!(resident(status), Some(23_695_360));
        assert_eq!(cpu_seconds("71"), None);
        assert_eq!(resident(""), None);
    }

    #[test]
    fn this_process_costs_something() {
        let metrics = Metrics::new(17);
        measure(&metrics);
        assert!(metrics.process_resident_memory_bytes.get() > 1024 * 1024);
        assert!(metrics.process_start_time_seconds.get() > 1_700_000_000);
    }
}
