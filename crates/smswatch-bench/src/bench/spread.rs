//! How values lie: the least, the middle, the highest, and what lies between.

use anyhow::Context as _;

/// At least one value, smallest first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread(Vec<f64>);

impl Spread {
    /// Of values in any order.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> anyhow::Result<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        values.first().context("nothing was measured")?;
        Ok(Self(values))
    }

    pub(super) fn least(&self) -> f64 {
        self.0[0]
    }

    pub(super) fn median(&self) -> f64 {
        self.percentile(50)
    }

    pub(super) fn highest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// The value that `percent` of a hundred lie below.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }

    /// How many lie below `limit`.
    pub(super) fn below(&self, limit: f64) -> usize {
        self.0.partition_point(|value| *value < limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_order() {
        let spread = Spread::of([3.0, 1.0, 5.0, 2.0, 4.0]).expect("there are some");
        let seen = [spread.least(), spread.median(), spread.highest()];
        assert_eq!(seen, [1.0, 3.0, 5.0]);
        assert_eq!([spread.percentile(0), spread.percentile(99)], [1.0, 5.0]);
        assert_eq!([1.0, 3.5, 9.0].map(|limit| spread.below(limit)), [0, 3, 5]);
    }

    #[test]
    fn nothing_has_no_middle() {
        assert!(Spread::of([]).is_err());
    }
}
