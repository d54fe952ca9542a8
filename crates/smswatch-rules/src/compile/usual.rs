//! Compiles `above: usual × 3` and `above: usual + 5 points`: a bound that follows what is usual at this hour.

use smswatch_plugin::rules::{More, RateBound, UsualBound};

use super::Compiler;
use super::expect::spot;
use crate::yaml::{Entry, Node};

/// The bound that holds until the usual is known, unless the rule says so, in percent.
const UNTIL_USUAL: f64 = 10.0;

/// How many times the usual a bound can be at most.
const MOST_TIMES: f64 = 1000.0;

impl Compiler<'_> {
    /// The bound under `above`, which follows the usual.
    pub(super) fn usual_bound(&mut self, rule: &Node, above: &Entry) -> Option<UsualBound> {
        let Some(more) = behind_usual(above).and_then(more_of) else {
            let message = "`above` is more than `usual`, by a factor or by percentage points";
            self.error(spot(above), message).hint =
                Some("such as `usual × 3` (or `usual x 3`), or `usual + 5 points`".to_owned());
            return None;
        };
        let clears = rule.entry("clear_below").is_none();
        Some(UsualBound { more, clears })
    }

    /// The bound that holds until the usual is known.
    pub(super) fn until_usual(&mut self, rule: &Node, is_usual: bool) -> Option<RateBound> {
        let Some(entry) = rule.entry("until_usual") else {
            return Some(RateBound::Percent(UNTIL_USUAL));
        };
        if !is_usual {
            let message = "`until_usual` is for rates with `above: usual …`";
            self.error(entry.key.place, message).hint = Some("remove it".to_owned());
            return None;
        }
        let bound = self.bound(entry)?;
        if let RateBound::Count(_) = bound {
            let message = "`until_usual` is a percentage, such as `10%`";
            self.error(spot(entry), message);
            return None;
        }
        Some(bound)
    }
}

/// Whether a bound is one that follows the usual.
pub(super) fn follows_usual(above: &Entry) -> bool {
    behind_usual(above).is_some()
}

/// What stands behind `usual`.
fn behind_usual(above: &Entry) -> Option<&str> {
    let text = above.value.as_text().or_else(|| above.value.inserted())?;
    Some(text.trim().strip_prefix("usual")?.trim())
}

/// What stands behind `usual`: `× 3`, `x 3`, `* 3` or `+ 5 points`.
fn more_of(text: &str) -> Option<More> {
    if let Some(points) = text.strip_prefix('+') {
        let points = points.trim();
        let number = points
            .strip_suffix("points")
            .or_else(|| points.strip_suffix("point"))?;
        let number: f64 = number.trim().parse().ok()?;
        return (number > 0.0 && number < 100.0).then_some(More::Points(number));
    }
    let times = text.strip_prefix(['×', 'x', '*'])?;
    let times: f64 = times.trim().parse().ok()?;
    (times > 1.0 && times <= MOST_TIMES).then_some(More::Times(times))
}
