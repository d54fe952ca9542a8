//! The part of a store that keeps rates: what goes in and out of it.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// Grants permits of rates that all processes keep together.
#[async_trait]
pub trait Rates: Send + Sync {
    /// Takes up to `want` permits of the rate called `name`, for all processes together.
    ///
    /// # Errors
    ///
    /// The store is not available; no permit was used as far as the caller is concerned.
    async fn reserve(&self, name: &str, rate: Rate, want: u32) -> Result<Reserved, StoreError>;
}

/// A rate that all processes on one store keep together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many permits there are in `per`; at least 1. Also the largest burst.
    pub permits: u32,
    /// In how long.
    pub per: Duration,
}

impl Rate {
    /// A rate that lets no more than `permits`, at least 1, through in any span of `per`.
    ///
    /// Permits that have collected come on top of those that grow meanwhile: so only a tenth of them
    /// may collect, and the others grow a little more slowly.
    #[must_use]
    pub fn never_above(permits: u32, per: Duration) -> Self {
        let burst = (permits / 10).max(1);
        let growing = permits.max(1) - burst + 1;
        Self {
            permits: burst,
            per: per.mul_f64(f64::from(burst) / f64::from(growing)),
        }
    }

    /// How many permits grow within `span`.
    #[must_use]
    pub fn permits_in(self, span: Duration) -> u64 {
        let spans = span.as_secs_f64() / self.per.as_secs_f64().max(f64::MIN_POSITIVE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is positive, and too large a number is the same as any large one"
        )]
        let permits = (spans * f64::from(self.permits)) as u64;
        permits
    }
}

/// What was left of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// How many permits may be used at once; at most as many as were wanted.
    pub granted: u32,
    /// How long until another permit can be had; zero when all that were wanted were granted.
    pub next_in: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When permits are had, in seconds, if each is taken as soon as it is available.
    fn taken(rate: Rate, count: usize) -> Vec<f64> {
        let interval = rate.per.as_secs_f64() / f64::from(rate.permits);
        let burst = rate.permits as usize;
        let grown = (1..).map(|n| f64::from(n) * interval);
        std::iter::repeat_n(0.0, burst)
            .chain(grown)
            .take(count)
            .collect()
    }

    #[test]
    fn no_span_has_more_permits_than_there_may_be() {
        for permits in (1..=30).chain([99, 100, 1000]) {
            let rate = Rate::never_above(permits, Duration::from_secs(60));
            let taken = taken(rate, 3000);
            // A microsecond for what is lost in rounding.
            let within =
                |(n, from): (usize, &f64)| taken.partition_point(|at| *at < from + 60.0 - 1e-6) - n;
            let most = taken.iter().enumerate().map(within).max();
            assert!(most <= Some(permits as usize), "{permits}: {most:?}");
            let lasting = 60.0 / (rate.per.as_secs_f64() / f64::from(rate.permits));
            assert!(lasting >= 0.9 * f64::from(permits), "{permits}: {lasting}");
        }
    }
}
