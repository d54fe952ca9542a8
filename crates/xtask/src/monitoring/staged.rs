//! Series of metrics on which each alert is to fire, and series on which none is.
//!
//! A line is a series and its values as `promtool` writes them, a sample a minute. A series that names no instance is one
//! of the replica `a`.

/// Series of a service that is well, for longer than any alert waits.
const WELL: &str = include_str!("staged/well.txt");

/// When all is still well, and when each alert has fired.
pub(super) const BEGINNING: &str = "30m";
pub(super) const END: &str = "180m";

/// A fault for each alert, under its name: the series that are others than in [`WELL`] or not there. Until [`BEGINNING`]
/// all is well.
const FAULTS: &str = include_str!("staged/faults.txt");

/// A series in the words of `promtool`, and its values.
pub(super) type Series = (String, &'static str);

/// What is otherwise while something is wrong.
pub(super) struct Fault {
    pub(super) alert: &'static str,
    /// The series that are others than those of a service that is well.
    pub(super) series: Vec<Series>,
}

/// The series of a service that is well.
pub(super) fn well() -> Vec<Series> {
    WELL.trim().lines().map(series).collect()
}

/// The faults, at least one for each alert.
pub(super) fn faults() -> Vec<Fault> {
    let faults = FAULTS.trim().split("\n\n");
    let fault = |text: &'static str| {
        let (alert, lines) = text.split_once('\n').expect("a name above its series");
        let (alert, _comment) = alert.split_once('#').unwrap_or((alert, ""));
        Fault {
            alert: alert.trim(),
            series: lines.lines().map(series).collect(),
        }
    };
    faults.map(fault).collect()
}

fn series(line: &'static str) -> Series {
    let (series, values) = line.trim().split_once(' ').expect("values");
    let (metric, labels) = series.split_once('{').unwrap_or((series, "}"));
    let instance = if labels.contains("instance=") {
        ""
    } else {
        "instance=\"a\","
    };
    let series = format!("{metric}{{job=\"smswatch\",{instance}{labels}");
    (series, values)
}
