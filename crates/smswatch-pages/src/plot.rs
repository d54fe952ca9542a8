//! Plots as SVG: bars of several parts, and two lines over a scale of powers. What they show also stands in a table, which
//! the caller puts beside them; kinds differ in pattern and dashes, not in color alone.

use maud::{Markup, html};
use smswatch_model::Timestamp;

/// The width of a plot in its own units; it is drawn as wide as there is room.
const WIDTH: u32 = 960;

/// The height of what is plotted.
const HEIGHT: u32 = 150;

/// What stands left of it: the scale.
const LEFT: u32 = 60;

/// What stands above it.
const ABOVE: u32 = 12;

/// What stands below it: the hours.
const BELOW: u32 = 24;

/// Every how many hours one is named.
const NAMED: usize = 4;

/// The seconds at which the scale of times has a line.
const TIMES: [(f64, &str); 6] = [
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3600.0, "1 h"),
    (86_400.0, "1 d"),
];

/// One bar.
pub(crate) struct Bar {
    pub(crate) at: Timestamp,
    /// How much of each part, the lowest first, as many as there are classes.
    pub(crate) parts: [u64; 3],
    /// What is said when a pointer rests on it.
    pub(crate) said: String,
}

/// Bars of three parts, which have these classes of the style. `label` says what is seen.
pub(crate) fn bars(label: &str, classes: [&str; 3], bars: &[Bar]) -> Markup {
    let sums = bars.iter().map(|bar| bar.parts.iter().sum::<u64>());
    let highest = round_up(sums.max().unwrap_or(0));
    let step = step(bars.len());
    html! {
        (frame(label, html! {
            defs {
                // Failed messages are hatched, so that they stand out without color.
                pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.bad width="6" height="6" {}
                    rect.gap width="2" height="6" {}
                }
            }
            @for value in [highest, highest / 2] {
                @let y = height_of(value, highest);
                line.scale x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                text.scale x=(LEFT - 8) y=(y + 4.0) text-anchor="end" { (crate::words::number(value)) }
            }
            @for (index, bar) in bars.iter().enumerate() {
                @let x = left_of(index, step);
                g {
                    title { (bar.said) }
                    rect.touch x=(x) y=(ABOVE) width=(step) height=(HEIGHT) {}
                    @for (part, (class, y, height)) in stacked(bar, classes, highest).into_iter().enumerate() {
                        @if height > 0.0 {
                            rect class=[(part != 1).then_some(class)] x=(tenth(x + step * 0.1)) y=(y)
                                width=(tenth(step * 0.8)) height=(tenth(height))
                                fill=[(part == 1).then_some("url(#hatch)")] {}
                        }
                    }
                }
                (hour(bar.at, index, step))
            }
        }))
    }
}

/// One moment of two lines.
pub(crate) struct Pair {
    pub(crate) at: Timestamp,
    /// The lower and the upper value in seconds, if there are any.
    pub(crate) seconds: Option<(u32, u32)>,
}

/// Two lines over the same hours, on a scale of powers of seconds: the lower one whole, the upper one dashed.
pub(crate) fn lines(label: &str, pairs: &[Pair]) -> Markup {
    let upper = pairs.iter().filter_map(|pair| pair.seconds);
    let highest = upper.map(|(_, upper)| f64::from(upper)).fold(1.0, f64::max);
    let top = TIMES.iter().find(|(seconds, _)| *seconds >= highest * 1.2);
    let top = top.map_or(86_400.0, |(seconds, _)| *seconds).max(10.0);
    let step = step(pairs.len());
    html! {
        (frame(label, html! {
            @for (seconds, name) in TIMES.iter().filter(|(seconds, _)| *seconds <= top) {
                @let y = height_of_time(*seconds, top);
                line.scale x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                text.scale x=(LEFT - 8) y=(y + 4.0) text-anchor="end" { (name) }
            }
            @for (class, is_upper) in [("line", false), ("line dashed", true)] {
                @for run in runs(pairs, is_upper) {
                    polyline class=(class) points=(points(&run, step, top)) {}
                    @for (index, seconds) in &run {
                        circle class=(class) cx=(middle_of(*index, step)) cy=(height_of_time(f64::from(*seconds), top))
                            r="3" {}
                    }
                }
            }
            @for (index, pair) in pairs.iter().enumerate() { (hour(pair.at, index, step)) }
        }))
    }
}

