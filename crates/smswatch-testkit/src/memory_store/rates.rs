//! Rates: the generic cell rate algorithm, in microseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::Timestamp;
use smswatch_plugin::store::{Rate, Rates, Reserved, StoreError};

use super::MemoryStore;

fn reserve(
    rates: &mut BTreeMap<String, i64>,
    name: &str,
    rate: Rate,
    want: u32,
    now: Timestamp,
) -> Reserved {
    let now = now.as_millis().saturating_mul(1000);
    let burst = i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX / 4);
    let interval = (burst / i64::from(rate.permits.max(1))).max(1);
    let arrival = rates.entry(name.to_owned()).or_insert(now);
    *arrival = (*arrival).clamp(now, now + burst);
    let free = u32::try_from((now + burst - *arrival) / interval).unwrap_or(0);
    let granted = free.min(want);
    *arrival += i64::from(granted) * interval;
    let wait = match granted == want {
        true => 0,
        false => *arrival + interval - now - burst,
    };
    let next_in = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
    Reserved { granted, next_in }
}

#[async_trait]
impl Rates for MemoryStore {
    async fn reserve(&self, name: &str, rate: Rate, want: u32) -> Result<Reserved, StoreError> {
        self.step(|all, now| reserve(&mut all.rates, name, rate, want, now))
            .await
    }
}
