//! Durations as people read them.

use std::time::Duration;

/// A duration in its two greatest units: `3 s`, `4 min 5 s`, `2 h`.
pub(crate) fn plain_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (great, unit, rest, smaller) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => (seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => (seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => (seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    };
    if rest == 0 {
        format!("{great} {unit}")
    } else {
        format!("{great} {unit} {rest} {smaller}")
    }
}