fn frame(label: &str, content: Markup) -> Markup {
    let height = ABOVE + HEIGHT + BELOW;
    html! {
        svg.plot role="img" aria-label=(label) viewBox=(format!("0 0 {WIDTH} {height}")) { (content) }
    }
}

/// The name of an hour below the plot.
fn hour(at: Timestamp, index: usize, step: f64) -> Markup {
    html! {
        @if index.is_multiple_of(NAMED) {
            // A narrow screen has room for every other one.
            @let class = if index.is_multiple_of(2 * NAMED) { "scale hour" } else { "scale hour between" };
            // The last one would stand out on the right.
            @let is_last = left_of(index, step) + f64::from(LEFT) > f64::from(WIDTH);
            @let x = if is_last { f64::from(WIDTH) } else { left_of(index, step) };
            text class=(class) x=(x) text-anchor=[is_last.then_some("end")] y=(ABOVE + HEIGHT + 16) data-at=(at.to_string()) {
                (hour_of(at))
            }
        }
    }
}

/// `10:00`, in UTC.
pub(crate) fn hour_of(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(11..16).unwrap_or_default().to_owned()
}

/// The parts of a bar from below, each with where it begins from above and how high it is.
fn stacked<'c>(bar: &Bar, classes: [&'c str; 3], highest: u64) -> Vec<(&'c str, f64, f64)> {
    let mut below = 0;
    let parts = classes.into_iter().zip(bar.parts);
    parts
        .map(|(class, part)| {
            let bottom = height_of(below, highest);
            below += part;
            let top = height_of(below, highest);
            (class, top, bottom - top)
        })
        .collect()
}

/// The moments of one line, in runs without a gap.
fn runs(pairs: &[Pair], is_upper: bool) -> Vec<Vec<(usize, u32)>> {
    let mut runs: Vec<Vec<(usize, u32)>> = vec![Vec::new()];
    for (index, pair) in pairs.iter().enumerate() {
        match (pair.seconds, runs.last_mut()) {
            (Some((lower, upper)), Some(run)) => {
                run.push((index, if is_upper { upper } else { lower }));
            }
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn points(run: &[(usize, u32)], step: f64, top: f64) -> String {
    let points = run.iter().map(|(index, seconds)| {
        let (x, y) = (
            middle_of(*index, step),
            height_of_time(f64::from(*seconds), top),
        );
        format!("{x:.1},{y:.1}")
    });
    points.collect::<Vec<_>>().join(" ")
}

/// How wide one of `count` bars is.
#[expect(
    clippy::cast_precision_loss,
    reason = "there are a few hundred hours at most"
)]
fn step(count: usize) -> f64 {
    tenth(f64::from(WIDTH - LEFT) / count.max(1) as f64)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "there are a few hundred hours at most"
)]
fn left_of(index: usize, step: f64) -> f64 {
    tenth(f64::from(LEFT) + index as f64 * step)
}

fn middle_of(index: usize, step: f64) -> f64 {
    tenth(left_of(index, step) + step / 2.0)
}

#[expect(clippy::cast_precision_loss, reason = "a picture has fewer points")]
fn height_of(value: u64, highest: u64) -> f64 {
    let share = value as f64 / highest.max(1) as f64;
    tenth(f64::from(ABOVE) + f64::from(HEIGHT) * (1.0 - share))
}

fn height_of_time(seconds: f64, top: f64) -> f64 {
    let share = seconds.max(1.0).ln() / top.ln();
    tenth(f64::from(ABOVE) + f64::from(HEIGHT) * (1.0 - share))
}

/// Short numbers make short pages.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The next number that reads well on a scale: 2, 4, 10, 20, 40, 100 and so on.
fn round_up(value: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [2, 4, 10] {
            let rounded = power.saturating_mul(step);
            if rounded >= value || rounded == u64::MAX {
                return rounded;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_a_number_that_reads_well() {
        for (value, expected) in [(0, 2), (3, 4), (5, 10), (11, 20), (399, 400), (401, 1000)] {
            assert_eq!(round_up(value), expected, "{value}");
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_was_measured() {
        let pair = |seconds| Pair {
            at: Timestamp::default(),
            seconds,
        };
        let pairs = [Some((1, 2)), Some((3, 4)), None, None, Some((5, 6))].map(pair);
        assert_eq!(runs(&pairs, false), [vec![(0, 1), (1, 3)], vec![(4, 5)]]);
        assert_eq!(runs(&pairs, true), [vec![(0, 2), (1, 4)], vec![(4, 6)]]);
    }
}
